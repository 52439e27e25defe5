"""Governance by GraphQL: the same rights and refusals as the other routes, few statements, and limits."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from graphql import get_introspection_query
from sqlalchemy import text

from mercato.api.graphql import SCHEMA
from mercato.identity import Caller, Role
from tests.conftest import TestClock
from tests.metering.test_usage_api import PASSWORD, sign_in
from tests.support.governed import ask, codes, submit
from tests.support.market import Market
from tests.support.statements import counted

SCHEMA_FILE = Path(__file__).parents[2] / "docs" / "reference" / "governance.graphql"
SEEN = "0" * 64
DECIDE = (
    "mutation ($id: ID!, $digest: String!, $say: Decision!, $why: String!)"
    " { decide(submissionId: $id, digest: $digest, decision: $say, reason: $why)"
    " { id approval { state votes { person decision } } } }"
)


async def shops(market: Market, count: int = 4) -> list[Caller]:
    vendors = [await market.people.join(f"vendor-{number}") for number in range(count)]
    for vendor in vendors:
        for name in ("embedder", "reader"):
            await market.list_service(vendor, name)
    return vendors


def test_the_schema_file_is_the_schema() -> None:
    assert SCHEMA_FILE.read_text() == SCHEMA.as_str() + "\n"


async def test_a_page_of_services_with_all_beside_it_takes_few_statements_whatever_its_size(
    api: httpx.AsyncClient, app: FastAPI, market: Market
) -> None:
    await shops(market)
    headers = await sign_in(api, await market.operator())
    query = (
        "query ($first: Int!) { services(first: $first) { next items { id name vendor { slug } releases(first: 10)"
        " { version status submission { state evidence { phase } approval { state votes { person } } } } } } }"
    )
    counts = []
    for first in (1, 1, 8):  # the first opens connections
        with counted(app) as found:
            answer = await ask(api, headers, query, first=first)
        assert "errors" not in answer, answer
        assert len(answer["data"]["services"]["items"]) == first
        counts.append(len(found))
    assert counts[1] == counts[2] <= 12, counts
    item = answer["data"]["services"]["items"][0]
    assert item["vendor"]["slug"].startswith("vendor-")
    assert [release["submission"]["state"] for release in item["releases"]] == ["released"]
    pages = await ask(api, headers, "{ services(first: 3) { next items { id } } }")
    after = pages["data"]["services"]["next"]
    more = await ask(api, headers, "query ($a: String) { services(first: 100, after: $a) { items { id } } }", a=after)
    ids = [one["id"] for page in (pages, more) for one in page["data"]["services"]["items"]]
    assert len(set(ids)) == len(ids) == 8


async def test_everyone_sees_what_the_other_routes_show_them(api: httpx.AsyncClient, market: Market) -> None:
    one, two, *_ = await shops(market, 2)
    submission = await submit(market, one)
    mine, theirs, operator = [await sign_in(api, who) for who in (one, two, await market.operator())]
    lists = "{ services(first: 100) { items { vendor { slug } } } submissions(first: 5) { items { id } } }"
    found = (await ask(api, mine, lists))["data"]
    assert {row["vendor"]["slug"] for row in found["services"]["items"]} == {"vendor-0"}
    own = [row["id"] for row in found["submissions"]["items"]]
    assert submission in own
    assert len(own) == 3
    single = "query ($id: ID!) { submission(id: $id) { id evidence { phase findings } } }"
    assert (await ask(api, theirs, single, id=submission))["data"]["submission"] is None
    seen = (await ask(api, mine, single, id=submission))["data"]["submission"]
    assert [row["phase"] for row in seen["evidence"]] == [1, 2, 3]
    services = (await ask(api, operator, "{ services(first: 100) { items { id } } }"))["data"]["services"]["items"]
    assert len(services) == 4
    foreign = "query ($id: ID!) { service(id: $id) { name releases(first: 1) { version submission { id } } } }"
    for row in services:
        answer = await ask(api, theirs, foreign, id=row["id"])
        release = answer["data"]["service"]["releases"][0]
        assert (release["submission"] is None) == (codes(answer) == ["not_allowed"])
    assert codes(await ask(api, mine, "{ approvals(first: 5) { items { id } } }")) == ["not_allowed"]
    queue = await ask(api, operator, "{ approvals(first: 5) { items { id vendor { slug } approval { rule } } } }")
    assert [row["id"] for row in queue["data"]["approvals"]["items"]] == [submission]
    report = "{ compliance(first: 10) { items { version phasesPassed approvedBy service { name } } } }"
    assert len((await ask(api, operator, report))["data"]["compliance"]["items"]) == 4
    assert len((await ask(api, mine, report))["data"]["compliance"]["items"]) == 2
    bare = await api.post("/graphql", json={"query": lists})
    assert (bare.status_code, bare.json()["code"]) == (401, "not_signed_in")


async def test_a_decision_is_that_of_the_other_route(api: httpx.AsyncClient, market: Market) -> None:
    vendor = await market.people.join("acme")
    operator = await market.operator()
    one, own = await submit(market, vendor), await submit(market, operator, "house")
    theirs, headers = await sign_in(api, vendor), await sign_in(api, operator)
    good = {"say": "APPROVE", "why": "good", "digest": SEEN}
    refused = await ask(api, theirs, DECIDE, id=one, **good)
    assert (refused["data"], codes(refused)) == (None, ["not_allowed"])
    refused = await ask(api, headers, DECIDE, id=own, **good)
    assert (refused["data"], codes(refused)) == (None, ["own_submission"])
    assert codes(await ask(api, headers, DECIDE, id="sub_none", **good)) == ["approval_not_found"]
    assert codes(await ask(api, headers, DECIDE, id=one, **{**good, "why": ""})) == ["malformed_request"]
    for _ in range(2):
        done = await ask(api, headers, DECIDE, id=one, **good)
        assert done["data"]["decide"]["approval"] == {
            "state": "approved", "votes": [{"person": operator.actor, "decision": "approve"}],
        }  # fmt: skip
    assert codes(await ask(api, headers, DECIDE, id=one, **{**good, "say": "REJECT"})) == ["already_decided"]
    waiting = await ask(api, headers, "{ approvals(first: 5) { items { id } } }")
    assert [row["id"] for row in waiting["data"]["approvals"]["items"]] == [own]


async def test_a_decision_needs_a_recent_proof_as_on_the_other_route(
    api: httpx.AsyncClient, market: Market, clock: TestClock
) -> None:
    submission = await submit(market, await market.people.join("acme"))
    headers = await sign_in(api, await market.operator())
    clock.advance(timedelta(minutes=11))
    asked = {"id": submission, "digest": SEEN, "say": "APPROVE", "why": "good"}
    assert codes(await ask(api, headers, DECIDE, **asked)) == ["step_up_needed"]
    proved = await api.post("/api/sessions/current/proof", json={"password": PASSWORD}, headers=headers)
    assert proved.status_code == 204
    done = await ask(api, headers, DECIDE, **asked)
    assert done["data"]["decide"]["approval"]["state"] == "approved"


async def test_a_decision_holds_for_what_was_looked_at(api: httpx.AsyncClient, market: Market) -> None:
    submission = await submit(market, await market.people.join("acme"))
    headers = await sign_in(api, await market.operator())
    seen = await ask(api, headers, "{ approvals(first: 1) { items { id digest } } }")
    assert seen["data"]["approvals"]["items"] == [{"id": submission, "digest": SEEN}]
    asked = {"id": submission, "say": "APPROVE", "why": "good"}
    for other in ("1" * 64, "", SEEN[:-1]):
        assert codes(await ask(api, headers, DECIDE, **asked, digest=other)) == ["approval_digest_differs"]
    blind = DECIDE.replace("$digest: String!, ", "").replace("digest: $digest, ", "")
    assert codes(await ask(api, headers, blind, **asked)) == ["graphql_invalid"]
    done = await ask(api, headers, DECIDE, **asked, digest=SEEN)
    assert done["data"]["decide"]["approval"]["state"] == "approved"


async def test_a_first_vote_of_two_is_an_entry_of_the_audit_log_once(
    api: httpx.AsyncClient, app: FastAPI, market: Market
) -> None:
    submission = await submit(market, await market.people.join("acme"), people=2)
    headers = await sign_in(api, await market.operator())
    done = await ask(api, headers, DECIDE, id=submission, digest=SEEN, say="APPROVE", why="one of two")
    assert done["data"]["decide"]["approval"]["state"] == "pending"
    await ask(api, headers, "{ services(first: 1) { next } }")
    async with market.database.transaction() as session:
        rows = await session.execute(text("SELECT payload FROM outbox_events WHERE topic = 'request.served'"))
        seen = [row[0] for row in rows]
    assert [(one["verb"], one["subject_id"]) for one in seen] == [("approval.voted", submission)]


async def test_metrics_are_the_series_of_the_other_route(api: httpx.AsyncClient, market: Market) -> None:
    vendor = await market.people.join("acme")
    service, plan = await market.list_service(vendor)
    customer = await market.customer(service, plan)
    await market.take([market.event(customer) for _ in range(7)])
    headers = await sign_in(api, customer.caller)
    asked = {"since": "2026-11-01T00:00:00Z", "until": "2026-11-03T00:00:00Z"}
    query = (
        "query ($since: DateTime!, $until: DateTime!, $by: [String!]!) { metrics(since: $since, until: $until,"
        ' metrics: ["calls", "charged_nanos"], groupBy: $by) { steps series { keys names values total } } }'
    )
    found = (await ask(api, headers, query, by=["service"], **asked))["data"]["metrics"]
    params = {**asked, "metric": ["calls", "charged_nanos"], "group_by": "service"}
    other = (await api.get("/api/usage/series", params=params, headers=headers)).json()
    assert [line["values"] for line in found["series"]] == [line["values"] for line in other["series"]]
    assert [line["names"] for line in found["series"]] == [["acme/embedder"]]
    assert codes(await ask(api, headers, query, by=["moon"], **asked)) == ["malformed_request"]
    assert codes(await ask(api, headers, query, by=["consumer"], **asked)) == ["usage_group_refused"]


async def test_figures_count_as_cost_and_everyday_questions_stay(api: httpx.AsyncClient, market: Market) -> None:
    headers = await sign_in(api, await market.people.join("acme"))
    period = 'since: "2026-11-01T00:00:00Z", until: "2026-12-01T00:00:00Z"'
    names = ["calls", "failed", "tokens_in", "tokens_out", "charged_nanos", "mean_us", "p50_us", "p95_us", "p99_us"]
    all_names = str(names).replace("'", '"')

    async def figures(count: int, step: str, more: str = "") -> list[str]:
        field = f'metrics({period}, step: "{step}", metrics: {all_names}{more}) {{ steps }}'
        query = "{ " + " ".join(f"m{number}: {field}" for number in range(count)) + " }"
        return codes(await ask(api, headers, query))

    assert set(await figures(30, "15m")) == {"graphql_too_large"}
    # Each reading costs something, however few figures come of it.
    assert set(await figures(30, "month")) == {"graphql_too_large"}
    assert set(await figures(1, "day", ', groupBy: ["service"], top: 100')) == {"graphql_too_large"}
    answer = await ask(api, headers, f'{{ metrics({period}, step: "15m", metrics: {all_names}) {{ steps }} }}')
    by_name = f"query ($step: String!) {{ metrics({period}, step: $step, metrics: {all_names}) {{ steps }} }}"
    assert codes(await ask(api, headers, by_name, step="15m")) == ["graphql_too_large"]
    assert "longer steps, a shorter period" in answer["errors"][0]["message"]
    # A dashboard: each metric by the hour for a month, or a dozen small questions at once.
    assert await figures(1, "hour") == []
    assert await figures(12, "week") == []
    assert await figures(1, "day", ', groupBy: ["service"], top: 20') == []


def nested(depth: int) -> str:
    return "{ " + "services(first: 1) { items { vendor { " * depth + "id" + " } } }" * depth + " }"


BOMB = "{ ...F0 } " + " ".join(
    f"fragment F{n} on Query {{ ...F{n + 1} ...F{n + 1} }}" for n in range(40)
) + " fragment F40 on Query { services(first: 1) { next } }"  # fmt: skip


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (nested(17), "graphql_too_large"),
        ("{ " + "a { " * 50 + "b" + " }" * 50 + " }", "graphql_too_large"),
        ("{ " + "a { " * 900 + "b" + " }" * 900 + " }", "graphql_too_large"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(1_000)) + " }", "graphql_too_large"),
        ("{ " + " ".join(f"a{n}: __typename" for n in range(31)) + " }", "graphql_too_large"),
        ("{ " + "a " * 3_000 + "}", "graphql_too_large"),
        (BOMB, "graphql_too_large"),
        ("{ ...A } fragment A on Query { ...A }", "graphql_invalid"),
        ("{ services(first: 100) { items { releases(first: 100) { version } } } }", "graphql_too_large"),
        ("query ($n: Int!) { services(first: $n) { items { releases(first: $n) { id } } } }", "graphql_too_large"),
        ("{ services { next } }", "graphql_invalid"),
        ("{ services(first: 101) { next } }", "graphql_page_size"),
        ("{ services(first: 0) { next } }", "graphql_page_size"),
        ("{ services(first: 99999999999999999999) { next } }", "graphql_invalid"),
        ("{ __schema { types { fields { type { fields { name } } } } } }", "graphql_too_large"),
        ("{ salaries(first: 1) { next } }", "graphql_invalid"),
        ("{ services(first: 1) ", "graphql_invalid"),
        ("subscription { changes { topic } }", "graphql_wrong_door"),
        ("mutation { a: decide(submissionId: 1, digest: \"\", decision: APPROVE, reason: \"\") { id } "
         "b: decide(submissionId: 1, digest: \"\", decision: APPROVE, reason: \"\") { id } }", "graphql_too_large"),
        ("query A { __typename } query B { __typename }", "graphql_invalid"),
    ],
)  # fmt: skip
async def test_what_asks_for_too_much_is_refused_before_anything_is_looked_up(
    api: httpx.AsyncClient, app: FastAPI, market: Market, query: str, code: str
) -> None:
    headers = await sign_in(api, await market.operator())
    with counted(app) as found:
        answer = await api.post("/graphql", json={"query": query, "variables": {"n": 3}}, headers=headers)
    assert answer.status_code == 200, answer.text
    assert codes(answer.json()) == [code], answer.text
    assert answer.json()["errors"][0]["extensions"]["fix"]
    assert not [one for one in found if "FROM services" in one]


async def test_introspection_is_for_those_who_are_signed_in(api: httpx.AsyncClient, market: Market) -> None:
    headers = await sign_in(api, await market.people.join("acme", Role.VIEWER))
    answer = await ask(api, headers, get_introspection_query())
    assert "errors" not in answer
    assert answer["data"]["__schema"]["queryType"]["name"] == "Query"


async def test_neither_get_nor_another_site_nor_a_form_is_listened_to(api: httpx.AsyncClient, market: Market) -> None:
    headers = await sign_in(api, await market.operator())
    query = {"query": "{ services(first: 1) { next } }"}
    assert (await api.get("/graphql", params=query, headers=headers)).status_code == 405
    for name, value in (("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")):
        for path in ("/graphql", "/graphql/stream"):
            refused = await api.post(path, json=query, headers={**headers, name: value})
            assert (refused.status_code, refused.json()["code"]) == (403, "foreign_site")
    form = await api.post(
        "/graphql", content=b'{"query": "{ __typename }"}', headers={**headers, "content-type": "text/plain"}
    )
    assert form.status_code == 422
    same = await api.post("/graphql", json=query, headers={**headers, "sec-fetch-site": "same-origin"})
    assert same.status_code == 200
