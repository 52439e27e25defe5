"""Every page for everybody: what each role gets, in a table; never an error of ours, never another one's things.

Where a page is new, write the table anew: `WRITE_TABLE=1 .venv/bin/python -m pytest tests/console/test_page_roles.py`.
"""

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from tests.browser.scenery import Scenery
from tests.console.browser import PASSWORD, browser_of, sign_in
from tests.support.pages import KnownPage, pages_of
from tests.support.site import build_site, own_database
from tests.support.statements import counted

TABLE = Path(__file__).parent / "pages_by_role.txt"
_ROLES = ("admin", "approver", "viewer")
_ALLOWED = {200, 303, 403, 404}
_OPERATORS = ("/ops", "/desk")
_MOST_STATEMENTS = 8
_MARKERS = ("prices-pages-marker", "pages-marker-buyer")
"""Names of what no page shows to others: a dataset of a stranger's own, and a stranger's customers."""


@dataclass(frozen=True)
class Crowd:
    """Somebody of each role in an organisation of each kind, each at a browser."""

    app: FastAPI
    scenery: Scenery
    browsers: dict[str, httpx.AsyncClient]


@pytest.fixture(scope="module")
def crowd_database(postgres: str, migrated_template: str) -> Iterator[str]:
    """Nothing is changed in it."""
    with own_database(postgres, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
async def crowd(crowd_database: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Crowd]:
    """Eleven callers."""
    app = build_site(tmp_path_factory.mktemp("site"), crowd_database)
    async with app.router.lifespan_context(app):
        scenery = await Scenery.furnish(crowd_database, "pages", operator=True)
        browsers = {"nobody": browser_of(app)}
        owners = {"consumer": "pages-buyer-1", "vendor": "pages", "operator": "operator"}
        for kind, owner in owners.items():
            for role in _ROLES:
                browsers[f"{kind} {role}"] = await _browser(app, owner, kind, role)
        browsers["operator super_admin"] = browser_of(app)
        assert (await sign_in(browsers["operator super_admin"], "operator")).status_code == 303
        yield Crowd(app, scenery, browsers)
        for browser in browsers.values():
            await browser.aclose()


async def _browser(app: FastAPI, owner: str, kind: str, role: str) -> httpx.AsyncClient:
    browser = browser_of(app)
    tokens = await browser.post("/api/sessions", json={"email": f"{owner}@example.org", "password": PASSWORD})
    headers = {"authorization": f"Bearer {tokens.json()['access_token']}"}
    person = {"email": f"{kind}-{role}@example.org", "name": role, "password": PASSWORD, "role": role}
    made = await browser.post("/api/users", json=person, headers=headers)
    assert made.status_code == 201, made.text
    assert (await sign_in(browser, f"{kind}-{role}")).status_code == 303
    return browser


def test_there_are_pages(crowd: Crowd) -> None:
    assert len(pages_of(crowd.app)) > 20


async def test_every_role_gets_of_every_page_what_the_table_says(crowd: Crowd) -> None:
    columns = sorted(crowd.browsers)
    lines, faults = [f"{'page':<60} {' | '.join(columns)}"], []
    for page in pages_of(crowd.app):
        found = []
        for column in columns:
            answer = await crowd.browsers[column].get(page.address(crowd.scenery.own))
            found.append(str(answer.status_code))
            faults += _faults(page, column, answer)
        lines.append(f"{page.template:<60} {' '.join(found)}")
    text = "\n".join(lines) + "\n"
    if os.environ.get("WRITE_TABLE"):
        TABLE.write_text(text)
    assert faults == []
    assert TABLE.read_text().splitlines() == text.splitlines()


async def test_no_page_shows_another_organisations_things(crowd: Crowd) -> None:
    faults = []
    strangers = [name for name in crowd.browsers if name.startswith(("consumer", "vendor"))]
    for page in pages_of(crowd.app):
        if "{" not in page.template:
            continue
        address = page.address(crowd.scenery.foreign)
        for column in strangers:
            answer = await crowd.browsers[column].get(address)
            faults += _faults(page, column, answer)
    assert faults == []


async def test_every_page_asks_the_database_at_most_eight_times(crowd: Crowd) -> None:
    """Once it was asked for before, by an operator where it is an operator's, else by the vendor it tells of."""
    over = {}
    for page in pages_of(crowd.app):
        is_operators = page.template.startswith(_OPERATORS)
        browser = crowd.browsers["operator super_admin" if is_operators else "vendor admin"]
        address = page.address(crowd.scenery.own)
        await browser.get(address)
        with counted(crowd.app) as sent:
            answer = await browser.get(address)
        assert answer.status_code in _ALLOWED, page.template
        if len(sent) > _MOST_STATEMENTS:
            over[page.template] = sent
    assert {template: len(sent) for template, sent in over.items()} == {}


def _faults(page: KnownPage, column: str, answer: httpx.Response) -> list[str]:
    found = []
    if answer.status_code not in _ALLOWED:
        found.append(f"{page.template} as {column}: {answer.status_code}")
    # A refusal names what was asked for, and the form that sets the time zone leads back to the address.
    if answer.status_code == 200 and not column.startswith("operator"):
        text = answer.text.replace(str(answer.request.url.path), "")
        shown = [marker for marker in _MARKERS if marker in text]
        found += [f"{page.template} as {column} shows {marker}" for marker in shown]
    return found
