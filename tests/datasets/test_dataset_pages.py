"""The operator's pages of data: panels are built, rounds opened, closed and resolved by forms."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from fastapi import FastAPI

from tests.conftest import People
from tests.console.browser import PASSWORD, browser_of, once_in, sign_in
from tests.datasets.conftest import DataRoom

NAME = "us-equities-daily"
PAGE = f"/ops/datasets/{NAME}"


@pytest.fixture
async def operator(app: FastAPI, people: People) -> AsyncIterator[httpx.AsyncClient]:
    """The operator's administrator, who has just signed in."""
    await people.operator()
    async with browser_of(app) as browser:
        assert (await sign_in(browser, "operator")).status_code == 303
        yield browser


async def _round_in(browser: httpx.AsyncClient, verb: str) -> str:
    found = re.search(rf'action="({PAGE}/rounds/rnd_\w+/{verb})"', (await browser.get(PAGE)).text)
    assert found is not None
    return found[1]


async def test_a_round_is_opened_closed_and_resolved(operator: httpx.AsyncClient, room: DataRoom) -> None:
    await room.build()
    listed = await operator.get("/ops/datasets")
    assert f'href="{PAGE}"' in listed.text
    page = await operator.get(PAGE)
    assert "No round yet" in page.text
    form = {"eras": "5", "open_hours": "24", "embargo_hours": "0", "reason": "the first week", "once": once_in(page)}
    for _ in range(2):
        done = await operator.post(f"{PAGE}/rounds", data=form)
        assert (done.status_code, done.headers["location"]) == (303, PAGE)
    page = await operator.get(PAGE)
    assert "Round 1 is open. Close it first" in page.text
    second = await operator.post(f"{PAGE}/rounds", data=form | {"once": "f" * 32, "reason": "kept words"})
    assert second.status_code == 409, second.text
    close = await _round_in(operator, "close")
    unsaid = await operator.post(close, data={"reason": "x"})
    assert unsaid.status_code == 422
    assert (await operator.post(close, data={"reason": "enough signals"})).status_code == 303
    assert (await operator.post(close, data={"reason": "again"})).status_code == 409
    resolve = await _round_in(operator, "resolve")
    early = await operator.post(resolve, data={"reason": "too early"})
    assert (early.status_code, "Next step" in early.text) == (409, True)
    await room.score(resolve.split("/")[-2])
    room.clock.advance(timedelta(hours=1))
    await sign_in(operator, "operator")
    assert (await operator.post(resolve, data={"reason": "it is time"})).status_code == 303
    assert "none: it is resolved" in (await operator.get(PAGE)).text


async def test_what_was_typed_stays_in_a_refused_form(operator: httpx.AsyncClient, room: DataRoom) -> None:
    await room.build()
    wrong = {"eras": "900", "open_hours": "many", "embargo_hours": "144", "reason": "typed by hand"}
    answer = await operator.post(f"{PAGE}/rounds", data=wrong)
    assert answer.status_code == 422
    for words in ('value="900"', 'value="typed by hand"', "eras:", "open_seconds:"):
        assert words in answer.text
    assert (await operator.post("/ops/datasets/none/rounds", data=wrong | {"eras": "5"})).status_code in (404, 422)
    built = await operator.post("/ops/datasets", data={"name": "Not a name", "title": '"><img src=x>'})
    assert (built.status_code, "<img src=x" in built.text) == (422, False)
    assert 'value="Not a name"' in built.text


async def test_only_those_who_may_do_and_others_read_why(
    app: FastAPI, operator: httpx.AsyncClient, room: DataRoom, people: People
) -> None:
    await room.build()
    tokens = await operator.post("/api/sessions", json={"email": "operator@example.org", "password": PASSWORD})
    headers = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    person = {"email": "vera@example.org", "name": "Vera", "password": PASSWORD, "role": "viewer"}
    assert (await operator.post("/api/users", json=person, headers=headers)).status_code == 201
    form = {"eras": "5", "open_hours": "1", "embargo_hours": "1", "reason": "a viewer tries"}
    await people.join("acme")
    async with browser_of(app) as vera, browser_of(app) as acme:
        await sign_in(vera, "vera")
        await sign_in(acme, "acme")
        for path in ("/ops/datasets", PAGE):
            page = await vera.get(path)
            assert (page.status_code, "marketplace:write" in page.text) == (200, True)
            assert (await acme.get(path)).status_code == 403
        for browser in (vera, acme):
            assert (await browser.post(f"{PAGE}/rounds", data=form)).status_code == 403
            assert (await browser.post("/ops/datasets", data={"name": NAME, "title": "x"})).status_code == 403
    assert "No round yet" in (await operator.get(PAGE)).text
