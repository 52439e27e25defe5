"""What is dangerous needs a proof from the last ten minutes, through every door that does it."""

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI

from tests.cli.conftest import Mp
from tests.conftest import People, TestClock
from tests.console.browser import browser_of, once_in
from tests.console.browser import sign_up as sign_up_at
from tests.identity.test_sign_in import bearer
from tests.support.asgi import serve_app
from tests.support.running import BIN
from tests.support.terminal import run_in_terminal

_PASSWORD = "correct horse battery"
DANGEROUS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("POST", "/api/approvals/sbm_0", {"decision": "approve", "reason": "looks well"}),
    ("POST", "/api/kill-switches/kil_0/lift", {"reason": "over"}),
    ("POST", "/api/billing/close", {"period": "2026-10"}),
    ("PUT", "/api/users/usr_0/role", {"role": "viewer"}),
    ("POST", "/api/users/usr_0/disable", {"keep_keys": False}),
    ("POST", "/api/users/usr_0/enable", {}),
    ("POST", "/api/users", {"email": "operator@example.org", "name": "Two", "password": _PASSWORD, "role": "viewer"}),
    ("POST", "/api/invitations", {"email": "new@example.org", "role": "admin"}),
    ("POST", "/api/invitations", {"email": "new@example.org", "role": "super_admin"}),
    ("PUT", "/api/scim", {"roles": {"staff": "admin"}}),
    ("DELETE", "/api/sso", {}),
    ("POST", "/api/organisations/nobody/reinstate", {"reason": "paid"}),
    ("PUT", "/api/organisations/nobody/verification", {"verified": True}),
    ("POST", "/api/me/second-factors", {"name": "phone"}),
)


async def test_an_old_proof_is_refused_and_a_new_one_lets_it_through(
    api: httpx.AsyncClient, people: People, clock: TestClock
) -> None:
    await people.operator()
    signed_in = await api.post("/api/sessions", json={"email": "operator@example.org", "password": _PASSWORD})
    headers = bearer(signed_in.json())

    async def codes() -> list[str]:
        answers = [
            await api.request(method, path, json=body or None, headers=headers) for method, path, body in DANGEROUS
        ]
        return [answer.json().get("code", "done") for answer in answers]

    fresh = await codes()
    assert "step_up_needed" not in fresh
    clock.advance(timedelta(minutes=10, seconds=1))
    assert await codes() == ["step_up_needed"] * len(DANGEROUS)
    proved = await api.post("/api/sessions/current/proof", json={"password": _PASSWORD}, headers=headers)
    assert proved.status_code == 204
    assert await codes() == fresh


async def test_what_only_takes_something_away_needs_no_new_proof(
    api: httpx.AsyncClient, people: People, clock: TestClock
) -> None:
    await people.operator()
    await people.join("acme")
    signed_in = await api.post("/api/sessions", json={"email": "operator@example.org", "password": _PASSWORD})
    headers = bearer(signed_in.json())
    path, doubt = "/api/organisations/acme", {"reason": "We doubt them"}
    vouched = await api.put(f"{path}/verification", json={"verified": True}, headers=headers)
    assert vouched.json()["is_verified"] is True
    clock.advance(timedelta(minutes=11))
    withdrawn = await api.put(f"{path}/verification", json={"verified": False, **doubt}, headers=headers)
    assert withdrawn.json()["is_verified"] is False
    assert (await api.post(f"{path}/suspend", json=doubt, headers=headers)).status_code == 200
    assert (await api.post(f"{path}/reinstate", json=doubt, headers=headers)).json()["code"] == "step_up_needed"


async def test_a_stolen_session_gets_no_second_factor_of_its_own(
    api: httpx.AsyncClient, people: People, clock: TestClock
) -> None:
    await people.join("acme")
    signed_in = await api.post("/api/sessions", json={"email": "acme@example.org", "password": _PASSWORD})
    clock.advance(timedelta(minutes=11))
    added = await api.post("/api/me/second-factors", json={"name": "phone"}, headers=bearer(signed_in.json()))
    assert (added.status_code, added.json()["code"]) == (403, "step_up_needed")


