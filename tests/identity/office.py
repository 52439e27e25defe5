"""Acme, whose people sign in through an identity provider of our own."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import TestClock
from tests.fakes.identity_provider import (
    CLIENT_ID,
    CLIENT_SECRET,
    IdentityProvider,
    serve_provider,
)
from tests.identity.test_sign_in import ACME, bearer

BOB = {"sub": "bob-7", "email": "Bob@acme.example", "email_verified": True, "name": "Bob", "groups": ["staff"]}
PASSWORD = {"email": ACME["email"], "password": ACME["password"]}
Tokens = dict[str, str]


@pytest.fixture
def provider(clock: TestClock) -> Iterator[IdentityProvider]:
    with serve_provider(clock.now) as provider:
        provider.person = dict(BOB)
        yield provider


@pytest.fixture
async def admin(api: httpx.AsyncClient) -> Tokens:
    """The tokens of Acme's administrator, freshly signed in."""
    assert (await api.post("/api/organisations", json=ACME)).status_code == 201
    return await by_password(api, ACME["email"])


async def by_password(api: httpx.AsyncClient, email: str) -> Tokens:
    """The tokens of a person who signs in with their password."""
    answer = await api.post("/api/sessions", json={"email": email, "password": ACME["password"]})
    assert answer.status_code == 201, answer.text
    tokens: Tokens = answer.json()
    return tokens


class Office:
    """Acme, whose people sign in through the provider."""

    def __init__(self, api: httpx.AsyncClient, admin: Tokens, provider: IdentityProvider) -> None:
        self.api, self.admin, self.provider = api, admin, provider

    async def configure(self, status: int = 200, **settings: Any) -> httpx.Response:
        body = {"issuer": self.provider.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **settings}
        answer = await self.api.put("/api/sso", json=body, headers=bearer(self.admin))
        assert answer.status_code == status, answer.text
        return answer

    async def begin(self, path: str = "sign-ins", tokens: Tokens | None = None) -> dict[str, str]:
        body = {"organisation": "acme"} if tokens is None else None
        headers = {} if tokens is None else bearer(tokens)
        answer = await self.api.post(f"/api/sso/{path}", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        assert answer.headers["cache-control"] == "no-store"
        begun: dict[str, str] = answer.json()
        return begun

    async def finish(self, begun: dict[str, str], **changed: str | None) -> httpx.Response:
        answer = {**self.provider.visit(begun["authorization_url"]), "binding": begun["binding"], **changed}
        return await self.send(answer)

    async def send(self, answer: dict[str, Any]) -> httpx.Response:
        known = ("state", "code", "iss", "error", "binding")
        return await self.api.post("/api/sso/answers", json={name: answer[name] for name in known if name in answer})

    async def sign_in(self, **person: Any) -> httpx.Response:
        self.provider.person.update(person)
        return await self.finish(await self.begin())

    async def me(self, answer: httpx.Response) -> dict[str, Any]:
        assert answer.status_code == 201, answer.text
        me = await self.api.get("/api/me", headers=bearer(answer.json()["session"]))
        assert me.status_code == 200
        body: dict[str, Any] = me.json()
        return body

    async def add(self, email: str, role: str = "viewer") -> str:
        body = {"email": email, "name": "Somebody", "password": ACME["password"], "role": role}
        added = await self.api.post("/api/users", json=body, headers=bearer(self.admin))
        assert added.status_code == 201, added.text
        return str(added.json()["id"])


@pytest.fixture
async def office(api: httpx.AsyncClient, admin: Tokens, provider: IdentityProvider) -> Office:
    office = Office(api, admin, provider)
    await office.configure(domains=["acme.example"], default_role="viewer")
    return office


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]
