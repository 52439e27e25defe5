"""Token introspection (RFC 7662): an organisation about its own keys, the operator about all."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from mercato.identity import Caller, Keys, NewKey
from tests.conftest import TestClock
from tests.support.market import Market, market

__all__ = ["market"]


async def sign_in(api: httpx.AsyncClient, caller: Caller) -> dict[str, str]:
    email = f"{caller.organisation_slug}@example.org"
    answer = await api.post("/api/sessions", json={"email": email, "password": "correct horse battery"})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def ask(api: httpx.AsyncClient, token: str, headers: dict[str, str]) -> Any:
    answer = await api.post(
        "/api/introspect", data={"token": token, "token_type_hint": "access_token"}, headers=headers
    )
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    return answer.json()


async def make(market: Market, caller: Caller, hours: int) -> NewKey:
    async with market.database.transaction() as session:
        keys = Keys(session, market.clock, market.ids, market.hasher, market.outbox)
        expires = market.clock.now() + timedelta(hours=hours)
        return await keys.make(caller, kind="ck", name="test", scopes=["call"], expires_at=expires)


async def test_a_key_in_force_says_what_it_is(api: httpx.AsyncClient, market: Market) -> None:
    acme = await market.people.join("acme")
    key = await make(market, acme, hours=2)
    made = int(market.clock.now().timestamp())
    expected = {
        "active": True,
        "scope": "call",
        "client_id": key.row.id,
        "sub": acme.organisation_id,
        "token_type": "Bearer",
        "iat": made,
        "exp": made + 7200,
    }
    assert await ask(api, key.text, await sign_in(api, acme)) == expected
    assert await ask(api, key.text, await sign_in(api, await market.operator())) == expected
    assert await ask(api, key.text, {"Authorization": f"Bearer {key.text}"}) == expected
    forever = await market.make_key(acme)
    assert "exp" not in await ask(api, forever.text, await sign_in(api, acme))


async def test_of_any_other_key_only_that_it_is_not_active(
    api: httpx.AsyncClient, market: Market, clock: TestClock
) -> None:
    acme, globex = await market.people.join("acme"), await market.people.join("globex")
    mine, theirs, revoked = await make(market, acme, 2), await market.make_key(globex), await market.make_key(acme)
    headers = await sign_in(api, acme)
    assert (await api.delete(f"/api/keys/{revoked.row.id}", headers=headers)).status_code == 204
    flipped = mine.text[:-1] + ("0" if mine.text[-1] != "0" else "1")
    strange = ["ck_", "x" * 5000, "\0", "\ud83e\udd86".encode("utf-16", "surrogatepass").decode("utf-16"), "a&token=b"]
    for text in (theirs.text, revoked.text, flipped, headers["Authorization"][7:], *strange):
        assert await ask(api, text, headers) == {"active": False}
    assert (await ask(api, mine.text, headers))["active"]
    clock.advance(timedelta(hours=3))
    assert await ask(api, mine.text, await sign_in(api, acme)) == {"active": False}


async def test_nobody_asks_without_a_credential(api: httpx.AsyncClient, market: Market) -> None:
    key = await market.make_key(await market.people.join("acme"))
    answer = await api.post("/api/introspect", data={"token": key.text})
    assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b""),
        ("application/x-www-form-urlencoded", b"token=a&token=b"),
        ("application/x-www-form-urlencoded", b"key=a" + b"&" * 2000 + b"\xff\xfe"),
        ("application/json", b'{"token": "a"}'),
        ("", b"token=a"),
    ],
)
async def test_anything_but_a_form_with_one_token_is_refused(
    api: httpx.AsyncClient, market: Market, kind: str, body: bytes
) -> None:
    headers = await sign_in(api, await market.people.join("acme"))
    answer = await api.post("/api/introspect", content=body, headers=headers | {"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (422, "malformed_request")
