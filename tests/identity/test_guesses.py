"""Guessing is limited by address and by what is attacked, whatever the guesser shows or changes."""

from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from mercato.edge.wiring import running_of
from mercato.identity import KnownDevices
from mercato.platform import Ids, MarketplaceSecret
from mercato_contracts.keys import make_key
from tests.conftest import TestClock
from tests.support.market import Market, market

__all__ = ["market"]

EMAIL, PASSWORD = "globex@example.org", "correct horse battery"
WRONG = {"email": EMAIL, "password": "a wrong password"}
RIGHT = {"email": EMAIL, "password": PASSWORD}


def at(app: FastAPI, host: str) -> httpx.AsyncClient:
    """A client at this address."""
    transport = httpx.ASGITransport(app, client=(host, 4711), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://mercato.test", timeout=60)


async def sign_in(app: FastAPI, host: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    async with at(app, host) as client:
        return await client.post("/api/sessions", json=body, headers=headers)


@pytest.fixture
async def tokens(app: FastAPI, market: Market) -> dict[str, Any]:
    """Of the person whose account is attacked."""
    await market.people.join("globex")
    body: dict[str, Any] = (await sign_in(app, "198.51.100.1", RIGHT)).json()
    return body


async def attack(app: FastAPI, times: int) -> Counter[str]:
    """From as many addresses as there are guesses."""
    answers = [await sign_in(app, f"203.0.{n // 250}.{n % 250 + 1}", WRONG) for n in range(times)]
    return Counter(answer.json()["code"] for answer in answers)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
async def test_an_address_is_not_changed_by_a_header(app: FastAPI, market: Market, header: str) -> None:
    async def guess(number: int) -> str:
        body = {"email": f"nobody-{number}@example.org", "password": "a wrong password"}
        value = f"for=192.0.2.{number}" if header == "Forwarded" else f"192.0.2.{number}"
        code: str = (await sign_in(app, "203.0.113.7", body, **{header: value})).json()["code"]
        return code

    codes = Counter([await guess(number) for number in range(80)])
    assert codes == {"wrong_password": 60, "asked_too_often": 20}


async def test_a_key_of_ones_own_gives_no_guesses_more(app: FastAPI, market: Market) -> None:
    attacker = await market.people.join("mallory")
    keys = [await market.make_key(attacker) for _ in range(4)]
    codes: Counter[str] = Counter()
    for number in range(80):
        body = {"email": f"nobody-{number}@example.org", "password": "a wrong password"}
        shown = {"Authorization": f"Bearer {keys[number % 4].text}"}
        codes[(await sign_in(app, "203.0.113.7", body, **shown)).json()["code"]] += 1
    assert codes == {"wrong_password": 60, "asked_too_often": 20}


async def test_the_addresses_of_one_ipv6_network_are_one_guesser(app: FastAPI, market: Market) -> None:
    codes: Counter[str] = Counter()
    for number in range(70):
        body = {"email": f"nobody-{number}@example.org", "password": "a wrong password"}
        codes[(await sign_in(app, f"2001:db8:1:2::{number:x}", body)).json()["code"]] += 1
    assert codes == {"wrong_password": 60, "asked_too_often": 10}


async def test_one_account_bears_ten_wrong_guesses_of_however_many_addresses(
    app: FastAPI, tokens: dict[str, Any]
) -> None:
    assert await attack(app, 40) == {"wrong_password": 10, "too_many_attempts": 30}
    refused = await sign_in(app, "198.51.100.1", RIGHT)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "Try again in 1 s." in refused.json()["detail"]


async def test_an_account_that_does_not_exist_is_refused_as_one_that_does(app: FastAPI, market: Market) -> None:
    assert await attack(app, 20) == {"wrong_password": 10, "too_many_attempts": 10}


async def test_the_wait_doubles_up_to_a_quarter_of_an_hour_and_is_forgotten_in_a_day(
    app: FastAPI, tokens: dict[str, Any], clock: TestClock
) -> None:
    await attack(app, 10)
    waits = []
    for _ in range(13):
        blocked = await sign_in(app, "198.51.100.1", RIGHT)
        waits.append(int(blocked.headers["retry-after"]))
        clock.advance(timedelta(seconds=waits[-1]))
        assert (await sign_in(app, "198.51.100.2", WRONG)).json()["code"] == "wrong_password"
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]
    clock.advance(timedelta(days=1))
    assert await attack(app, 11) == {"wrong_password": 10, "too_many_attempts": 1}


async def test_the_right_password_after_the_wait_starts_anew(
    app: FastAPI, tokens: dict[str, Any], clock: TestClock
) -> None:
    await attack(app, 12)
    clock.advance(timedelta(seconds=1))
    assert (await sign_in(app, "198.51.100.1", RIGHT)).status_code == 201
    assert await attack(app, 10) == {"wrong_password": 10}


async def test_sessions_and_known_devices_go_on_while_an_account_is_attacked(
    app: FastAPI, tokens: dict[str, Any]
) -> None:
    await attack(app, 12)
    async with at(app, "198.51.100.1") as client:
        shown = {"Authorization": f"Bearer {tokens['access_token']}"}
        assert (await client.get("/api/me", headers=shown)).status_code == 200
        renewed = await client.post("/api/sessions/refresh", json={"refresh_token": tokens["refresh_token"]})
        assert renewed.status_code == 200
    known = RIGHT | {"device_token": tokens["device_token"]}
    assert (await sign_in(app, "192.0.2.99", known)).status_code == 201
    assert (await sign_in(app, "192.0.2.99", RIGHT)).status_code == 429


async def test_a_device_token_gives_guesses_of_its_own_and_no_more(app: FastAPI, tokens: dict[str, Any]) -> None:
    guess = WRONG | {"device_token": tokens["device_token"]}
    answers = [await sign_in(app, f"192.0.2.{number}", guess) for number in range(1, 31)]
    assert Counter(answer.json()["code"] for answer in answers) == {"wrong_password": 10, "too_many_attempts": 20}


async def test_no_other_token_is_a_known_device(app: FastAPI, tokens: dict[str, Any], market: Market) -> None:
    await market.people.join("mallory")
    theirs = (await sign_in(app, "198.51.100.9", RIGHT | {"email": "mallory@example.org"})).json()["device_token"]
    own = tokens["device_token"]
    await attack(app, 12)
    for forged in (
        theirs,
        own[:-1] + ("0" if own[-1] != "0" else "1"),
        "x" + own,
        "",
        "..",
        "a.b.c",
        "é.1.x",
        own[:40],
    ):
        assert (await sign_in(app, "198.51.100.1", RIGHT | {"device_token": forged})).status_code == 429


def test_a_known_device_is_forgotten_after_ninety_days(clock: TestClock, ids: Ids) -> None:
    devices = KnownDevices(MarketplaceSecret.of(b"x" * 32))
    token = devices.issue("usr_1", ids, clock.now())
    assert devices.find(token, "usr_1", clock.now() + timedelta(days=89)) is not None
    assert devices.find(token, "usr_1", clock.now() + timedelta(days=90)) is None
    assert devices.find(token, "usr_2", clock.now()) is None


async def test_what_was_attacked_is_not_written_down(app: FastAPI, tokens: dict[str, Any], database_url: str) -> None:
    await attack(app, 3)
    with psycopg.connect(database_url) as connection:
        ((name, failures),) = connection.execute("SELECT name, failures FROM failed_attempts").fetchall()
    assert failures == 3
    assert "globex" not in name


async def test_guesses_at_a_key_end_with_the_address_and_its_owner_goes_on(app: FastAPI, market: Market) -> None:
    key = await market.make_key(await market.people.join("globex"))
    async with at(app, "203.0.113.7") as client:

        async def show(text: str) -> int:
            return (await client.get("/api/me", headers={"Authorization": f"Bearer {text}"})).status_code

        assert await show(key.text) == 200
        guesses = [make_key("ck", key.row.id, bytes([number]) * 32) for number in range(80)]
        assert Counter([await show(guess) for guess in guesses]) == {401: 60, 429: 20}
        assert await show(key.text) == 200
    exchange = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "audience": "dep_1",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }  # fmt: skip
    async with at(app, "203.0.113.8") as client:
        answers = [await client.post("/api/oauth/token", data=exchange | {"subject_token": g}) for g in guesses]
    assert Counter(answer.status_code for answer in answers) == {400: 30, 429: 50}


