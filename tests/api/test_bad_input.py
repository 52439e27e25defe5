"""What no route may be talked into, tried on every route of the document: ranges upside down, times beyond all
calendars, zones that do not exist, other organisations' ids in exports."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.api.test_rights import wiring
from tests.metering.test_usage_api import sign_in
from tests.support.market import Market

__all__ = ["wiring"]

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/reference/openapi.json").read_text())
EARLIER, LATER = "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"


def _reads() -> dict[str, tuple[str, dict[str, dict[str, Any]]]]:
    """By operation: its address with the examples filled in, and its query parameters by name."""
    found = {}
    for path, methods in DOCUMENT["paths"].items():
        operation = methods.get("get")
        if operation is None:
            continue
        parameters = [each for each in operation.get("parameters", []) if "in" in each]
        filled = path.format(
            **{each["name"]: each.get("example", "nobody") for each in parameters if each["in"] == "path"}
        )
        query = {each["name"]: each for each in parameters if each["in"] == "query"}
        found[operation["operationId"]] = (filled, query)
    return found


READS = _reads()
RANGES = sorted(
    (name, low, high)
    for name, (_, query) in READS.items()
    for low, high in (
        ("since", "until"), ("released_since", "released_until"),
        *((each, "max_" + each[4:]) for each in query if each.startswith("min_")),
    )
    if low in query and high in query
)  # fmt: skip
TIMES = sorted(
    (name, each)
    for name, (_, query) in READS.items()
    for each, parameter in query.items()
    if "date" in json.dumps(parameter["schema"])
)


@pytest.fixture
async def askers(api: httpx.AsyncClient, market: Market, wiring: object) -> list[Mapping[str, str]]:
    """An operator, and the administrator of an ordinary organisation."""
    return [await sign_in(api, await market.operator()), await sign_in(api, await market.people.join("acme"))]


def required(name: str) -> dict[str, Any]:
    """What the operation cannot be asked without."""
    return {each: one.get("example", "nobody") for each, one in READS[name][1].items() if one.get("required")}


def is_refusal(answer: httpx.Response) -> bool:
    """A clear one: a status of the client's, a code, and what to do."""
    return 400 <= answer.status_code < 500 and {"code", "detail", "fix"} <= answer.json().keys()


def test_there_are_ranges_and_times_to_try() -> None:
    assert len(RANGES) > 20
    assert len(TIMES) > 20


async def test_a_range_upside_down_is_refused_and_says_so(
    api: httpx.AsyncClient, askers: list[Mapping[str, str]]
) -> None:
    wrong = []
    for name, low, high in RANGES:
        first, last = (LATER, EARLIER) if "since" in low else ("9", "3")
        more = {"currency": "USD"} if "price" in low else {}
        for who in askers:
            asked = {**required(name), **more, low: first, high: last}
            answer = await api.get(READS[name][0], params=asked, headers=dict(who))
            if answer.status_code not in (403, 404) and not (answer.status_code == 422 and is_refusal(answer)):
                wrong.append(f"{name} {low}: {answer.status_code} {answer.text[:150]}")
    assert not wrong, "\n".join(wrong)


async def test_a_time_beyond_all_calendars_is_refused_or_finds_nothing(
    api: httpx.AsyncClient, askers: list[Mapping[str, str]]
) -> None:
    wrong = []
    for name, parameter in TIMES:
        for value in (
            "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-02-30T00:00:00Z", "9" * 20, "\0",
        ):  # fmt: skip
            asked = {**required(name), parameter: value}
            answer = await api.get(READS[name][0], params=asked, headers=dict(askers[0]))
            if answer.status_code >= 400 and not is_refusal(answer):
                wrong.append(f"{name} {parameter}={value!r}: {answer.status_code} {answer.text[:150]}")
    assert not wrong, "\n".join(wrong)


ZONES = (
    "Mars/Olympus", "", "../../etc/passwd", "Europe/Berlin\0", "UTC/..", "/etc/localtime", "localtime", "posixrules",
    "x" * 60, "europe/berlin ", "Etc/GMT+99", "%00",
)  # fmt: skip


async def test_a_zone_that_does_not_exist_is_refused_by_every_door(
    api: httpx.AsyncClient, askers: list[Mapping[str, str]]
) -> None:
    doors, wrong = [path for path, query in READS.values() if "zone" in query], []
    assert doors
    query = "query ($zone: String!) { metrics(since: %s, until: %s, zone: $zone) { steps } }"
    query %= (json.dumps(EARLIER), json.dumps(LATER))
    for zone in ZONES:
        for path in doors:
            asked = {"zone": zone, "since": EARLIER, "until": LATER}
            answer = await api.get(path, params=asked, headers=dict(askers[1]))
            if not (answer.status_code == 422 and is_refusal(answer)):
                wrong.append(f"{path} {zone!r}: {answer.status_code} {answer.text[:150]}")
        body = {"query": query, "variables": {"zone": zone}}
        answer = await api.post("/graphql", json=body, headers=dict(askers[1]))
        if [each["extensions"]["status"] for each in answer.json().get("errors", [])] != [422]:
            wrong.append(f"graphql {zone!r}: {answer.text[:150]}")
    assert not wrong, "\n".join(wrong)


async def test_graphql_refuses_them_too(api: httpx.AsyncClient, askers: list[Mapping[str, str]]) -> None:
    query = "query ($a: DateTime!, $b: DateTime!) { metrics(since: $a, until: $b) { steps } }"
    for first, last in (
        (LATER, EARLIER), ("0001-01-01T00:00:00+14:00", LATER), (EARLIER, "9999-12-31T23:59:59-14:00"),
    ):  # fmt: skip
        body = {"query": query, "variables": {"a": first, "b": last}}
        answer = await api.post("/graphql", json=body, headers=dict(askers[1]))
        assert [each["extensions"]["status"] for each in answer.json()["errors"]] == [422], answer.text


async def test_exports_hold_nothing_of_other_organisations_whatever_is_asked_for(
    api: httpx.AsyncClient, app: FastAPI, market: Market, askers: list[Mapping[str, str]]
) -> None:
    vendor = await market.people.join("vendor")
    service, plan = await market.list_service(vendor)
    customer = await market.customer(service, plan)
    await market.take([market.event(customer) for _ in range(3)])
    stranger, theirs = dict(askers[1]), await sign_in(api, customer.caller)
    ids = {
        "consumer_id": customer.caller.organisation_id, "vendor_id": vendor.organisation_id, "service_id": service.id,
        "key_id": market.event(customer).key_id, "organisation": customer.caller.organisation_slug,
    }  # fmt: skip
    since = {"since": "2026-01-01T00:00:00Z"}
    own = await api.get("/api/usage/calls/export", params={**since, "format": "jsonl"}, headers=theirs)
    assert own.text.count("\n") == 3
    tried = 0
    for name, (path, query) in READS.items():
        if not path.endswith("/export"):
            continue
        for side in ("consumer", "vendor", "marketplace"):
            for parameter, value in ({"": ""} | {each: ids[each] for each in ids if each in query}).items():
                asked = {**required(name), parameter: value, "side": side, "format": "jsonl"}
                asked = {each: one for each, one in {**since, **asked}.items() if each in query}
                answer = await api.get(path, params=asked, headers=stranger)
                tried += 1
                assert answer.status_code in (200, 403, 404, 422), answer.text
                for secret in (customer.caller.organisation_id, customer.caller.actor, service.id):
                    assert answer.status_code != 200 or secret not in answer.text, (name, asked)
    assert tried > 10
