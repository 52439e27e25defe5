"""What is kept of people, for everybody; one's own copy and erasure, and those of colleagues."""

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import People, TestClock
from tests.console.browser import PASSWORD, browser_of, once_in, sign_in, sign_up


@pytest.fixture
async def admin(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator of Acme, who has just signed up."""
    async with browser_of(app) as browser:
        await sign_up(browser)
        yield browser


async def _colleague(admin: httpx.AsyncClient, name: str = "vera", role: str = "viewer") -> str:
    tokens = await admin.post("/api/sessions", json={"email": "acme@example.org", "password": PASSWORD})
    headers = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    person = {"email": f"{name}@example.org", "name": name.title(), "password": PASSWORD, "role": role}
    made = await admin.post("/api/users", json=person, headers=headers)
    assert made.status_code == 201, made.text
    return str(made.json()["id"])


async def test_visitors_read_what_is_kept_and_for_how_long(browser: httpx.AsyncClient) -> None:
    page = await browser.get("/privacy")
    assert page.status_code == 200
    assert page.headers["cache-control"].startswith("public")
    for words in ("Bodies of calls", "What knows people, and how long", "legitimate interest (f)", "400 days"):
        assert words in page.text
    assert "Erase my account" not in page.text
    assert 'href="/privacy"' in (await browser.get("/")).text, "every page leads there"


async def test_a_person_gets_a_copy_and_then_goes(app: FastAPI, admin: httpx.AsyncClient) -> None:
    await _colleague(admin)
    async with browser_of(app) as vera:
        await sign_in(vera, "vera")
        page = await vera.get("/privacy")
        assert "Erasures" not in page.text, "a viewer rules nobody"
        once = {"once": once_in(page)}
        for _ in range(2):
            assert (await vera.post("/privacy/copies", data={"person": "me"} | once)).status_code == 303
        assert (await vera.get("/privacy")).text.count("being made") == 1
        wrong = await vera.post("/privacy/erasures", data={"person": "me", "typed": "acme@example.org"})
        assert (wrong.status_code, "cannot be undone" in wrong.text) == (422, True)
        gone = await vera.post("/privacy/erasures", data={"person": "me", "typed": "Vera@example.org"})
        assert (gone.status_code, gone.headers["location"]) == (303, "/privacy?erased=true")
        after = await vera.get(gone.headers["location"])
        assert "Your account is being erased" in after.text
        assert "vera@example.org" not in after.text
        assert (await vera.get("/home")).status_code == 303
    assert "Your account is being erased" not in (await admin.get("/privacy?erased=true")).text


async def test_an_administrator_copies_and_erases_a_colleague(admin: httpx.AsyncClient) -> None:
    person = await _colleague(admin)
    page = await admin.get("/privacy")
    assert "Nobody was erased" in page.text
    assert f'<option value="{person}">Vera, vera@example.org' in page.text
    made = await admin.post("/privacy/copies", data={"person": person})
    assert made.headers["location"] == f"/privacy?person={person}"
    assert "being made" in (await admin.get(made.headers["location"])).text
    wrong = await admin.post("/privacy/erasures", data={"person": person, "typed": "other@example.org"})
    assert wrong.status_code == 422
    form = {"person": person, "typed": "vera@example.org", "once": once_in(page)}
    for _ in range(2):
        assert (await admin.post("/privacy/erasures", data=form)).status_code == 303
    page = await admin.get("/privacy")
    assert page.text.count(f"<code>{person}</code>") == 1


async def test_the_last_administrator_reads_why_not(admin: httpx.AsyncClient) -> None:
    await _colleague(admin)
    kept = await admin.post("/privacy/erasures", data={"person": "me", "typed": "acme@example.org"})
    assert (kept.status_code, "last_administrator" in kept.text) == (409, True)
    assert "acme@example.org" in (await admin.get("/privacy")).text


async def test_people_of_others_are_not_there(admin: httpx.AsyncClient, people: People) -> None:
    stranger = (await people.join("zeta")).actor
    for form in ({"person": stranger, "typed": stranger}, {"person": stranger, "typed": "zeta@example.org"}):
        assert (await admin.post("/privacy/erasures", data=form)).status_code in (404, 422)
    assert (await admin.post("/privacy/copies", data={"person": stranger})).status_code == 404


async def test_a_viewer_names_nobody_else(app: FastAPI, admin: httpx.AsyncClient) -> None:
    await _colleague(admin)
    other = await _colleague(admin, "walter")
    async with browser_of(app) as vera:
        await sign_in(vera, "vera")
        assert (await vera.post("/privacy/copies", data={"person": other})).status_code == 403
        refused = await vera.post("/privacy/erasures", data={"person": other, "typed": "walter@example.org"})
        assert refused.status_code == 403


async def test_an_old_proof_is_asked_for_anew(admin: httpx.AsyncClient, clock: TestClock) -> None:
    clock.at = clock.at.replace(hour=clock.at.hour + 1)
    for path in ("erasures", "copies"):
        asked = await admin.post(f"/privacy/{path}", data={"person": "me", "typed": "acme@example.org"})
        assert (asked.status_code, asked.headers["location"].split("?")[0]) == (303, "/prove")


async def test_strangers_forms_are_refused(app: FastAPI, admin: httpx.AsyncClient) -> None:
    form = {"person": "me", "typed": "acme@example.org"}
    for path in ("erasures", "copies"):
        forged = await admin.post(f"/privacy/{path}", data=form, headers={"sec-fetch-site": "cross-site"})
        assert forged.status_code == 403
    async with browser_of(app) as nobody:
        for path in ("erasures", "copies"):
            assert (await nobody.post(f"/privacy/{path}", data=form)).headers["location"].startswith("/sign-in")
