"""Data over HTTP: who sees what, links to files, targets under embargo, and what operators may do."""

import hashlib
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from mercato.datasets.models import Dataset
from mercato.identity import Caller, Keys, Role
from mercato.identity.permissions import permissions_of
from tests.conftest import People
from tests.datasets.conftest import DataRoom

PASSWORD = "correct horse battery"
NAME = "us-equities-daily"
ROUND = "rnd_" + "0" * 32


async def sign_in(api: httpx.AsyncClient, caller: Caller) -> dict[str, str]:
    email = f"{caller.organisation_slug}@example.org"
    answer = await api.post("/api/sessions", json={"email": email, "password": PASSWORD})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
async def vendor(api: httpx.AsyncClient, people: People) -> dict[str, str]:
    """The headers of a vendor's administrator."""
    return await sign_in(api, await people.join("acme"))


@pytest.fixture
async def operator(api: httpx.AsyncClient, people: People) -> dict[str, str]:
    """The headers of the operator's administrator."""
    return await sign_in(api, await people.operator())


async def ask(api: httpx.AsyncClient, path: str, headers: dict[str, str]) -> Any:
    answer = await api.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_vendor_lists_reads_and_downloads(
    api: httpx.AsyncClient, room: DataRoom, vendor: dict[str, str]
) -> None:
    await room.build()
    opened = await room.open()
    (listed,) = (await ask(api, "/api/datasets", vendor))["items"]
    assert (listed["name"], listed["open_round"], listed["is_private"]) == (NAME, 1, False)
    detail = await ask(api, f"/api/datasets/{NAME}", vendor)
    assert "Survivorship bias" in detail["card"]
    assert len(detail["features"]) == 23
    (seen,) = (await ask(api, f"/api/datasets/{NAME}/rounds", vendor))["items"]
    current = await ask(api, f"/api/datasets/{NAME}/rounds/current", vendor)
    assert seen["id"] == current["id"] == opened.id == (await ask(api, f"/api/rounds/{opened.id}", vendor))["id"]
    for file in current["files"]:
        if file["name"] != "targets.parquet":
            grant = await ask(api, f"/api/rounds/{opened.id}/files/{file['name']}", vendor)
            content = (await api.get(grant["url"])).content
            assert hashlib.sha256(content).hexdigest() == grant["sha256"] == file["sha256"]
            assert len(content) == grant["bytes"]


async def test_targets_are_handed_out_once_the_round_is_resolved(
    api: httpx.AsyncClient, room: DataRoom, vendor: dict[str, str], operator: dict[str, str]
) -> None:
    await room.build()
    opened = await room.open()
    path = f"/api/rounds/{opened.id}/files/targets.parquet"

    async def is_under_embargo() -> bool:
        answers = [await api.get(path, headers=headers) for headers in (vendor, operator)]
        return [(answer.status_code, answer.json().get("code")) for answer in answers] == [
            (409, "targets_under_embargo")
        ] * 2

    assert await is_under_embargo()
    await room.close(opened.id)
    assert await is_under_embargo()
    await room.score(opened.id)
    assert await is_under_embargo()
    committed = (await ask(api, f"/api/rounds/{opened.id}", vendor))["files"]
    room.clock.advance(timedelta(days=6))
    vendor, operator = await sign_in(api, ACME), await sign_in(api, OPERATOR)
    resolved = await api.post(f"/api/rounds/{opened.id}/resolve", json={"reason": "it is time"}, headers=operator)
    assert resolved.status_code == 200, resolved.text
    grant = await ask(api, path, vendor)
    assert grant["sha256"] == next(file["sha256"] for file in committed if file["name"] == "targets.parquet")
    assert hashlib.sha256((await api.get(grant["url"])).content).hexdigest() == grant["sha256"]


def _known(slug: str) -> Caller:
    return Caller("", slug, "", Role.ADMIN, permissions_of(Role.ADMIN, in_operator=False), is_operator=False)


ACME, OPERATOR = _known("acme"), _known("operator")


