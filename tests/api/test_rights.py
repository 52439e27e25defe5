"""Every route for every role, in an ordinary organisation and in the operator's, and with what belongs to others.

Made from the document: a new route is in it at once. What a role may do is read from the table of permissions; that a
route asks for a permission is read from the code (`make docs`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from mercato.edge.document.access import needs_credential
from mercato.edge.document.routes import facts_of
from mercato.edge.throttle import Allowance, Throttle
from mercato.edge.wiring import Wiring, running_of, set_running
from mercato.identity import LoginSession
from mercato.identity.permissions import Permission, Role, permissions_of
from mercato.identity.tokens import AccessClaims
from mercato_contracts import ids as id_prefix
from tests.admin.test_audit_api import PASSWORD, Headers, sign_in, sign_up
from tests.conftest import People, TestClock

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parents[2] / "docs/reference/openapi.json").read_text())
_METHODS = {"get", "post", "put", "patch", "delete"}

ASKED_OF_OTHERS_ONLY = {
    "end_other_sessions", "list_sessions", "erase_person", "export_person", "list_sessions_of", "end_sessions_of",
    "list_announcements",
}  # fmt: skip
"""Everybody may do this for themselves; the permission is for doing it to somebody else, or for seeing more."""

IN_THE_BODY = {"give_token"}
"""The credential is a field of the form (RFC 8693)."""

MALFORMED_FIRST = {"ask_optimizer"}
"""The example does not hold together, which is said first; nothing is kept."""

BODIES: dict[str, Any] = {
    "put_budget": {"cap": 5},
    "invite": {"email": "bea@nobody.test", "role": "viewer"},
    "add_user": {"email": "cleo@nobody.test", "name": "Cleo", "password": PASSWORD, "role": "viewer"},
}
"""Where the example is of something else than what every role of the table could ask for."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of the document, with its own example as request."""

    name: str
    method: str
    path: str
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    is_form: bool

    async def send(self, api: httpx.AsyncClient, who: Headers, known: Mapping[str, str]) -> httpx.Response:
        """With ids of `known` for parameters of these names."""
        path = self.path.format(**{name: known.get(name, value) for name, value in self.parameters.items()})
        body: dict[str, Any] = {} if self.body is None else {"data" if self.is_form else "json": self.body}
        return await api.request(self.method, path, params=dict(self.query), headers={**self.headers, **who}, **body)


def _operations() -> dict[str, Operation]:
    found = {}
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            if method in _METHODS:
                found[operation["operationId"]] = _operation(method, path, operation)
    return found


def _operation(method: str, path: str, operation: dict[str, Any]) -> Operation:
    parameters = [each for each in operation.get("parameters", ()) if "in" in each]

    def of(where: str) -> dict[str, str]:
        return {
            each["name"]: str(each.get("example", "nobody"))
            for each in parameters
            if each["in"] == where and (each.get("required") or where == "path")
        }

    content = operation.get("requestBody", {}).get("content", {})
    kind = next(iter(content), "")
    return Operation(
        name=operation["operationId"],
        method=method.upper(),
        path=path,
        parameters=of("path"),
        query=of("query"),
        headers=of("header"),
        body=BODIES.get(operation["operationId"], content[kind]["example"]) if kind else None,
        is_form=kind.endswith("urlencoded"),
    )


OPERATIONS = _operations()


class Office:
    """An organisation's people, one for each role; each request comes in a session of its own."""

    def __init__(self, api: httpx.AsyncClient, wiring: Wiring, clock: TestClock) -> None:
        self._api = api
        self._wiring = wiring
        self._clock = clock
        self.users: dict[Role, str] = {}

    async def fill(self, organisation_id: str, slug: str) -> None:
        """Somebody of each role, whatever may be given."""
        async with self._wiring.database.transaction() as session:
            for role in Role:
                user = self._wiring.ids.new(id_prefix.USER)
                await session.execute(
                    text(
                        "INSERT INTO users (id, organisation_id, email, name, role, password_hash, created_at) "
                        "VALUES (:id, :org, :email, :role, :role, 'none', :at)"
                    ),
                    {"id": user, "org": organisation_id, "email": f"{role}@{slug}.test", "role": role,
                     "at": self._clock.now()},
                )  # fmt: skip
                self.users[role] = user

    async def sign_in(self, role: Role, proof_is_old: timedelta = timedelta()) -> Headers:
        """A new session of this person, proved a moment ago, or so long before."""
        self._clock.advance(timedelta(seconds=1))
        now = self._clock.now()
        login = LoginSession(
            id=self._wiring.ids.new(id_prefix.SESSION), user_id=self.users[role], refresh_digest="none",
            created_at=now, expires_at=now + timedelta(hours=1), used_at=now,
            proved_at=now - proof_is_old,
        )  # fmt: skip
        async with self._wiring.database.transaction() as session:
            session.add(login)
        token = self._wiring.tokens.sign(AccessClaims(self.users[role], login.id), now)
        return {"Authorization": f"Bearer {token}"}


def lacks(operation: str, permissions: frozenset[Permission]) -> bool:
    """Whether the operation asks for a permission that is not among these."""
    held = {str(permission) for permission in permissions}
    return any(not held & set(alternatives) for alternatives in facts_of(operation).permissions)


