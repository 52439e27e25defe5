"""One browser and one marketplace a run: the real control plane on a free port, with somebody of every kind in it."""

import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser

from tests.browser.chromium import find_chromium, open_chromium
from tests.browser.scenery import Scenery
from tests.support.inhabitants import Inhabitants
from tests.support.pages import KnownPage, pages_of
from tests.support.served import served
from tests.support.site import build_site, own_database


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium. These tests are skipped only where none can be installed."""
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium: scripts/debian chromium installs it")
    async with open_chromium(executable) as browser:
        yield browser


@dataclass(frozen=True)
class Site:
    """A control plane that answers at `origin`, its pages, and what is on them."""

    origin: str
    pages: Sequence[KnownPage]
    scenery: Scenery

    def cookies_of(self, email: str) -> dict[str, str]:
        """Those of a person who has just signed in."""
        form = {"email": email, "password": "correct horse battery"}
        headers = {"sec-fetch-site": "same-origin"}
        answer = httpx.post(f"{self.origin}/sign-in", data=form, headers=headers, timeout=60)
        assert answer.status_code == 303, answer.text
        return {name: value for name, value in answer.cookies.items() if "session" in name}


@pytest.fixture(scope="session")
def site_database(postgres: str, migrated_template: str) -> Iterator[str]:
    """A database of the site alone."""
    with own_database(postgres, migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
async def site(site_database: str) -> AsyncIterator[Site]:
    """Its allowances do not end, so that every page is answered for what it shows."""
    with tempfile.TemporaryDirectory(prefix="mercato-site-", ignore_cleanup_errors=True) as folder:
        scenery = await Scenery.furnish(site_database)
        app = build_site(Path(folder), site_database)
        with served(app) as origin:
            await Inhabitants.settle(site_database, origin)
            yield Site(origin, pages_of(app), scenery)
