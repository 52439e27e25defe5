"""SCIM: whom a token does not reach, what is refused, and what happens at once."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from mercato_contracts.keys import make_key
from tests.conftest import TestClock
from tests.identity.scim_provider import (
    BOB,
    GROUP,
    USER,
    Provider,
    provider_of,
    refused,
)
from tests.identity.test_sign_in import ACME, bearer


@pytest.fixture
async def provider(api: httpx.AsyncClient) -> Provider:
    return await provider_of(api)


async def test_nothing_of_another_organisation_is_seen_or_touched(provider: Provider) -> None:
    other = await provider_of(provider.api, "other")
    bob = await provider.add()
    staff = await provider.group("staff", bob["id"])
    assert await other.find('userName eq "bob@acme.example"') == []
    for method, body in (("GET", None), ("PUT", {"schemas": [USER], **BOB}), ("DELETE", None)):
        assert refused(await other.ask(method, f"Users/{bob['id']}", body)) == (404, None, "not_found")
    assert refused(await other.ask("GET", f"Groups/{staff['id']}")) == (404, None, "not_found")
    theirs = {"schemas": [GROUP], "displayName": "x", "members": [{"value": bob["id"]}]}
    assert refused(await other.ask("POST", "Groups", theirs)) == (400, "invalidValue", "scim_member_unknown")
    assert refused(await other.ask("POST", "Users", {"schemas": [USER], **BOB})) == (409, "uniqueness", "scim_taken")
    tokens = (await provider.api.get("/api/scim/tokens", headers=bearer(other.admin))).json()["items"]
    mine = (await provider.api.get("/api/scim/tokens", headers=bearer(provider.admin))).json()["items"]
    assert {each["id"] for each in tokens} & {each["id"] for each in mine} == set()
    answer = await provider.api.delete(f"/api/scim/tokens/{mine[0]['id']}", headers=bearer(other.admin))
    assert (answer.status_code, answer.json()["code"]) == (404, "scim_token_unknown")


async def test_a_token_opens_nothing_else_and_nothing_else_opens_this(provider: Provider) -> None:
    shown = {"Authorization": f"Bearer {provider.token}"}
    assert (await provider.api.get("/api/me", headers=shown)).status_code == 401
    key = await provider.api.post("/api/keys", json={"kind": "ck", "name": "x"}, headers=bearer(provider.admin))
    for text_ in (key.json()["key"], provider.admin["access_token"], "scim_x", ""):
        answer = await provider.api.get("/scim/v2/Users", headers={"Authorization": f"Bearer {text_}"})
        assert refused(answer) == (401, None, "not_signed_in")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_token_that_is_revoked_or_over_is_refused(provider: Provider, clock: TestClock) -> None:
    tokens = (await provider.api.get("/api/scim/tokens", headers=bearer(provider.admin))).json()["items"]
    assert (await provider.api.delete(f"/api/scim/tokens/{tokens[0]['id']}", headers=bearer(provider.admin))).status_code == 204  # fmt: skip  # noqa: E501
    assert refused(await provider.ask("GET", "Users")) == (401, None, "not_signed_in")
    until = (clock.now() + timedelta(minutes=5)).isoformat()
    short = await provider.api.post(
        "/api/scim/tokens", json={"name": "short", "expires_at": until}, headers=bearer(provider.admin)
    )
    provider.token = short.json()["token"]
    assert (await provider.ask("GET", "Users")).status_code == 200
    clock.advance(timedelta(minutes=6))
    assert refused(await provider.ask("GET", "Users")) == (401, None, "not_signed_in")
    # The proof is ten minutes old by now.
    clock.advance(timedelta(minutes=6))
    late = await provider.api.post("/api/scim/tokens", json={"name": "late"}, headers=bearer(provider.admin))
    assert (late.status_code, late.json()["code"]) == (403, "step_up_needed")


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 20_000, b'{"schemas": []}', b'{"userName": 7}'])
async def test_bodies_that_are_none_are_refused(provider: Provider, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {provider.token}", "Content-Type": "application/scim+json"}
    answer = await provider.api.post("/scim/v2/Users", content=body, headers=headers)
    status, keyword, code = refused(answer)
    assert (status, code) == (400, "scim_malformed")
    assert keyword in ("invalidSyntax", "invalidValue")


async def test_changes_larger_than_any_that_is_needed_are_refused(provider: Provider) -> None:
    bob = await provider.add()
    many = [{"op": "replace", "path": "displayName", "value": "B"}] * 1001
    assert refused(await provider.patch(f"Users/{bob['id']}", *many)) == (400, "tooMany", "scim_malformed")
    deep = {"op": "remove", "path": f'emails[{"(" * 60}type eq "work"{")" * 60}]'}
    assert refused(await provider.patch(f"Users/{bob['id']}", deep)) == (400, "invalidFilter", "scim_filter_refused")
    own = {"op": "replace", "path": "groups", "value": [{"value": "grp_1"}]}
    assert refused(await provider.patch(f"Users/{bob['id']}", own)) == (400, "mutability", "scim_malformed")


async def test_whom_an_administrator_let_in_again_keeps_their_role(provider: Provider) -> None:
    vera = {"email": "vera@acme.example", "name": "Vera", "password": ACME["password"], "role": "admin"}
    added = await provider.api.post("/api/users", json=vera, headers=bearer(provider.admin))
    user = added.json()["id"]
    assert (await provider.ask("DELETE", f"Users/{user}")).status_code == 204
    await provider.api.post(f"/api/users/{user}/enable", json={}, headers=bearer(provider.admin))
    back = await provider.add(userName="vera@acme.example", externalId="v-1")
    assert (back["id"], back["active"], await provider.role(user)) == (user, True, "admin")


async def test_what_is_not_offered_says_so(provider: Provider) -> None:
    for method, path in (("POST", "Bulk"), ("POST", ".search"), ("GET", "Me")):
        assert refused(await provider.ask(method, path, {})) == (501, None, "scim_not_offered")
    assert refused(await provider.ask("GET", "Nothing"))[0] == 404
    assert refused(await provider.ask("POST", "Schemas", {}))[0] == 405
    without = await provider.ask("PATCH", "Users", {})
    assert (refused(without)[0], without.headers["allow"]) == (405, "GET, POST")


async def test_a_deployments_token_is_refused_everywhere(provider: Provider) -> None:
    """Also where the protocol describes itself, which asks for no permission."""
    token = make_key("sit", "key_01J0000000000000000000000A", b"x" * 32)
    for path in ("ServiceProviderConfig", "Schemas", "Users"):
        answer = await provider.api.get(f"/scim/v2/{path}", headers={"Authorization": f"Bearer {token}"})
        assert refused(answer) == (401, None, "not_signed_in")
        assert answer.headers["www-authenticate"] == "Bearer"


async def test_two_at_once_make_no_more_tokens_than_there_may_be(provider: Provider, clock: TestClock) -> None:
    short = {"name": "short", "expires_at": (clock.now() + timedelta(seconds=5)).isoformat()}
    assert (await provider.api.post("/api/scim/tokens", json=short, headers=bearer(provider.admin))).status_code == 201
    clock.advance(timedelta(seconds=10))
    answers = await asyncio.gather(
        *(
            provider.api.post("/api/scim/tokens", json={"name": str(each)}, headers=bearer(provider.admin))
            for each in range(22)
        )
    )
    made_now = [answer for answer in answers if answer.status_code == 201]
    # One was there already; another one is over and does not count.
    assert len(made_now) == 19
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"malformed_request"}


async def test_many_members_join_and_leave_and_are_named(provider: Provider) -> None:
    bob, ann = await provider.add(), await provider.add(userName="ann@acme.example", externalId="a-2")
    staff = await provider.group("staff", ann["id"])
    assert [each["value"] for each in staff["members"]] == [ann["id"]]
    path = f"Groups/{staff['id']}"
    joined = (await provider.patch(path, {"op": "add", "path": "members", "value": [{"value": bob["id"]}]})).json()
    assert joined["members"] == (await provider.ask("GET", path)).json()["members"]
    assert [each["value"] for each in joined["members"]] == sorted([bob["id"], ann["id"]])
    body = {"schemas": [GROUP], "displayName": "crew", "members": [{"value": bob["id"]}]}
    replaced = (await provider.ask("PUT", path, body)).json()
    assert (replaced["displayName"], [each["value"] for each in replaced["members"]]) == ("crew", [bob["id"]])
