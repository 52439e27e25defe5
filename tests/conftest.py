"""What every test may lean on: one PostgreSQL a run, one migrated database a test."""

import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from uuid import uuid4

import httpx
import hypothesis
import psycopg
import pytest
import structlog
from fastapi import FastAPI
from psycopg import sql
from xdist.remote import Producer  # type: ignore[import-untyped]
from xdist.scheduler import LoadFileScheduling, Scheduling  # type: ignore[import-untyped]

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.memory import calm_collector
from mercato.app.schema import migrate
from mercato.app.settings import Settings
from mercato.identity import AccessTokens, Caller, ProvenKeys, SecretHasher, SignUp
from mercato.identity.permissions import Role, permissions_of
from mercato.platform import Database, Ids, MarketplaceSecret, Outbox, SystemIds
from tests.support.documented import check_answer
from tests.support.engines import VARIABLE
from tests.support.temporal import TemporalServer, why_not

# A busy machine is no failure: how long an example takes says nothing of the code. `make test` generates the same
# examples each time, so that a change fails by what it changed; `make test-all` searches with others.
hypothesis.settings.register_profile("same", deadline=None, derandomize=True)
hypothesis.settings.register_profile("search", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Where rich is installed, structlog draws a traceback with all variables of every frame, which takes seconds.
structlog.configure(
    processors=[
        *structlog.get_config()["processors"][:-1],
        structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback),
    ]
)

_ROOT = Path(__file__).parents[1]
_TOGETHER = {
    "shop": ("tests/cli/", re.compile(r"\bshop: Shop\b|\b(?:person|consumer|vendor): Mp\b")),
    "whole_marketplace": ("tests/e2e/", re.compile(r"^from tests\.e2e\.", re.M)),
}
"""What takes long to set up: all files that use one of these run in the same worker."""


class _BySetting(LoadFileScheduling):  # type: ignore[misc]
    """The tests of a file stay together, and files that need the same dear thing too."""

    def _split_scope(self, nodeid: str) -> str:
        return _setting_of(super()._split_scope(nodeid))


@cache
def _setting_of(file: str) -> str:
    """The name of the dear thing that this file of tests uses, or the file's own."""
    for name, (folder, used) in _TOGETHER.items():
        if file.startswith(folder) and used.search((_ROOT / file).read_text()):
            return name
    return file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    # `--dist loadfile`, in our sense.
    return _BySetting(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    calm_collector()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None, object, object]:
    result = yield
    if nextitem is None or nextitem.path != item.path:
        # To walk through what files of tests leave alive, again and again, took a third of the time of all tests.
        calm_collector()
    return result


@dataclass
class TestClock:
    """A clock that stands still until a test moves it."""

    __test__ = False

    at: datetime = field(default_factory=lambda: datetime(2026, 11, 2, 9, 0, tzinfo=UTC))

    def now(self) -> datetime:
        return self.at

    def advance(self, by: timedelta) -> None:
        self.at += by


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server: `TEST_DATABASE_URL`, or an embedded one of this run alone."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="mercato-test-", dir=_memory(), ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "pg")
        address = server.start()
        with psycopg.connect(address, autocommit=True) as connection:
            # Nothing of a test outlives its machine; a process that is killed loses nothing by this.
            for setting, value in (("fsync", "off"), ("full_page_writes", "off"), ("max_wal_size", "256MB")):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(setting), value))
            connection.execute("SELECT pg_reload_conf()")
        yield address
        server.stop()


_ROOM = 4 * 2**30
"""Bytes: what two servers with their logs need at most, several times over."""


def _memory() -> Path | None:
    """A folder in memory, where there is room: a test's copy of the template then takes a tenth of the time."""
    folder = Path("/dev/shm")
    has_room = os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= _ROOM
    return folder if has_room else None


def _run(server: str, statement: sql.Composed) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(statement)


def as_url(server: str, database: str) -> str:
    """The same server's URL with another database."""
    head, _, query = server.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{database}" + (f"?{query}" if query else "")


