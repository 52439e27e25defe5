"""A pooler between us and PostgreSQL: found at the start and by the doctor, and used where both addresses are given."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text

from mercato.app.doctor import examine
from mercato.app.finding import Finding
from mercato.app.sessions import name_same_database, sessions_of
from mercato.app.settings import Settings
from mercato.platform import Database
from tests.conftest import as_url
from tests.support.pgbouncer import PgBouncer, why_not
from tests.support.running import Place, open_folder

needs_pooler = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@contextmanager
def pooled(url: str, mode: str = "transaction") -> Iterator[str]:
    with open_folder() as folder:
        pooler = PgBouncer(folder, url, mode=mode)
        pooler.start()
        try:
            yield pooler.url
        finally:
            pooler.kill()


def findings(state: Path, **settings: str) -> dict[str, Finding]:
    """What the doctor says of sessions and of the pooler."""
    found = examine(Settings.model_validate({"state": state, **settings}))
    return {each.check: each for each in found if each.check in ("sessions", "pooler", "postgresql")}


def test_a_direct_database_keeps_its_sessions(database_url: str, tmp_path: Path) -> None:
    assert sessions_of(database_url) == "direct"
    assert findings(tmp_path, DATABASE_URL=database_url)["sessions"].verdict == "ok"


@needs_pooler
@pytest.mark.parametrize(
    ("mode", "kept", "verdict"), [("transaction", "shared", "fail"), ("session", "pooled", "warn")]
)
def test_a_pooler_in_the_way_is_said(database_url: str, tmp_path: Path, mode: str, kept: str, verdict: str) -> None:
    with pooled(database_url, mode) as url:
        assert sessions_of(url) == kept
        found = findings(tmp_path, DATABASE_URL=url)["sessions"]
    assert (found.verdict, "MERCATO_DATABASE_DIRECT_URL" in found.fix) == (verdict, True)


@needs_pooler
def test_both_addresses_are_well(database_url: str, tmp_path: Path) -> None:
    with pooled(database_url) as url:
        found = findings(tmp_path, DATABASE_URL=url, database_direct_url=database_url)
        assert {each.verdict for each in found.values()} == {"ok"}
    gone = findings(tmp_path, DATABASE_URL=url, database_direct_url=database_url)["pooler"]
    assert (gone.verdict, "DATABASE_URL" in gone.fix) == ("fail", True)


@needs_pooler
def test_addresses_of_two_databases_are_told_apart(database_url: str, postgres: str, tmp_path: Path) -> None:
    with pooled(as_url(postgres, "postgres")) as url:
        settings = Settings.model_validate(
            {"state": tmp_path, "DATABASE_URL": url, "database_direct_url": database_url}
        )
        assert not name_same_database(settings)
        assert findings(tmp_path, DATABASE_URL=url, database_direct_url=database_url)["pooler"].verdict == "fail"


@needs_pooler
@pytest.mark.parametrize("command", ["serve control", "serve worker", "up", "migrate", "search check"])
def test_a_pooler_that_hands_sessions_around_is_one_sentence_at_the_start(
    place: Place, database_url: str, command: str
) -> None:
    with pooled(database_url) as url:
        refused = place.run(*command.split(), environment=place.environment | {"DATABASE_URL": url})
    assert refused.returncode == 1
    assert "DATABASE_URL goes through a pooler" in refused.stderr
    assert "set MERCATO_DATABASE_DIRECT_URL to PostgreSQL itself" in refused.stderr
    assert len(refused.stderr.strip().splitlines()) == 1


@needs_pooler
def test_a_direct_address_that_is_none_and_one_of_another_database_stop_the_start(
    place: Place, database_url: str, postgres: str
) -> None:
    with pooled(database_url) as url, pooled(as_url(postgres, "postgres")) as other:
        for first, direct, said in (
            (url, url, "MERCATO_DATABASE_DIRECT_URL goes through a pooler"),
            (other, database_url, "lead to different databases"),
        ):
            named = {"DATABASE_URL": first, "MERCATO_DATABASE_DIRECT_URL": direct}
            refused = place.run("serve", "worker", environment=place.environment | named)
            assert (refused.returncode, said in refused.stderr) == (1, True), refused.stderr


@needs_pooler
async def test_each_transaction_has_its_limits_and_leaves_none_behind(database_url: str) -> None:
    with pooled(database_url) as url:
        database = Database(database_url, pooled_url=url)
        try:
            for _ in range(3):
                async with database.transaction() as session:
                    assert await session.scalar(text("SHOW statement_timeout")) == "30s"
                    assert await session.scalar(text("SHOW timezone")) == "UTC"
                    await session.execute(text("SET LOCAL statement_timeout = '15min'"))
        finally:
            await database.close()
        with psycopg.connect(url, prepare_threshold=None) as stranger:
            assert stranger.execute("SHOW statement_timeout").fetchone() == ("0",)
