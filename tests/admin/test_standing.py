"""Operators suspend and reinstate organisations; administrators change roles and disable people; the last one stays."""

import asyncio
from typing import Any

import httpx
import pytest

from mercato.consumption import Introspection
from mercato.identity import Authentication, OrganisationChanged, ProvenKeys, SecretHasher
from mercato.platform import Database, Event
from mercato.platform.outbox import Place
from tests.admin.conftest import Ledger
from tests.admin.test_audit_api import PASSWORD, Headers, sign_in, sign_up
from tests.conftest import People


@pytest.fixture
async def operator(api: httpx.AsyncClient, people: People) -> Headers:
    await people.operator()
    return await sign_in(api, "operator@example.org")


async def _post(api: httpx.AsyncClient, who: Headers, path: str, **body: Any) -> httpx.Response:
    return await api.post(f"/api/{path}", json=body, headers=who)


async def _colleague(api: httpx.AsyncClient, who: Headers, name: str, role: str) -> str:
    email = f"{name}@example.org"
    answer = await _post(api, who, "users", email=email, name=name.title(), password=PASSWORD, role=role)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def _me(api: httpx.AsyncClient, who: Headers) -> str:
    return str((await api.get("/api/me", headers=who)).json()["actor"])


async def test_a_suspended_organisation_is_refused_everywhere_and_comes_back(
    api: httpx.AsyncClient, operator: Headers, ledger: Ledger
) -> None:
    acme = await sign_up(api, "acme")
    key = (await _post(api, acme, "keys", kind="ck", name="laptop")).json()["key"]
    by_key = {"Authorization": f"Bearer {key}"}
    refresh = (await _post(api, {}, "sessions", email="acme@example.org", password=PASSWORD)).json()["refresh_token"]
    assert (await api.get("/api/me", headers=by_key)).status_code == 200
    answer = await _post(api, operator, "organisations/acme/suspend", reason="unpaid invoices")
    assert answer.status_code == 200, answer.text
    assert answer.json()["suspended_reason"] == "unpaid invoices"
    for refused in (
        await api.get("/api/me", headers=by_key),
        await api.get("/api/me", headers=acme),
        await _post(api, {}, "sessions", email="acme@example.org", password=PASSWORD),
        await _post(api, {}, "sessions/refresh", refresh_token=refresh),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "organisation_suspended")
    again = await _post(api, operator, "organisations/acme/suspend", reason="another reason")
    assert again.json()["suspended_reason"] == "unpaid invoices"
    assert (await _post(api, operator, "organisations/acme/reinstate", reason="paid")).status_code == 200
    assert (await api.get("/api/me", headers=by_key)).status_code == 200
    assert (await api.get("/api/me", headers=acme)).status_code == 200
    await ledger.record()
    found = await api.get("/api/audit/entries", params={"verb": "organisation.changed"}, headers=acme)
    changes = [item["core"]["target"]["id"] for item in found.json()["items"]]
    assert len(changes) == 2, "each decision is an entry that the organisation sees"


async def test_gateways_are_told_and_get_no_grant_of_a_suspended_organisation(
    api: httpx.AsyncClient, operator: Headers, database: Database, ledger: Ledger, hasher: SecretHasher
) -> None:
    acme = await sign_up(api, "acme")
    key = (await _post(api, acme, "keys", kind="ck", name="laptop")).json()["key"]

    async def active() -> bool:
        wiring = ledger.wiring
        async with database.transaction() as session:
            proof = Authentication(session, wiring.clock, hasher, wiring.tokens, ProvenKeys(), wiring.remembered)
            return (await Introspection(session, proof).introspect(key)).active

    assert await active()
    await _post(api, operator, "organisations/acme/suspend", reason="fraud")
    assert not await active()
    await _post(api, operator, "organisations/acme/reinstate", reason="a mistake")
    assert await active()


async def test_the_change_reaches_gateways_out_of_turn(database: Database, ledger: Ledger) -> None:
    from mercato.consumption import SnapshotHub
    from mercato.consumption.snapshot import compile_changes

    hub = SnapshotHub(database, ledger.wiring.clock, ledger.wiring.credential_seal)
    assert hub.subscriber().find_hurried("organisation.changed") is OrganisationChanged
    news = OrganisationChanged(by="usr_1", organisation_id="org_1", change="suspended", reason="fraud")
    event = Event(Place(1, 1), news, ledger.wiring.clock.now())
    async with database.transaction() as session:
        (answer,) = await compile_changes(session, [event], ledger.wiring.credential_seal)
    assert answer.model_dump() == {"type": "consumer_changed", "id": "org_1"}