@pytest.fixture(scope="session")
def migrated_template(postgres: str) -> Iterator[str]:
    """The name of a migrated database, copied for each test."""
    name = f"template_{uuid4().hex[:12]}"
    _run(postgres, sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    migrate(as_url(postgres, name))
    yield name
    _run(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def database_url(postgres: str, migrated_template: str) -> Iterator[str]:
    """The URL of a fresh migrated database of this test alone."""
    name = f"test_{uuid4().hex[:12]}"
    _run(
        postgres,
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(migrated_template)
        ),
    )
    yield as_url(postgres, name)
    _run(postgres, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The test's database."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def temporal_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TemporalServer]:
    """A Temporal of this run; each test has a namespace of its own. Whoever kills it starts it again."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    server = TemporalServer(tmp_path_factory.mktemp("temporal"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(params=["dbos", pytest.param("temporal", marks=pytest.mark.slow)])
def workflow_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Which engine of durable workflows the test's workers run on; see `tests.support.engines`."""
    if request.param == "temporal":
        server: TemporalServer = request.getfixturevalue("temporal_server")
        monkeypatch.setenv(VARIABLE, server.url(server.new_namespace()))
    return str(request.param)


@pytest.fixture
def clock() -> TestClock:
    """2 November 2026, 9:00 UTC, until moved."""
    return TestClock()


@pytest.fixture
def ids(clock: TestClock) -> Ids:
    """Ids by the test's clock."""
    return SystemIds(clock)


@pytest.fixture
def outbox(clock: TestClock) -> Outbox:
    """The outbox by the test's clock."""
    return Outbox(clock)


@pytest.fixture(scope="session")
def hasher() -> SecretHasher:
    """The real argon2id."""
    return SecretHasher()


@pytest.fixture(scope="session")
def access_tokens() -> AccessTokens:
    """Signed with a key of this run."""
    return AccessTokens(MarketplaceSecret.of(os.urandom(32)))


@pytest.fixture
def proven() -> ProvenKeys:
    """No key proven yet."""
    return ProvenKeys()


@dataclass
class People:
    """Makes organisations with one person and hands back who they are."""

    database: Database
    clock: TestClock
    ids: Ids
    hasher: SecretHasher
    outbox: Outbox

    async def join(self, slug: str, role: Role = Role.ADMIN) -> Caller:
        """A new organisation `slug`, seen as its administrator, or as another `role`."""
        async with self.database.transaction() as session:
            organisation, user = await SignUp(session, self.clock, self.ids, self.hasher, self.outbox).sign_up(
                slug=slug, name=slug.title(), email=f"{slug}@example.org", password="correct horse battery"
            )
        return Caller(
            organisation_id=organisation.id,
            organisation_slug=slug,
            actor=user.id,
            role=role,
            permissions=permissions_of(role, in_operator=False),
            is_operator=False,
        )

    async def operator(self, role: Role = Role.SUPER_ADMIN) -> Caller:
        """The operator's organisation and its first administrator, seen with `role`."""
        async with self.database.transaction() as session:
            user = await SignUp(session, self.clock, self.ids, self.hasher, self.outbox).bootstrap(
                email="operator@example.org", password="correct horse battery"
            )
        return Caller(
            organisation_id=user.organisation_id,
            organisation_slug="operator",
            actor=user.id,
            role=role,
            permissions=permissions_of(role, in_operator=True),
            is_operator=True,
        )


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """The defaults over a folder of this test, with private endpoints allowed: every server here is on loopback."""
    return Settings(state=tmp_path / "state", DATABASE_URL=database_url, allow_private_endpoints=True)


@pytest.fixture
async def app(settings: Settings, database_url: str, clock: TestClock) -> AsyncIterator[FastAPI]:
    """The control plane with all its roles, by the test's clock."""
    app = create_app(build_wiring(settings, database_url, clock), list(ROLES))
    async with app.router.lifespan_context(app):
        yield app


@pytest.fixture
async def api(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the control API that carries no credential; it raises for an answer that is not documented."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    hooks = {"response": [check_answer]}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://mercato.test", timeout=30, event_hooks=hooks
    ) as client:
        yield client


@pytest.fixture
def people(database: Database, clock: TestClock, ids: Ids, hasher: SecretHasher, outbox: Outbox) -> People:
    """Who takes part in a test."""
    return People(database, clock, ids, hasher, outbox)
