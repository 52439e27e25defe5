"""Second factors: apps (TOTP), recovery codes, and the proof that dangerous changes ask for, through the API."""

import asyncio
from datetime import timedelta

import httpx
import pyotp
import pytest

from tests.conftest import TestClock
from tests.identity.test_sign_in import ACME, bearer, sign_in

PASSWORD = {"email": "ada@acme.example", "password": ACME["password"]}


@pytest.fixture
async def tokens(api: httpx.AsyncClient) -> dict[str, str]:
    """The tokens of Acme's administrator, freshly signed in."""
    assert (await api.post("/api/organisations", json=ACME)).status_code == 201
    return await sign_in(api)


class App:
    """An authenticator app with the test's clock."""

    def __init__(self, secret: str, clock: TestClock) -> None:
        self._totp, self._clock = pyotp.TOTP(secret), clock

    def code(self, steps: int = 0) -> str:
        return self._totp.at(self._clock.now() + steps * timedelta(seconds=30))

    def next_code(self) -> str:
        """A code that was not shown yet."""
        self._clock.advance(timedelta(seconds=30))
        return self.code()


async def enrol(api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock) -> tuple[App, str, list[str]]:
    """The app, the factor's id and the recovery codes."""
    added = await api.post("/api/me/second-factors", json={"name": "phone"}, headers=bearer(tokens))
    assert added.status_code == 201, added.text
    assert added.json()["uri"].startswith("otpauth://totp/Mercato:ada%40acme.example?")
    app = App(added.json()["secret"], clock)
    path = f"/api/me/second-factors/{added.json()['id']}/confirm"
    confirmed = await api.post(path, json={"code": app.code()}, headers=bearer(tokens))
    assert confirmed.status_code == 200, confirmed.text
    return app, added.json()["id"], confirmed.json()["recovery_codes"]


async def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