async def test_a_key_adds_nobody_whatever_was_proved(api: httpx.AsyncClient, people: People) -> None:
    await people.join("acme")
    signed_in = await api.post("/api/sessions", json={"email": "acme@example.org", "password": _PASSWORD})
    for kind in ("ck", "vk"):
        made = await api.post("/api/keys", json={"kind": kind, "name": "ci"}, headers=bearer(signed_in.json()))
        key = {"authorization": f"Bearer {made.json()['key']}"}
        person = {"email": "eve@acme.example", "name": "Eve", "password": _PASSWORD, "role": "admin"}
        assert (await api.post("/api/users", json=person, headers=key)).json()["code"] == "not_allowed"
        invitation = {"email": "eve@acme.example", "role": "admin"}
        assert (await api.post("/api/invitations", json=invitation, headers=key)).json()["code"] == "not_allowed"


async def test_the_console_asks_for_a_proof_before_it_invites(app: FastAPI, clock: TestClock) -> None:
    async with browser_of(app) as browser:
        await sign_up_at(browser)
        clock.advance(timedelta(minutes=11))
        form = {"email": "bob@acme.example", "role": "viewer"}

        async def invite() -> httpx.Response:
            page = await browser.get("/organisation")
            from_there = {"referer": "http://mercato.test/organisation"}
            once = {"once": once_in(page)}
            return await browser.post("/organisation/invitations", data=form | once, headers=from_there)

        refused = await invite()
        assert (refused.status_code, refused.headers["location"]) == (303, "/prove?next=%2Forganisation")
        assert "bob@acme.example" not in (await browser.get("/organisation")).text
        proved = await browser.post("/prove", data={"password": _PASSWORD, "next": "/organisation"})
        assert (proved.status_code, proved.headers["location"]) == (303, "/organisation")
        invited = await invite()
        assert invited.status_code == 200
        assert re.search(r"/join/[\w.-]+", invited.text)


@pytest.mark.parametrize(
    ("page", "form", "values"),
    [
        ("/organisation", "/organisation/second-factors", {"name": "phone"}),
        ("/ops/organisations/acme", "/ops/organisations/acme/verify", {"reason": "A contract"}),
        ("/ops/organisations/acme", "/ops/organisations/acme/reinstate", {"reason": "They paid"}),
    ],
)
async def test_forms_of_the_console_lead_to_a_proof_and_back(
    app: FastAPI, people: People, clock: TestClock, page: str, form: str, values: dict[str, str]
) -> None:
    await people.operator()
    await people.join("acme")
    async with browser_of(app) as browser:
        await browser.post("/sign-in", data={"email": "operator@example.org", "password": _PASSWORD})
        clock.advance(timedelta(minutes=11))
        shown = await browser.get(page)
        sent = {**values, "once": once_in(shown)}
        refused = await browser.post(form, data=sent, headers={"referer": f"http://mercato.test{page}"})
        way = f"/prove?next={quote(page, safe='')}"
        assert (refused.status_code, refused.headers["location"]) == (303, way)
        await browser.get(way)
        proved = await browser.post("/prove", data={"password": _PASSWORD, "next": page})
        assert (proved.status_code, proved.headers["location"]) == (303, page)
        sent["once"] = once_in(await browser.get(page))
        assert (await browser.post(form, data=sent)).status_code in {200, 303}


async def test_mp_asks_for_a_proof_before_it_invites(
    app: FastAPI, people: People, clock: TestClock, tmp_path: Path
) -> None:
    clock.at = datetime.now(UTC)
    await people.join("acme")
    mp = Mp(tmp_path)
    words = ("people", "invite", "bob@acme.example", "--role", "admin")
    async with serve_app(app) as url:
        login = ("login", "--url", url, "--email", "acme@example.org")
        assert (await asyncio.to_thread(mp, *login, stdin=_PASSWORD)).returncode == 0
        clock.advance(timedelta(minutes=11))
        refused = await asyncio.to_thread(mp, *words)
        assert (refused.returncode, "mp prove" in refused.stderr) == (1, True), refused.stderr
        typed = f"{_PASSWORD}\n"
        terminal = [str(BIN / "mp"), *words]
        code, screen = await asyncio.to_thread(run_in_terminal, terminal, mp.environment, mp.config, typed=typed)
        assert (code, "joins as admin" in " ".join(screen.split())) == (0, True), screen