async def test_the_organisation_sees_why_it_was_suspended_and_not_by_whom(
    api: httpx.AsyncClient, operator: Headers, ledger: Ledger
) -> None:
    acme = await sign_up(api, "acme")
    await _post(api, operator, "organisations/acme/suspend", reason="unpaid invoices")
    await _post(api, operator, "organisations/acme/reinstate", reason="paid")
    await ledger.record()
    answer = await api.get("/api/audit/entries", params={"verb": "organisation.changed"}, headers=acme)
    entries = answer.json()["items"]
    assert [entry["decision"]["reason"] for entry in entries] == ["paid", "unpaid invoices"]
    assert [entry["core"]["verb"] for entry in entries] == ["organisation.changed"] * 2
    assert [entry["details"] for entry in entries] == [None, None], "which of the operator's people it was is not told"
    assert "First administrator" not in answer.text


async def test_only_operators_decide_and_their_own_organisation_stays(
    api: httpx.AsyncClient, operator: Headers
) -> None:
    acme = await sign_up(api, "acme")
    for path in ("organisations/operator/suspend", "organisations/acme/suspend", "organisations/acme/reinstate"):
        refused = await _post(api, acme, path, reason="because")
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    assert (await api.get("/api/organisations", headers=acme)).status_code == 403
    stays = await _post(api, operator, "organisations/operator/suspend", reason="because")
    assert (stays.status_code, stays.json()["code"]) == (409, "operator_organisation")
    assert (await _post(api, operator, "organisations/nobody/suspend", reason="because")).status_code == 404
    assert (await _post(api, operator, "organisations/acme/suspend", reason="")).status_code == 422


async def test_operators_list_organisations_by_state_and_name(api: httpx.AsyncClient, operator: Headers) -> None:
    for slug in ("acme", "globex", "initech"):
        await sign_up(api, slug)
    await _post(api, operator, "organisations/globex/suspend", reason="fraud")

    async def listed(**wanted: Any) -> list[str]:
        answer = await api.get("/api/organisations", params=wanted, headers=operator)
        return [item["slug"] for item in answer.json()["items"]]

    assert set(await listed()) == {"operator", "acme", "globex", "initech"}
    assert await listed(standing="suspended") == ["globex"]
    assert await listed(named="ini") == ["initech"]
    assert await listed(named="%") == []
    first = (await api.get("/api/organisations", params={"limit": 2}, headers=operator)).json()
    slugs = [item["slug"] for item in first["items"]] + await listed(limit=2, after=first["next"])
    assert sorted(slugs) == ["acme", "globex", "initech", "operator"]


async def test_a_disabled_person_is_out_at_once_with_the_keys_they_made(api: httpx.AsyncClient) -> None:
    acme = await sign_up(api, "acme")
    vera = await _colleague(api, acme, "vera", "admin")
    hers = await sign_in(api, "vera@example.org")
    key = (await _post(api, hers, "keys", kind="ck", name="laptop")).json()["key"]
    answer = await _post(api, acme, f"users/{vera}/disable")
    assert answer.status_code == 200, answer.text
    assert answer.json()["disabled_at"] is not None
    assert (await api.get("/api/me", headers=hers)).status_code == 401
    assert (await api.get("/api/me", headers={"Authorization": f"Bearer {key}"})).status_code == 401
    assert (await _post(api, {}, "sessions", email="vera@example.org", password=PASSWORD)).status_code == 401
    assert (await _post(api, acme, f"users/{vera}/enable")).status_code == 200
    assert (await api.get("/api/me", headers=await sign_in(api, "vera@example.org"))).status_code == 200
    assert (await api.get("/api/me", headers={"Authorization": f"Bearer {key}"})).status_code == 401


async def test_keys_stay_where_that_is_asked(api: httpx.AsyncClient) -> None:
    acme = await sign_up(api, "acme")
    vera = await _colleague(api, acme, "vera", "admin")
    hers = await sign_in(api, "vera@example.org")
    key = (await _post(api, hers, "keys", kind="ck", name="server")).json()["key"]
    assert (await _post(api, acme, f"users/{vera}/disable", keep_keys=True)).status_code == 200
    assert (await api.get("/api/me", headers={"Authorization": f"Bearer {key}"})).status_code == 200


async def test_a_role_counts_from_the_next_request_on(api: httpx.AsyncClient, ledger: Ledger) -> None:
    acme = await sign_up(api, "acme")
    vera = await _colleague(api, acme, "vera", "viewer")
    hers = await sign_in(api, "vera@example.org")
    assert (await _post(api, hers, "keys", kind="ck", name="laptop")).status_code == 403
    answer = await api.put(f"/api/users/{vera}/role", json={"role": "admin"}, headers=acme)
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    assert (await _post(api, hers, "keys", kind="ck", name="laptop")).status_code == 201
    await ledger.record()
    found = await api.get("/api/audit/entries", params={"target": vera, "verb": "user.changed"}, headers=acme)
    (entry,) = found.json()["items"]
    assert entry["details"]["before"] == {"role": "viewer"}
    assert entry["details"]["after"] == {"role": "admin"}


