"""The audit log over HTTP: one's own entries, proofs that hold on the reader's machine, and who may read what."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest

from mercato_contracts.audit import AuditEntry, details_digest
from mercato_contracts.merkle import Frontier, is_consistent, is_included, leaf_hash
from tests.admin.conftest import Ledger
from tests.conftest import TestClock

PASSWORD = "correct horse battery"
Headers = dict[str, str]


async def sign_up(api: httpx.AsyncClient, slug: str) -> Headers:
    body = {"organisation": slug, "name": slug.title(), "email": f"{slug}@example.org", "password": PASSWORD}
    assert (await api.post("/api/organisations", json=body)).status_code == 201
    return await sign_in(api, f"{slug}@example.org")


async def sign_in(api: httpx.AsyncClient, email: str) -> Headers:
    answer = await api.post("/api/sessions", json={"email": email, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
async def operator(api: httpx.AsyncClient, people: Any) -> Headers:
    await people.operator()
    return await sign_in(api, "operator@example.org")


async def _make_key(api: httpx.AsyncClient, who: Headers, **more: str) -> dict[str, Any]:
    answer = await api.post("/api/keys", json={"kind": "ck", "name": "laptop"}, headers={**who, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _revoke(api: httpx.AsyncClient, who: Headers, **more: str) -> str:
    key = (await _make_key(api, who))["id"]
    assert (await api.delete(f"/api/keys/{key}", headers={**who, **more})).status_code == 204
    return str(key)


async def _entries(api: httpx.AsyncClient, who: Headers, **wanted: Any) -> list[AuditEntry]:
    answer = await api.get("/api/audit/entries", params=wanted, headers=who)
    assert answer.status_code == 200, answer.text
    return [AuditEntry.model_validate(item) for item in answer.json()["items"]]


async def test_a_change_is_an_entry_with_actor_request_and_address(api: httpx.AsyncClient, ledger: Ledger) -> None:
    acme = await sign_up(api, "acme")
    key = await _revoke(api, acme, **{"X-Request-Id": "req-of-this-test"})
    await ledger.record()
    (entry,) = await _entries(api, acme, target=key, verb="key.changed")
    me = (await api.get("/api/me", headers=acme)).json()
    assert entry.core.actor.id == me["actor"]
    assert entry.core.organisation == me["organisation_id"]
    assert entry.core.request == "req-of-this-test"
    assert entry.details is not None
    assert (entry.details.actor_name, entry.details.target_name) == ("Acme", "laptop")
    assert entry.details.authenticated == "session"
    assert entry.details.credential.startswith("ses_")
    assert entry.details.address == "127.0.0.0/24"
    assert details_digest(entry.details.model_dump()) == entry.core.details_sha256


async def test_nobody_reads_the_entries_of_another_organisation(api: httpx.AsyncClient, ledger: Ledger) -> None:
    acme, globex = await sign_up(api, "acme"), await sign_up(api, "globex")
    key = await _revoke(api, acme)
    await ledger.record()
    (entry,) = await _entries(api, acme, target=key, verb="key.changed")
    assert await _entries(api, globex, target=key) == []
    assert await _entries(api, globex, organisation=entry.core.organisation, target=key) == []
    lost = await api.get(f"/api/audit/entries/{entry.core.id}", headers=globex)
    assert (lost.status_code, lost.json()["code"]) == (404, "audit_entry_not_found")
    refused = await api.get("/api/audit/verification", headers=globex)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_only_an_administrator_reads_the_log(api: httpx.AsyncClient) -> None:
    acme = await sign_up(api, "acme")
    body = {"email": "viewer@example.org", "name": "Vera", "password": PASSWORD, "role": "viewer"}
    assert (await api.post("/api/users", json=body, headers=acme)).status_code == 201
    viewer = await sign_in(api, "viewer@example.org")
    for path in ("entries", "leaves", "export", "entries/aud_1"):
        assert (await api.get(f"/api/audit/{path}", headers=viewer)).status_code == 403
    key = (await _make_key(api, acme))["key"]
    assert (await api.get("/api/audit/entries", headers={"Authorization": f"Bearer {key}"})).status_code == 403


async def test_a_proof_leads_to_a_signed_head(api: httpx.AsyncClient, ledger: Ledger) -> None:
    acme = await sign_up(api, "acme")
    key = await _revoke(api, acme)
    await ledger.record()
    (entry,) = await _entries(api, acme, target=key, verb="key.changed")
    path = f"/api/audit/entries/{entry.core.id}"
    assert (await api.get(path, headers=acme)).json()["proof"] is None, "nothing is sealed yet"
    first = await ledger.seal()
    assert first is not None
    proof = (await api.get(path, headers=acme)).json()["proof"]
    steps, root = [bytes.fromhex(each) for each in proof["path"]], bytes.fromhex(proof["head"]["root"])
    assert is_included(entry.core.place, proof["head"]["size"], leaf_hash(entry.sealed.encode()), steps, root)
    assert not is_included(entry.core.place, proof["head"]["size"], leaf_hash(b"forged"), steps, root)
    second = await ledger.fill(300)
    body = (await api.get("/api/audit/consistency", params={"first": first.size}, headers=acme)).json()
    steps = [bytes.fromhex(each) for each in body["path"]]
    old, new = bytes.fromhex(first.root), bytes.fromhex(second.root)
    assert is_consistent(first.size, old, second.size, new, steps)
    none = await api.get("/api/audit/consistency", params={"first": first.size + 1}, headers=acme)
    assert (none.status_code, none.json()["code"]) == (404, "audit_head_not_found")


async def test_the_root_can_be_computed_from_the_hashes_alone(api: httpx.AsyncClient, ledger: Ledger) -> None:
    acme = await sign_up(api, "acme")
    head = await ledger.fill(300)
    frontier, first = Frontier(), 0
    while first is not None:
        body = (await api.get("/api/audit/leaves", params={"first": first, "limit": 100}, headers=acme)).json()
        for leaf in body["leaves"]:
            frontier.add(bytes.fromhex(leaf))
        first = body["next"]
    assert (frontier.size, frontier.root().hex()) == (head.size, head.root)


async def test_pages_hold_every_entry_once_the_newest_first(api: httpx.AsyncClient, ledger: Ledger) -> None:
    acme = await sign_up(api, "acme")
    for _ in range(5):
        await _revoke(api, acme)
    await ledger.record()
    everything = await _entries(api, acme, limit=100)
    paged: list[Any] = []
    before = None
    while True:
        page = (
            await api.get(
                "/api/audit/entries", params={"limit": 2} | ({} if before is None else {"before": before}), headers=acme
            )
        ).json()
        paged += page["items"]
        before = page["next"]
        if before is None:
            break
    assert [item["core"]["id"] for item in paged] == [entry.core.id for entry in everything]
    places = [entry.core.place for entry in everything]
    assert places == sorted(places, reverse=True)


async def test_an_operators_look_at_others_is_an_entry(
    api: httpx.AsyncClient, ledger: Ledger, operator: Headers
) -> None:
    acme = await sign_up(api, "acme")
    whose = (await api.get("/api/me", headers=acme)).json()["organisation_id"]
    assert await _entries(api, operator, organisation=whose) == []
    await ledger.record()
    (seen,) = await _entries(api, acme, verb="data.read")
    assert seen.core.target.id == whose
    assert seen.details is None, "which of the operator's people it was is not told"
    (seen, *_) = await _entries(api, operator, verb="data.read", organisation=whose)
    assert seen.details is not None
    assert seen.details.actor_name == "First administrator"


async def test_refusals_of_a_minute_are_one_entry(api: httpx.AsyncClient, ledger: Ledger, clock: TestClock) -> None:
    acme = await sign_up(api, "acme")
    for _ in range(3):
        assert (await api.get("/api/audit/verification", headers=acme)).status_code == 403
    wrong = {"email": "acme@example.org", "password": "something else"}
    assert (await api.post("/api/sessions", json=wrong)).status_code == 401
    assert (await api.get("/api/keys")).status_code == 401, "no credential at all is no attempt"
    assert await ledger.tell_refusals() == 0, "the minute is not over"
    clock.advance(timedelta(minutes=1))
    assert await ledger.tell_refusals() == 2
    assert await ledger.tell_refusals() == 0
    await ledger.record()
    (entry,) = await _entries(api, acme, outcome="denied")
    assert entry.core.count == 3
    assert entry.core.target.id == "GET /api/audit/verification"
    assert entry.details is not None
    assert entry.details.after is not None
    assert entry.details.after["code"] == "not_allowed"
    assert "marketplace:read" in entry.details.reason


async def test_the_export_is_every_entry_and_an_entry_itself(
    api: httpx.AsyncClient, ledger: Ledger, operator: Headers
) -> None:
    acme = await sign_up(api, "acme")
    await _revoke(api, acme)
    await ledger.fill(1_200)
    answer = await api.get("/api/audit/export", headers=operator)
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    lines = [AuditEntry.model_validate_json(line) for line in answer.text.splitlines()]
    assert [line.core.place for line in lines] == list(range(len(lines)))
    assert len(lines) > 1_200
    own = [json.loads(line) for line in (await api.get("/api/audit/export", headers=acme)).text.splitlines()]
    whose = (await api.get("/api/me", headers=acme)).json()["organisation_id"]
    assert own
    assert {line["core"]["organisation"] for line in own} == {whose}
    await ledger.record()
    assert (await _entries(api, acme, verb="data.read"))[0].core.organisation == whose


async def test_the_server_checks_itself_against_what_the_object_store_has(
    api: httpx.AsyncClient, ledger: Ledger, operator: Headers
) -> None:
    await ledger.fill(20)
    await ledger.anchor()
    body = (await api.get("/api/audit/verification", headers=operator)).json()
    assert (body["holds"], body["anchors"]) == (True, 1)
    await ledger.tamper("DELETE FROM audit_entries WHERE place >= 5", "TRUNCATE audit_heads", "TRUNCATE audit_nodes")
    body = (await api.get("/api/audit/verification", headers=operator)).json()
    assert (body["holds"], [each["problem"] for each in body["findings"]]) == (False, ["missing"])


async def test_no_secret_is_in_an_entry(api: httpx.AsyncClient, ledger: Ledger) -> None:
    acme = await sign_up(api, "acme")
    made = await _make_key(api, acme)
    await _revoke(api, acme)
    await ledger.record()
    answer = (await api.get("/api/audit/export", headers=acme)).text
    assert made["key"] not in answer
    assert PASSWORD not in answer


async def test_what_a_member_does_stands_in_the_log_of_the_organisation_it_was_done_in(
    api: httpx.AsyncClient, ledger: Ledger
) -> None:
    acme, globex = await sign_up(api, "acme"), await sign_up(api, "globex")
    invited = await api.post("/api/invitations", json={"email": "acme@example.org", "role": "admin"}, headers=globex)
    token = invited.json()["link"].rpartition("/")[2]
    assert (await api.post("/api/me/memberships", json={"token": token}, headers=acme)).status_code == 201
    assert (await api.put("/api/me/organisation", json={"organisation": "globex"}, headers=acme)).status_code == 200
    made = await api.post("/api/keys", json={"kind": "ck", "name": "secret project"}, headers=acme)
    assert made.status_code == 201, made.text
    await ledger.record()
    (key,) = await _entries(api, globex, verb="key.made", target=made.json()["id"])
    (joined,) = await _entries(api, globex, verb="invitation.accepted")
    member = (await api.get("/api/me", headers=acme)).json()["actor"]
    for entry in (key, joined):
        assert entry.core.actor.id == member
        assert entry.details is not None
        assert entry.details.actor_name == "Acme"
    assert (await api.put("/api/me/organisation", json={"organisation": "acme"}, headers=acme)).status_code == 200
    at_home = [entry.core.verb for entry in await _entries(api, acme)]
    assert "organisation.created" in at_home
    assert not {"key.made", "invitation.accepted"} & set(at_home)