async def test_a_link_is_good_for_fifteen_minutes_and_for_its_own_file_only(
    api: httpx.AsyncClient, room: DataRoom, vendor: dict[str, str]
) -> None:
    await room.build()
    opened = await room.open()
    link = (await ask(api, f"/api/rounds/{opened.id}/files/live.parquet", vendor))["url"]
    stolen = await api.get(link.replace("live.parquet", "targets.parquet"))
    assert (stolen.status_code, stolen.json()["code"]) == (403, "link_refused")
    panel = await api.get(link.replace(f"rounds/{opened.id}/live.parquet", "panels/x.parquet"))
    assert panel.json()["code"] == "link_refused"
    room.clock.advance(timedelta(minutes=15))
    late = await api.get(link)
    assert (late.status_code, late.json()["code"]) == (403, "link_expired")


TRICKS = (
    "..%2f..%2fsecrets%2fdata.key",
    "../../secrets/data.key",
    "%2fetc%2fpasswd",
    "live.parquet%00",
    "rounds//x",
    "%ff",
)


async def test_tricks_with_paths_reach_nothing(api: httpx.AsyncClient, vendor: dict[str, str]) -> None:
    query = f"expires=99999999999&signature={'0' * 64}"
    for path in TRICKS:
        answers = [
            await api.get(f"/api/objects/{path}?{query}"),
            await api.get(f"/api/datasets/{path}", headers=vendor),
            await api.get(f"/api/datasets/{NAME}/rounds/{path}", headers=vendor),
            await api.get(f"/api/rounds/{ROUND}/files/{path}", headers=vendor),
        ]
        assert {answer.status_code for answer in answers} <= {403, 404, 422}, [answer.text for answer in answers]


async def test_a_private_dataset_is_seen_by_its_organisation_and_operators_alone(
    api: httpx.AsyncClient, room: DataRoom, people: People, vendor: dict[str, str], operator: dict[str, str]
) -> None:
    initech = await people.join("initech")
    await room.build()
    private = await room.build(name="initech-equities", reader_id=initech.organisation_id)
    opened = await room.open("initech-equities")
    theirs = await sign_in(api, initech)
    for headers, names in (
        (vendor, [NAME]),
        (theirs, ["initech-equities", NAME]),
        (operator, ["initech-equities", NAME]),
    ):
        assert [item["name"] for item in (await ask(api, "/api/datasets", headers))["items"]] == names
    paths = ["/api/datasets/initech-equities", "/api/datasets/initech-equities/rounds",
             "/api/datasets/initech-equities/rounds/1", "/api/datasets/initech-equities/rounds/current",
             f"/api/rounds/{opened.id}", f"/api/rounds/{opened.id}/files/live.parquet"]  # fmt: skip
    for path in paths:
        hidden = await api.get(path, headers=vendor)
        missing = await api.get(path.replace("initech-equities", "nothing").replace(opened.id, ROUND), headers=vendor)
        assert (hidden.status_code, hidden.json()["code"]) == (404, missing.json()["code"])
        assert (await api.get(path, headers=theirs)).status_code == 200
    async with room.database.transaction() as session:
        public = await session.get(Dataset, private.dataset.id)
        assert public is not None
        await session.execute(update(Dataset).where(Dataset.id == public.id).values(reader_id=None))
    assert (await api.get(paths[0], headers=vendor)).status_code == 200  # it was the reader alone that hid it


async def test_one_without_a_credential_or_with_a_consumers_key_gets_nothing(
    api: httpx.AsyncClient, room: DataRoom, people: People
) -> None:
    await room.build()
    caller = await people.join("acme")
    async with room.database.transaction() as session:
        desk = Keys(session, room.clock, room.ids, people.hasher, room.outbox)
        consumers = await desk.make(caller, kind="ck", name="c", scopes=None, expires_at=None)
        vendors = await desk.make(caller, kind="vk", name="v", scopes=None, expires_at=None)
    assert (await api.get("/api/datasets")).status_code == 401
    refused = await api.get("/api/datasets", headers={"Authorization": f"Bearer {consumers.text}"})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert len((await ask(api, "/api/datasets", {"Authorization": f"Bearer {vendors.text}"}))["items"]) == 1


async def test_only_operators_build_open_close_and_resolve(
    api: httpx.AsyncClient, room: DataRoom, vendor: dict[str, str]
) -> None:
    await room.build()
    opened = await room.open()
    for path, body in (
        ("/api/datasets", {}),
        (f"/api/datasets/{NAME}/rounds", {"reason": "mine"}),
        (f"/api/rounds/{opened.id}/close", {"reason": "mine"}),
        (f"/api/rounds/{opened.id}/resolve", {"reason": "mine"}),
    ):
        answer = await api.post(path, json=body, headers=vendor)
        assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed"), path