async def test_the_last_administrator_stays(api: httpx.AsyncClient, operator: Headers) -> None:
    acme = await sign_up(api, "acme")
    for who, role in ((acme, "viewer"), (operator, "admin")):
        me = await _me(api, who)
        for refused in (
            await _post(api, who, f"users/{me}/disable"),
            await api.put(f"/api/users/{me}/role", json={"role": role}, headers=who),
        ):
            assert (refused.status_code, refused.json()["code"]) == (409, "last_administrator")


async def test_of_two_who_disable_each_other_at_once_one_stays(api: httpx.AsyncClient) -> None:
    acme = await sign_up(api, "acme")
    vera = await _colleague(api, acme, "vera", "admin")
    hers, me = await sign_in(api, "vera@example.org"), await _me(api, acme)
    answers = await asyncio.gather(_post(api, acme, f"users/{vera}/disable"), _post(api, hers, f"users/{me}/disable"))
    left = [who for who in (acme, hers) if (await api.get("/api/me", headers=who)).status_code == 200]
    assert len(left) == 1
    assert sorted(answer.status_code for answer in answers)[0] == 200
    users = (await api.get("/api/users", headers=left[0])).json()["items"]
    assert [user["disabled_at"] is None for user in users].count(True) == 1


async def test_of_many_demotions_at_once_one_super_admin_stays(api: httpx.AsyncClient, operator: Headers) -> None:
    people = [await _me(api, operator)]
    people += [await _colleague(api, operator, f"super{number}", "super_admin") for number in range(4)]
    await asyncio.gather(
        *(api.put(f"/api/users/{who}/role", json={"role": "viewer"}, headers=operator) for who in people[1:]),
        *(_post(api, operator, f"users/{who}/disable") for who in people),
    )
    users = (await api.get("/api/users", headers=await _someone(api))).json()["items"]
    running = [user for user in users if user["role"] == "super_admin" and user["disabled_at"] is None]
    assert running


async def _someone(api: httpx.AsyncClient) -> Headers:
    for email in ("operator@example.org", *(f"super{number}@example.org" for number in range(4))):
        answer = await api.post("/api/sessions", json={"email": email, "password": PASSWORD})
        if answer.status_code == 201:
            return {"Authorization": f"Bearer {answer.json()['access_token']}"}
    raise AssertionError("nobody can sign in")


async def test_nobody_reaches_above_themselves_or_into_another_organisation(
    api: httpx.AsyncClient, operator: Headers
) -> None:
    acme = await sign_up(api, "acme")
    await _colleague(api, operator, "ada", "admin")
    ada = await sign_in(api, "ada@example.org")
    boss = await _me(api, operator)
    for refused in (
        await _post(api, ada, f"users/{boss}/disable"),
        await api.put(f"/api/users/{boss}/role", json={"role": "viewer"}, headers=ada),
        await api.put(f"/api/users/{await _me(api, ada)}/role", json={"role": "super_admin"}, headers=ada),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")
    lost = await _post(api, acme, f"users/{boss}/disable")
    assert lost.status_code == 404


async def test_the_matrix_of_rights_is_what_each_role_is_allowed(api: httpx.AsyncClient, operator: Headers) -> None:
    rights = (await api.get("/api/roles", headers=operator)).json()
    by_role = {role["role"]: role for role in rights["roles"]}
    for role in ("admin", "approver", "viewer"):
        await _colleague(api, operator, f"{role}-of-operator", role)
        body = (await api.get("/api/me", headers=await sign_in(api, f"{role}-of-operator@example.org"))).json()
        whole = by_role[role]["permissions"] + by_role[role]["operator_permissions"]
        assert body["permissions"] == sorted(whole)
    assert set(rights["permissions"]) >= {"audit:read", "organisations:write"}


async def test_people_are_listed_in_pages(api: httpx.AsyncClient) -> None:
    acme = await sign_up(api, "acme")
    for name in ("ada", "ben", "cem"):
        await _colleague(api, acme, name, "viewer")
    first = (await api.get("/api/users", params={"limit": 3}, headers=acme)).json()
    rest = (await api.get("/api/users", params={"limit": 3, "after": first["next"]}, headers=acme)).json()
    assert [len(first["items"]), len(rest["items"]), rest["next"]] == [3, 1, None]
