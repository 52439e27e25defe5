"""Every operation that may change something makes an entry, or the table says why it makes none."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from mercato.admin import audited_news
from mercato.edge.audited import OPERATIONS, READS
from mercato_contracts.audit import AuditEntry
from tests.admin.conftest import Ledger
from tests.admin.test_audit_api import PASSWORD, Headers, sign_in, sign_up

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/reference/openapi.json").read_text())
_WRITES = ("post", "put", "patch", "delete")
CHANGES = sorted(
    operation["operationId"]
    for methods in DOCUMENT["paths"].values()
    for method, operation in methods.items()
    if method in _WRITES
)


def test_the_table_names_the_operations_of_the_document() -> None:
    assert sorted(OPERATIONS) == CHANGES, "add the operation to edge/audited.py, then run `make docs`"


@pytest.mark.parametrize("name", CHANGES)
def test_an_operation_makes_an_entry_or_says_why_not(name: str) -> None:
    audited = OPERATIONS[name]
    makes = bool(audited.news or audited.verb)
    assert makes != bool(audited.why)
    assert set(audited.news) <= set(audited_news())
    assert not audited.verb or audited.verb.count(".") == 1


@pytest.mark.parametrize("name", sorted(READS))
def test_a_read_that_matters_is_an_operation_of_the_document(name: str) -> None:
    reads = {operation["operationId"] for methods in DOCUMENT["paths"].values() for operation in methods.values()}
    assert name in reads


class _Office:
    """One organisation that does what its people can do, and the entries that come of it."""

    def __init__(self, api: httpx.AsyncClient, ledger: Ledger, who: Headers, operator: Headers) -> None:
        self._api = api
        self._ledger = ledger
        self.who = who
        self.operator = operator
        self.seen: dict[str, AuditEntry] = {}

    async def do(self, method: str, path: str, body: Any = None, who: Headers | None = None) -> Any:
        answer = await self._api.request(method, f"/api/{path}", json=body, headers=self.who if who is None else who)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    async def verbs(self) -> list[str]:
        """What was recorded since the last look, the oldest first."""
        await self._ledger.record()
        answer = await self._api.get("/api/audit/entries", params={"limit": 200}, headers=self.operator)
        entries = [AuditEntry.model_validate(item) for item in reversed(answer.json()["items"])]
        new = [entry for entry in entries if entry.core.id not in self.seen and entry.core.verb != "data.read"]
        self.seen |= {entry.core.id: entry for entry in new}
        return [entry.core.verb for entry in new]


@pytest.fixture
async def office(api: httpx.AsyncClient, ledger: Ledger, people: Any) -> _Office:
    await people.operator()
    operator = await sign_in(api, "operator@example.org")
    office = _Office(api, ledger, await sign_up(api, "acme"), operator)
    await office.verbs()
    return office


async def test_what_people_do_is_listed_under_its_verb(office: _Office) -> None:
    key = await office.do("POST", "keys", {"kind": "ck", "name": "laptop"})
    rotated = await office.do("POST", f"keys/{key['id']}/rotate", {"grace_seconds": 60})
    await office.do("DELETE", f"keys/{rotated['id']}")
    assert await office.verbs() == ["key.made", "key.changed", "key.changed"]
    colleague = {"email": "vera@example.org", "name": "Vera", "password": PASSWORD, "role": "viewer"}
    user = await office.do("POST", "users", colleague)
    assert await office.verbs() == ["user.added"]
    assert next(entry for entry in office.seen.values() if entry.core.verb == "user.added").core.target.id == user["id"]
    await office.do("PUT", "budgets", {"cap": 10**9})
    assert await office.verbs() == ["budget.changed"]
    await office.do("PUT", "organisations/acme/verification", {"verified": True}, who=office.operator)
    assert await office.verbs() == ["organisation.changed"]


async def test_webhooks_are_in_the_log_without_their_secrets(office: _Office) -> None:
    hook = await office.do("POST", "webhooks", {"url": "http://127.0.0.1:8080/hook"})
    path = f"webhooks/{hook['id']}"
    await office.do("PATCH", path, {"event_types": ["key.changed"]})
    rotated = await office.do("POST", f"{path}/rotate", {"grace_seconds": 60})
    await office.do("POST", f"{path}/test")
    await office.do("DELETE", path)
    verbs = ["webhook.added", "webhook.changed", "webhook.secret_rotated", "webhook.tested", "webhook.removed"]
    assert await office.verbs() == verbs
    entries = [entry for entry in office.seen.values() if entry.core.verb.startswith("webhook.")]
    assert {entry.core.target.id for entry in entries} == {hook["id"]}
    answer = "".join(entry.model_dump_json() for entry in entries)
    assert hook["secret"] not in answer
    assert rotated["secret"] not in answer


async def test_signing_in_and_out_is_in_the_log(office: _Office) -> None:
    answer = await office.do("POST", "sessions", {"email": "acme@example.org", "password": PASSWORD}, who={})
    await office.do("DELETE", "sessions/current", who={"Authorization": f"Bearer {answer['access_token']}"})
    assert await office.verbs() == ["session.began", "session.ended"]
    began, ended = [entry for entry in office.seen.values() if entry.core.verb in {"session.began", "session.ended"}][
        -2:
    ]
    assert began.core.actor == ended.core.actor
    assert began.core.actor.kind == "user"


async def test_a_refused_change_makes_no_entry_of_a_change(office: _Office, api: httpx.AsyncClient) -> None:
    answer = await api.post("/api/webhooks", json={"url": "ftp://127.0.0.1/hook"}, headers=office.who)
    assert answer.status_code >= 400
    assert await office.verbs() == []


async def test_a_repeat_with_the_same_key_makes_one_entry(office: _Office, api: httpx.AsyncClient) -> None:
    headers = {**office.who, "Idempotency-Key": "once-and-only-once"}
    answers = [await api.post("/api/keys", json={"kind": "ck", "name": "laptop"}, headers=headers) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert await office.verbs() == ["key.made"]


async def test_an_export_of_usage_is_in_the_log(office: _Office, api: httpx.AsyncClient) -> None:
    assert (await api.get("/api/usage/calls/export", headers=office.who)).status_code == 200
    assert await office.verbs() == ["usage.exported"]


async def test_exports_and_what_operators_read_of_others_are_entries(office: _Office) -> None:
    await office.verbs()
    await office.do("GET", "statement/export?format=jsonl")
    await office.do("GET", "usage/calls?side=consumer")
    await office.do("GET", "statement")
    assert await office.verbs() == ["statement.exported"]
    for path, verb in (
        ("statement/export?format=jsonl&side=marketplace", "statement.exported"),
        ("statement?side=marketplace", "statement.read"),
        ("usage/calls?side=marketplace", "usage.read"),
        ("marketplace/keys", "keys.read"),
        ("usage/series?side=marketplace&group_by=consumer", "usage.read"),
        ("usage/series?side=marketplace&consumer_id=org_1", "usage.read"),
    ):
        await office.do("GET", path, who=office.operator)
        assert await office.verbs() == [verb], path
    await office.do("GET", "usage/series?side=marketplace&group_by=service", who=office.operator)
    assert await office.verbs() == []