async def test_signing_in_needs_a_code_once_an_app_is_confirmed(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    app, _, recovery = await enrol(api, tokens, clock)
    assert len(set(recovery)) == 10
    assert await code_of(await api.post("/api/sessions", json=PASSWORD)) == (401, "second_factor_needed")
    wrong = await api.post("/api/sessions", json={**PASSWORD, "code": "000000"})
    assert await code_of(wrong) == (401, "wrong_code")
    right = await api.post("/api/sessions", json={**PASSWORD, "code": app.next_code()})
    assert right.status_code == 201


async def test_an_app_that_was_not_confirmed_does_not_count(api: httpx.AsyncClient, tokens: dict[str, str]) -> None:
    await api.post("/api/me/second-factors", json={"name": "phone"}, headers=bearer(tokens))
    assert (await api.post("/api/sessions", json=PASSWORD)).status_code == 201
    listed = await api.get("/api/me/second-factors", headers=bearer(tokens))
    assert listed.json() == {"items": [], "recovery_codes_left": 0}


async def test_a_wrong_password_says_nothing_of_a_second_factor(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    await enrol(api, tokens, clock)
    wrong = await api.post("/api/sessions", json={**PASSWORD, "password": "x", "code": "123456"})
    assert await code_of(wrong) == (401, "wrong_password")


@pytest.mark.parametrize("steps", [-1, 0, 1])
async def test_a_clock_that_differs_by_half_a_minute_is_no_reason_to_refuse(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock, steps: int
) -> None:
    app, _, _ = await enrol(api, tokens, clock)
    clock.advance(timedelta(minutes=5))
    assert (await api.post("/api/sessions", json={**PASSWORD, "code": app.code(steps)})).status_code == 201


@pytest.mark.parametrize("steps", [-2, 2])
async def test_a_code_of_another_minute_is_refused(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock, steps: int
) -> None:
    app, _, _ = await enrol(api, tokens, clock)
    clock.advance(timedelta(minutes=5))
    answer = await api.post("/api/sessions", json={**PASSWORD, "code": app.code(steps)})
    assert await code_of(answer) == (401, "wrong_code")


async def test_a_code_works_once_also_when_it_comes_ten_times_at_once(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    app, _, _ = await enrol(api, tokens, clock)
    code = app.next_code()
    answers = await asyncio.gather(*(api.post("/api/sessions", json={**PASSWORD, "code": code}) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [201] + [401] * 9


async def test_a_recovery_code_stands_in_for_the_app_once(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    _, _, recovery = await enrol(api, tokens, clock)
    typed = recovery[3].lower().replace("-", " ")
    assert (await api.post("/api/sessions", json={**PASSWORD, "code": typed})).status_code == 201
    again = await api.post("/api/sessions", json={**PASSWORD, "code": recovery[3]})
    assert await code_of(again) == (401, "wrong_code")
    listed = await api.get("/api/me/second-factors", headers=bearer(tokens))
    assert listed.json()["recovery_codes_left"] == 9


async def test_guessing_codes_is_slowed_down(api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock) -> None:
    app, _, _ = await enrol(api, tokens, clock)
    right = app.next_code()
    guesses = [f"{(int(right) + offset) % 1_000_000:06}" for offset in range(500_000, 500_010)]
    answers = [await api.post("/api/sessions", json={**PASSWORD, "code": guess}) for guess in guesses]
    assert [answer.status_code for answer in answers] == [401] * 10
    blocked = await api.post("/api/sessions", json={**PASSWORD, "code": right})
    assert await code_of(blocked) == (429, "too_many_attempts")
    clock.advance(timedelta(minutes=16))
    assert (await api.post("/api/sessions", json={**PASSWORD, "code": app.next_code()})).status_code == 201


async def test_removing_an_app_needs_a_recent_proof_by_code(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    app, factor, recovery = await enrol(api, tokens, clock)
    clock.advance(timedelta(minutes=11))
    removed = await api.delete(f"/api/me/second-factors/{factor}", headers=bearer(tokens))
    assert await code_of(removed) == (403, "step_up_needed")
    by_password = await api.post(
        "/api/sessions/current/proof", json={"password": ACME["password"]}, headers=bearer(tokens)
    )
    assert await code_of(by_password) == (401, "second_factor_needed")
    by_code = await api.post("/api/sessions/current/proof", json={"code": app.next_code()}, headers=bearer(tokens))
    assert by_code.status_code == 204, by_code.text
    assert (await api.delete(f"/api/me/second-factors/{factor}", headers=bearer(tokens))).status_code == 204
    assert (await api.post("/api/sessions", json=PASSWORD)).status_code == 201
    assert (await api.post("/api/sessions", json={**PASSWORD, "code": recovery[0]})).status_code == 201


async def test_who_has_no_second_factor_proves_themselves_by_password(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    proof = "/api/sessions/current/proof"
    wrong = await api.post(proof, json={"password": "x"}, headers=bearer(tokens))
    assert await code_of(wrong) == (401, "wrong_password")
    empty = await api.post(proof, json={}, headers=bearer(tokens))
    assert await code_of(empty) == (401, "wrong_password")
    right = await api.post(proof, json={"password": ACME["password"]}, headers=bearer(tokens))
    assert right.status_code == 204


async def test_renewed_recovery_codes_replace_the_old_ones(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    _, _, old = await enrol(api, tokens, clock)
    renewed = await api.post("/api/me/recovery-codes", headers=bearer(tokens))
    assert renewed.status_code == 201, renewed.text
    assert not set(renewed.json()["recovery_codes"]) & set(old)
    refused = await api.post("/api/sessions", json={**PASSWORD, "code": old[0]})
    assert await code_of(refused) == (401, "wrong_code")


async def test_another_persons_factor_is_unknown(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    _, factor, _ = await enrol(api, tokens, clock)
    eve = {**ACME, "organisation": "evil", "email": "eve@evil.example"}
    assert (await api.post("/api/organisations", json=eve)).status_code == 201
    signed_in = await api.post("/api/sessions", json={"email": eve["email"], "password": eve["password"]})
    for answer in (
        await api.delete(f"/api/me/second-factors/{factor}", headers=bearer(signed_in.json())),
        await api.post(
            f"/api/me/second-factors/{factor}/confirm", json={"code": "123456"}, headers=bearer(signed_in.json())
        ),
    ):
        assert answer.status_code == 404


async def test_a_device_is_not_approved_without_the_second_factor(
    api: httpx.AsyncClient, tokens: dict[str, str], clock: TestClock
) -> None:
    app, _, _ = await enrol(api, tokens, clock)
    codes = (await api.post("/api/oauth/device_authorization", data={"client_id": "mp"})).json()
    form = {"user_code": codes["user_code"], **PASSWORD}
    without = await api.post("/device", data=form)
    assert without.status_code == 401
    assert "confirmation" not in without.text
    own = {"sec-fetch-site": "same-origin"}
    shown = await api.post("/device", data={**form, "code": app.next_code()}, headers=own)
    assert shown.status_code == 200
    assert "confirmation" in shown.text