@pytest.fixture
async def wiring(app: FastAPI) -> Wiring:
    """Allowances do not end: every request is answered for what it asks."""
    running = running_of(app)
    endless = Throttle(Allowance("api", 10**9))
    wiring = replace(running.wiring, throttle=endless, guessing=endless, organisations=endless)
    set_running(app, replace(running, wiring=wiring))
    return wiring


@pytest.fixture
async def offices(api: httpx.AsyncClient, wiring: Wiring, clock: TestClock, people: People) -> dict[bool, Office]:
    """The operator's, and that of an ordinary organisation."""
    operator, globex = await people.operator(), await people.join("globex")
    offices = {True: Office(api, wiring, clock), False: Office(api, wiring, clock)}
    await offices[True].fill(operator.organisation_id, "operator")
    await offices[False].fill(globex.organisation_id, "globex")
    return offices


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize("in_operator", [True, False], ids=["operator", "organisation"])
async def test_a_role_is_refused_exactly_what_it_may_not_do(
    role: Role, in_operator: bool, api: httpx.AsyncClient, offices: dict[bool, Office]
) -> None:
    permissions = permissions_of(role, in_operator=in_operator)
    wrong = []
    for name, operation in OPERATIONS.items():
        answer = await operation.send(api, await offices[in_operator].sign_in(role), {})
        code = answer.json()["code"] if answer.status_code >= 400 else None
        expected = f"{name}: {answer.status_code} {code}"
        if answer.status_code >= 500:
            wrong.append(expected)
        elif lacks(name, permissions):
            first = name in ASKED_OF_OTHERS_ONLY or (name in MALFORMED_FIRST and code == "malformed_request")
            if code != "not_allowed" and not first:
                wrong.append(f"{expected} without the permission")
        elif code == "not_allowed":
            wrong.append(f"{expected} with the permission")
    assert not wrong, "\n".join(wrong)


async def test_nobody_without_a_credential_reaches_what_needs_one(api: httpx.AsyncClient, wiring: Wiring) -> None:
    reached = []
    for name, operation in OPERATIONS.items():
        if needs_credential(facts_of(name)) and name not in IN_THE_BODY:
            answer = await operation.send(api, {}, {})
            if answer.status_code != 401:
                reached.append(f"{name}: {answer.status_code}")
    assert reached == []


async def test_what_belongs_to_another_organisation_is_out_of_reach(
    api: httpx.AsyncClient, offices: dict[bool, Office], wiring: Wiring
) -> None:
    """An administrator of one organisation, with the ids of another's things, in every operation that takes them."""
    acme = await sign_up(api, "acme")
    known = await _belongings(api, acme)
    before = await _count(wiring)
    reached, asked = [], 0
    for name, operation in OPERATIONS.items():
        if not operation.parameters.keys() & known.keys():
            continue
        asked += 1
        answer = await operation.send(api, await offices[False].sign_in(Role.ADMIN), known)
        if answer.status_code not in {403, 404}:
            reached.append(f"{name}: {answer.status_code} {answer.text[:200]}")
    assert reached == []
    assert asked >= 15
    assert await _count(wiring) == before, "nothing of theirs was changed"
    assert (await api.get("/api/me", headers=acme)).status_code == 200


async def _belongings(api: httpx.AsyncClient, who: Headers) -> dict[str, str]:
    """Ids of things of an organisation, by the names of parameters."""

    async def make(path: str, body: dict[str, Any], status: int = 201) -> dict[str, Any]:
        answer = await api.post(f"/api/{path}", json=body, headers=who)
        assert answer.status_code == status, answer.text
        made: dict[str, Any] = answer.json()
        return made

    key = await make("keys", {"kind": "ck", "name": "laptop"})
    user = await make("users", {"email": "vera@acme.test", "name": "Vera", "password": PASSWORD, "role": "viewer"})
    webhook = await make("webhooks", {"url": "http://127.0.0.1:8080/hook"})
    invitation = await make("invitations", {"email": "bea@acme.test", "role": "viewer"})
    export = await make("privacy/exports", {"person": "me"}, 202)
    vera = await sign_in(api, "vera@acme.test")
    sessions = (await api.get("/api/sessions", headers=vera)).json()["items"]
    erasure = await api.post("/api/privacy/erasures", json={"person": "me"}, headers=vera)
    return {
        "key_id": key["id"],
        "user_id": user["id"],
        "webhook_id": webhook["id"],
        "endpoint_id": webhook["id"],
        "invitation_id": invitation["id"],
        "export_id": export["id"],
        "erasure_id": erasure.json()["id"],
        "session_id": sessions[0]["id"],
        "slug": "acme",
    }


async def _count(wiring: Wiring) -> list[tuple[Any, ...]]:
    """What could be changed of the other organisation."""
    async with wiring.database.transaction() as session:
        rows = await session.execute(
            text(
                "SELECT 'key', id, revoked_at::text FROM keys UNION ALL "
                "SELECT 'webhook', id, url FROM webhook_endpoints UNION ALL "
                "SELECT 'invitation', id, withdrawn_at::text FROM invitations UNION ALL "
                "SELECT 'organisation', id, suspended_at::text FROM organisations UNION ALL "
                "SELECT 'user', id, role || coalesce(disabled_at::text, '') FROM users ORDER BY 1, 2"
            )
        )
        return [tuple(row) for row in rows]
