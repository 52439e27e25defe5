"""One browser and one marketplace a run: the real control plane on a free port, with somebody of every kind in it."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from playwright.async_api import Browser
from psycopg import sql

from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from mercato.edge.throttle import Allowance, Throttle
from tests.browser.chromium import find_chromium, open_chromium
from tests.conftest import as_url
from tests.support.inhabitants import Inhabitants
from tests.support.served import served


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
    """A control plane that answers at `origin`, and who lives there."""

    origin: str
    database_url: str
    people: Inhabitants


@pytest.fixture(scope="session")
def site_database(postgres: str, migrated_template: str) -> Iterator[str]:
    """A database of the site alone."""
    name = f"site_{uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(made.format(sql.Identifier(name), sql.Identifier(migrated_template)))
    yield as_url(postgres, name)
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
async def site(site_database: str) -> AsyncIterator[Site]:
    """Its allowances do not end, so that every page is answered for what it shows."""
    with tempfile.TemporaryDirectory(prefix="mercato-site-", ignore_cleanup_errors=True) as folder:
        settings = Settings(state=Path(folder), DATABASE_URL=site_database, allow_private_endpoints=True)
        endless = Throttle(Allowance("api", 10**9))
        wiring = replace(
            build_wiring(settings, site_database), throttle=endless, guessing=endless, organisations=endless
        )
        with served(create_app(wiring, list(ROLES))) as origin:
            yield Site(origin, site_database, await Inhabitants.settle(site_database, origin))
