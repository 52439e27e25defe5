"""A marketplace for many tests: a database of its own, and allowances that do not end."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import psycopg
from fastapi import FastAPI
from psycopg import sql

from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from mercato.edge.throttle import Allowance, Throttle
from tests.conftest import as_url


@contextmanager
def own_database(server: str, template: str) -> Iterator[str]:
    """The URL of a copy of the migrated database `template`, which goes with the block."""
    plain = f"site_{uuid4().hex[:12]}"
    name = sql.Identifier(plain)
    with psycopg.connect(server, autocommit=True) as connection:
        made = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(made.format(name, sql.Identifier(template)))
    yield as_url(server, plain)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


def build_site(folder: Path, database_url: str) -> FastAPI:
    """The control plane with all its roles, by the clock on the wall."""
    settings = Settings(state=folder, DATABASE_URL=database_url, allow_private_endpoints=True)
    endless = Throttle(Allowance("api", 10**9))
    wiring = replace(build_wiring(settings, database_url), throttle=endless, guessing=endless, organisations=endless)
    return create_app(wiring, list(ROLES))