async def test_guesses_at_device_codes_count_against_the_person_wherever_they_come_from(
    app: FastAPI, tokens: dict[str, Any]
) -> None:
    statuses: Counter[int] = Counter()
    for number in range(20):
        async with at(app, f"203.0.113.{number + 1}") as client:
            form = RIGHT | {"user_code": "BBBB-BBBB"}
            statuses[(await client.post("/device", data=form)).status_code] += 1
    assert statuses == {404: 10, 429: 10}


async def test_an_organisation_has_one_allowance_whatever_keys_it_makes(app: FastAPI, market: Market) -> None:
    caller = await market.people.join("globex")
    keys = [await market.make_key(caller) for _ in range(2)]
    wiring = running_of(app).wiring
    for _ in range(5_999):
        wiring.organisations.take(caller.organisation_id, wiring.clock.now())
    async with at(app, "203.0.113.7") as client:
        answers = [await client.get("/api/me", headers={"Authorization": f"Bearer {key.text}"}) for key in keys]
    assert [answer.status_code for answer in answers] == [200, 429]


@pytest.fixture
async def behind_a_proxy(settings: Settings, database_url: str, clock: TestClock) -> AsyncIterator[FastAPI]:
    named = settings.model_copy(update={"trusted_proxies": "10.0.0.0/8"})
    app = create_app(build_wiring(named, database_url, clock), list(ROLES))
    async with app.router.lifespan_context(app):
        yield app


async def test_behind_a_named_proxy_each_client_has_its_own_guesses(behind_a_proxy: FastAPI) -> None:
    async def guess(number: int, client: str, forged: str = "") -> str:
        body = {"email": f"nobody-{number}@example.org", "password": "a wrong password"}
        listed = f"{forged}{client}"
        answer = await sign_in(behind_a_proxy, "10.0.0.1", body, **{"X-Forwarded-For": listed})
        code: str = answer.json()["code"]
        return code

    codes = Counter([await guess(number, "203.0.113.7", f"192.0.2.{number}, ") for number in range(70)])
    assert codes == {"wrong_password": 60, "asked_too_often": 10}
    assert await guess(100, "203.0.113.8") == "wrong_password"