async def test_an_operator_opens_and_closes_and_a_wrong_order_is_refused(
    api: httpx.AsyncClient, room: DataRoom, operator: dict[str, str]
) -> None:
    await room.build()
    body = {"reason": "the first week", "eras": 3, "open_seconds": 60, "embargo_seconds": 0}
    once = {**operator, "Idempotency-Key": "open-1"}
    opened = await api.post(f"/api/datasets/{NAME}/rounds", json=body, headers=once)
    assert opened.status_code == 201, opened.text
    assert (await api.post(f"/api/datasets/{NAME}/rounds", json=body, headers=once)).json() == opened.json()
    again = await api.post(f"/api/datasets/{NAME}/rounds", json=body, headers=operator)
    assert (again.status_code, again.json()["code"]) == (409, "round_open_already")
    round_id = opened.json()["id"]
    early = await api.post(f"/api/rounds/{round_id}/resolve", json={"reason": "too early"}, headers=operator)
    assert (early.status_code, early.json()["code"]) == (409, "round_in_wrong_state")
    closed = await api.post(f"/api/rounds/{round_id}/close", json={"reason": "enough"}, headers=operator)
    assert closed.json()["state"] == "closed"
    late = await api.post(f"/api/rounds/{round_id}/close", json={"reason": "late"}, headers=operator)
    assert (late.status_code, late.json()["code"]) == (409, "round_in_wrong_state")
    none = await api.get(f"/api/datasets/{NAME}/rounds/current", headers=operator)
    assert (none.status_code, none.json()["code"]) == (404, "no_round_open")


MALFORMED: list[dict[str, Any]] = [
    {}, {"reason": "x"}, {"reason": "why", "eras": 0}, {"reason": "why", "eras": 100_000}, {"reason": "why", "x": 1},
    {"reason": "why", "first_era": -1}, {"reason": "why", "open_seconds": 0}, {"reason": "why", "embargo_seconds": -1},
    {"reason": "x" * 3000}, {"reason": "nul \x00"},
]  # fmt: skip


async def test_a_malformed_opening_is_refused(api: httpx.AsyncClient, operator: dict[str, str]) -> None:
    for body in MALFORMED:
        answer = await api.post(f"/api/datasets/{NAME}/rounds", json=body, headers=operator)
        assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request"), body


async def test_no_other_number_is_a_round(api: httpx.AsyncClient, room: DataRoom, vendor: dict[str, str]) -> None:
    await room.build()
    await room.open()
    for number in ("0", "99", "-1", "1e3", "ten", "9" * 30, "%F0%9F%8E%B2"):
        answer = await api.get(f"/api/datasets/{NAME}/rounds/{number}", headers=vendor)
        assert (answer.status_code, answer.json()["code"]) == (404, "round_not_found"), number


async def test_pages_of_rounds_hold_each_once(api: httpx.AsyncClient, room: DataRoom, vendor: dict[str, str]) -> None:
    await room.build()
    for _ in range(5):
        await room.close((await room.open(eras=1)).id)
    seen, after = [], ""
    while True:
        page = await ask(api, f"/api/datasets/{NAME}/rounds?limit=2{after}", vendor)
        seen += [item["number"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert seen == [5, 4, 3, 2, 1]
    assert (await ask(api, f"/api/datasets/{NAME}/rounds?state=open", vendor))["items"] == []


async def test_the_operator_builds_the_whole_panel_for_one_organisation(
    api: httpx.AsyncClient, people: People, operator: dict[str, str]
) -> None:
    await people.join("initech")
    body = {"name": "initech-equities", "title": "For Initech", "organisation": "initech"}
    built = await api.post("/api/datasets", json=body, headers=operator)
    assert built.status_code == 200, built.text
    answered = built.json()
    assert (answered["is_new"], answered["dataset"]["eras"], answered["dataset"]["is_private"]) == (True, 8061, True)
    assert (answered["dataset"]["first_day"], answered["dataset"]["last_day"]) == ("1990-12-31", "2022-12-28")
    other = await api.post("/api/datasets", json={**body, "organisation": "nobody"}, headers=operator)
    assert other.status_code == 404
