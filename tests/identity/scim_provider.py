"""An organisation's identity provider that speaks SCIM."""

from typing import Any

import httpx

from tests.identity.test_sign_in import ACME, bearer

BOB = {"userName": "bob@acme.example", "externalId": "b-7", "name": {"givenName": "Bob", "familyName": "Stone"}}
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


class Provider:
    """An organisation's administrator, and what its identity provider does with the token."""

    def __init__(self, api: httpx.AsyncClient, admin: dict[str, str], token: str) -> None:
        self.api, self.admin, self.token = api, admin, token

    async def ask(self, method: str, path: str, body: Any = None, **query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return await self.api.request(method, f"/scim/v2/{path}", json=body, params=query, headers=headers)

    async def add(self, **changed: Any) -> dict[str, Any]:
        return made(await self.ask("POST", "Users", {"schemas": [USER], **BOB, **changed}))

    async def group(self, name: str, *members: str) -> dict[str, Any]:
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": each} for each in members]}
        return made(await self.ask("POST", "Groups", body))

    async def patch(self, path: str, *operations: dict[str, Any]) -> httpx.Response:
        return await self.ask("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    async def find(self, search: str, kind: str = "Users") -> list[str]:
        answer = await self.ask("GET", kind, filter=search)
        assert answer.status_code == 200, answer.text
        return [each["id"] for each in answer.json().get("Resources", [])]

    async def role(self, user_id: str) -> str:
        people = (await self.api.get("/api/users", headers=bearer(self.admin))).json()["items"]
        return str(next(each["role"] for each in people if each["id"] == user_id))

    async def say(self, **settings: Any) -> None:
        answer = await self.api.put("/api/scim", json=settings, headers=bearer(self.admin))
        assert answer.status_code == 200, answer.text


def made(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    assert answer.headers["content-type"] == "application/scim+json"
    body: dict[str, Any] = answer.json()
    assert answer.headers["location"] == body["meta"]["location"]
    return body


def switch(*, active: bool) -> dict[str, Any]:
    return {"op": "replace", "path": "active", "value": active}


def refused(answer: httpx.Response) -> tuple[int, str | None, str]:
    body = answer.json()
    assert body["schemas"] == [ERROR]
    assert body["status"] == str(answer.status_code)
    return answer.status_code, body.get("scimType"), body["detail"].rpartition("[")[2].rstrip("]")


async def sign_up(api: httpx.AsyncClient, slug: str) -> dict[str, str]:
    body = {**ACME, "organisation": slug, "email": f"admin@{slug}.example"}
    assert (await api.post("/api/organisations", json=body)).status_code == 201
    return await sign_in(api, f"admin@{slug}.example")


async def sign_in(api: httpx.AsyncClient, email: str) -> dict[str, str]:
    answer = await api.post("/api/sessions", json={"email": email, "password": ACME["password"]})
    assert answer.status_code == 201, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens


async def provider_of(api: httpx.AsyncClient, slug: str = "acme") -> Provider:
    admin = await sign_up(api, slug)
    answer = await api.post("/api/scim/tokens", json={"name": "Okta"}, headers=bearer(admin))
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return Provider(api, admin, answer.json()["token"])
