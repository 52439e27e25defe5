"""Operators view as a person of an organisation: reads only, half an hour, and the organisation gets a notice."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from mercato.identity import ViewAsBegan
from mercato.platform import Database
from mercato.webhooks.events import KINDS
from tests.admin.conftest import Ledger
from tests.admin.test_audit_api import PASSWORD, Headers, sign_in, sign_up
from tests.conftest import People

REASON = "ticket 4711: the invoices page is empty"


@pytest.fixture
async def operator(api: httpx.AsyncClient, people: People) -> Headers:
    await people.operator()
    return await sign_in(api, "operator@example.org")


@pytest.fixture
async def acme(api: httpx.AsyncClient) -> Headers:
    return await sign_up(api, "acme")


async def _colleague(api: httpx.AsyncClient, who: Headers, name: str, role: str) -> str:
    body = {"email": f"{name}@example.org", "name": name.title(), "password": PASSWORD, "role": role}
    answer = await api.post("/api/users", json=body, headers=who)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture
async def vera(api: httpx.AsyncClient, acme: Headers) -> str:
    return await _colleague(api, acme, "vera", "viewer")


async def _begin(api: httpx.AsyncClient, who: Headers, person: str, **more: Any) -> httpx.Response:
    return await api.post("/api/view-as", json={"person": person, "reason": REASON, **more}, headers=who)


async def _me(api: httpx.AsyncClient, who: Headers) -> dict[str, Any]:
    found: dict[str, Any] = (await api.get("/api/me", headers=who)).json()
    return found


def _refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_a_view_reads_what_the_person_reads_and_no_more_and_ends(
    api: httpx.AsyncClient, operator: Headers, acme: Headers, vera: str
) -> None:
    before = await _me(api, operator)
    began = await _begin(api, operator, vera)
    assert began.status_code == 201, began.text
    assert (began.json()["name"], began.json()["organisation"]) == ("Vera", "acme")
    seen, hers = await _me(api, operator), await _me(api, await sign_in(api, "vera@example.org"))
    assert (seen["organisation"], seen["role"], seen["is_operator"]) == ("acme", "viewer", False)
    assert set(seen["permissions"]) == set(hers["permissions"])
    assert seen["actor"] == before["actor"], "what belongs to the person alone is never shown"
    people = (await api.get("/api/users", headers=operator)).json()["items"]
    assert vera in [person["id"] for person in people]
    assert (await api.get("/api/organisations", headers=operator)).status_code == 403
    assert (await api.get("/api/audit/entries", headers=operator)).status_code == 403
    sessions = (await api.get("/api/sessions", headers=operator)).json()["items"]
    assert all(each["current"] for each in sessions), "the operator's own session, none of hers"
    state = (await api.get("/api/view-as", headers=operator)).json()["view"]
    assert (state["person"], state["reason"]) == (vera, REASON)
    assert (await api.delete("/api/view-as", headers=operator)).status_code == 204
    assert (await api.get("/api/view-as", headers=operator)).json() == {"view": None}
    assert await _me(api, operator) == before
    assert (await api.delete("/api/view-as", headers=operator)).status_code == 204


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/keys", {"kind": "ck", "name": "laptop"}),
        ("POST", "/api/users", {"email": "x@example.org", "name": "X", "password": PASSWORD, "role": "viewer"}),
        ("PUT", "/api/budgets", {"cap": 10**9}),
        ("DELETE", "/api/sessions", None),
        ("POST", "/api/organisations/acme/suspend", {"reason": "because"}),
        ("POST", "/api/sessions/current/proof", {"password": PASSWORD}),
        ("PUT", "/api/me/organisation", {"organisation": "operator"}),
        ("PUT", "/api/view-as/setting", {"allowed": True}),
        ("POST", "/graphql", {"query": "{ services(first: 1) { totalCount } }"}),
        ("POST", "/graphql/stream", {"query": "subscription { services { id } }"}),
    ],
)
async def test_no_write_is_done_while_viewing(
    api: httpx.AsyncClient, operator: Headers, vera: str, method: str, path: str, body: Any
) -> None:
    assert (await _begin(api, operator, vera)).status_code == 201
    answer = await api.request(method, path, json=body, headers=operator)
    assert _refused(answer) == (403, "view_as_reads_only"), path


async def test_a_view_within_a_view_is_refused(api: httpx.AsyncClient, operator: Headers, vera: str) -> None:
    assert (await _begin(api, operator, vera)).status_code == 201
    assert _refused(await _begin(api, operator, vera)) == (403, "view_as_reads_only")


async def test_nobody_views_as_an_administrator_or_as_one_of_the_operator(
    api: httpx.AsyncClient, operator: Headers, acme: Headers
) -> None:
    chief = (await _me(api, acme))["actor"]
    second = await _colleague(api, acme, "second", "admin")
    helper = await _colleague(api, operator, "helper", "viewer")
    me = (await _me(api, operator))["actor"]
    for person in (chief, second, helper, me):
        assert _refused(await _begin(api, operator, person)) == (403, "view_as_administrator")
    assert (await api.get("/api/view-as", headers=operator)).json() == {"view": None}


async def test_only_people_of_the_operator_view_and_only_with_a_new_proof(
    api: httpx.AsyncClient, operator: Headers, acme: Headers, vera: str, people: People, clock: Any
) -> None:
    other = await sign_up(api, "globex")
    for who in (acme, other):
        assert _refused(await _begin(api, who, vera)) == (403, "not_allowed")
    await _colleague(api, operator, "looker", "viewer")
    assert _refused(await _begin(api, await sign_in(api, "looker@example.org"), vera)) == (403, "not_allowed")
    key = (await api.post("/api/keys", json={"kind": "ck", "name": "bot"}, headers=operator)).json()["key"]
    assert _refused(await _begin(api, {"Authorization": f"Bearer {key}"}, vera)) == (403, "not_allowed")
    clock.advance(timedelta(minutes=11))
    assert _refused(await _begin(api, operator, vera)) == (403, "step_up_needed")


async def test_a_view_needs_a_reason_and_somebody_who_is_there(
    api: httpx.AsyncClient, operator: Headers, acme: Headers, vera: str
) -> None:
    assert _refused(await _begin(api, operator, vera, reason="")) == (422, "malformed_request")
    assert _refused(await _begin(api, operator, f"usr_{'0' * 32}")) == (404, "not_found")
    await sign_up(api, "globex")
    assert _refused(await _begin(api, operator, vera, organisation="globex")) == (404, "not_found")
    assert (await api.post(f"/api/users/{vera}/disable", json={}, headers=acme)).status_code == 200
    assert _refused(await _begin(api, operator, vera)) == (409, "view_as_disabled_person")
    assert (await api.post(f"/api/users/{vera}/enable", headers=acme)).status_code == 200
    suspended = await api.post("/api/organisations/acme/suspend", json={"reason": "because"}, headers=operator)
    assert suspended.status_code == 200
    assert _refused(await _begin(api, operator, vera)) == (403, "organisation_suspended")


async def test_a_view_ends_by_itself_after_half_an_hour(
    api: httpx.AsyncClient, operator: Headers, vera: str, clock: Any
) -> None:
    refresh = await api.post("/api/sessions", json={"email": "operator@example.org", "password": PASSWORD})
    tokens = refresh.json()
    who = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await _begin(api, who, vera)).status_code == 201
    clock.advance(timedelta(minutes=14))
    tokens = (await api.post("/api/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
    clock.advance(timedelta(minutes=14))
    who = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert (await _me(api, who))["organisation"] == "acme", "a renewed token is in the same view"
    tokens = (await api.post("/api/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
    clock.advance(timedelta(minutes=2))
    assert (await _me(api, {"Authorization": f"Bearer {tokens['access_token']}"}))["organisation"] == "operator"


async def test_the_entry_is_committed_before_the_first_read_without_a_worker(
    api: httpx.AsyncClient, operator: Headers, acme: Headers, vera: str, database: Database, ledger: Ledger
) -> None:
    await ledger.record()
    assert (await _begin(api, operator, vera)).status_code == 201
    async with database.transaction() as session:
        counted = await session.scalar(text("select count(*) from audit_entries where verb = 'view_as.began'"))
    assert counted == 1
    assert (await api.delete("/api/view-as", headers=operator)).status_code == 204
    await ledger.record()
    assert await ledger.seal() is not None
    assert (await ledger.check()).findings == []
    found = (await api.get("/api/audit/entries", params={"target": vera}, headers=acme)).json()["items"]
    assert [item["core"]["verb"] for item in found] == ["view_as.ended", "view_as.began", "user.added"]
    assert found[1]["details"] is None, "who works for the operator is no business of others"
    began = (await api.get("/api/audit/entries", params={"verb": "view_as.began"}, headers=operator)).json()["items"][0]
    assert began["core"]["actor"]["id"] == (await _me(api, operator))["actor"]
    assert began["details"]["reason"] == REASON


async def test_what_is_read_and_refused_in_a_view_names_whom_it_is_for(
    api: httpx.AsyncClient, operator: Headers, acme: Headers, vera: str, ledger: Ledger
) -> None:
    assert (await _begin(api, operator, vera)).status_code == 201
    assert (await api.get("/api/usage/calls/export", headers=operator)).status_code == 200
    assert (await api.delete("/api/view-as", headers=operator)).status_code == 204
    await ledger.record()
    me, wanted = (await _me(api, operator))["actor"], {"verb": "usage.exported"}
    (theirs,) = (await api.get("/api/audit/entries", params=wanted, headers=acme)).json()["items"]
    assert theirs["core"]["actor"]["id"] == me
    (entry,) = (await api.get("/api/audit/entries", params=wanted, headers=operator)).json()["items"]
    assert (entry["core"]["id"], entry["details"]["on_behalf_of"]) == (theirs["core"]["id"], vera)


async def test_the_organisation_is_told_and_sees_who_looked(
    api: httpx.AsyncClient, operator: Headers, acme: Headers, vera: str
) -> None:
    assert (await _begin(api, operator, vera)).status_code == 201
    (view,) = (await api.get("/api/view-as/views", headers=acme)).json()["items"]
    assert (view["person_name"], view["reason"], view["ended_at"]) == ("Vera", REASON, None)
    me = (await _me(api, operator))["actor"]
    news = ViewAsBegan(by=me, user_id=vera, organisation_id="org_1", view_id=view["id"], reason=REASON, ends_at="")
    kind = KINDS[ViewAsBegan]
    assert (kind.event_type, kind.audience(news)) == ("view_as.began", {"org_1"})
    stranger = await sign_up(api, "globex")
    assert (await api.get("/api/view-as/views", headers=stranger)).json()["items"] == []
    assert (await api.delete("/api/view-as", headers=operator)).status_code == 204
    assert view["viewed_by_name"] == ""
    (mine,) = (await api.get("/api/view-as/views", headers=operator)).json()["items"]
    assert (mine["id"], mine["ended_at"] is None) == (view["id"], False)


async def test_the_organisation_forbids_views_which_ends_those_in_force(
    api: httpx.AsyncClient, operator: Headers, acme: Headers, vera: str, clock: Any
) -> None:
    assert (await api.get("/api/view-as/setting", headers=acme)).json() == {"allowed": True}
    assert (await _begin(api, operator, vera)).status_code == 201
    hers = await sign_in(api, "vera@example.org")
    assert _refused(await _allow(api, hers, allowed=False)) == (403, "not_allowed")
    assert (await _allow(api, acme, allowed=False)).json() == {"allowed": False}
    assert (await _me(api, operator))["organisation"] == "operator"
    assert _refused(await _begin(api, operator, vera)) == (403, "view_as_forbidden")
    assert (await _allow(api, acme, allowed=True)).json() == {"allowed": True}
    assert (await _me(api, operator))["organisation"] == "operator", "what was ended stays ended"
    assert (await _begin(api, operator, vera)).status_code == 201
    clock.advance(timedelta(minutes=11))
    assert _refused(await _allow(api, acme, allowed=False)) == (403, "step_up_needed")


async def _allow(api: httpx.AsyncClient, who: Headers, *, allowed: bool) -> httpx.Response:
    return await api.put("/api/view-as/setting", json={"allowed": allowed}, headers=who)


async def test_of_a_view_that_begins_while_views_are_forbidden_nothing_is_seen(
    api: httpx.AsyncClient, operator: Headers, acme: Headers, vera: str
) -> None:
    await asyncio.gather(_begin(api, operator, vera), _allow(api, acme, allowed=False))
    assert (await _me(api, operator))["organisation"] == "operator"


async def test_a_view_ends_when_the_person_becomes_an_administrator_or_the_operator_loses_the_right(
    api: httpx.AsyncClient, operator: Headers, acme: Headers, vera: str
) -> None:
    helper = await _colleague(api, operator, "helper", "admin")
    theirs = await sign_in(api, "helper@example.org")
    assert (await _begin(api, theirs, vera)).status_code == 201
    assert (await _me(api, theirs))["organisation"] == "acme"
    assert (await api.put(f"/api/users/{helper}/role", json={"role": "viewer"}, headers=operator)).status_code == 200
    assert (await _me(api, theirs))["organisation"] == "operator"
    assert (await _begin(api, operator, vera)).status_code == 201
    assert (await api.put(f"/api/users/{vera}/role", json={"role": "admin"}, headers=acme)).status_code == 200
    assert (await _me(api, operator))["organisation"] == "operator"
