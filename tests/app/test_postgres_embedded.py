"""The embedded PostgreSQL: shared, taken over, recovered, and never at the cost of somebody's closed folder."""

import os
import shutil
import signal
from pathlib import Path

import psycopg
import pytest

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.adapters.postgres_place import find_closed_parent


def _answer(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def _keep_one(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1")


def test_the_last_user_stops_it_and_the_next_start_finds_what_was_kept(open_folder: Path) -> None:
    first, second = EmbeddedPostgres(open_folder / "pg"), EmbeddedPostgres(open_folder / "pg")
    url = first.start()
    assert second.start() == url
    _keep_one(url)
    assert first.stop() is False
    assert _answer(url) == 1
    assert second.stop() is True
    assert second.pid is None
    assert _answer(first.start()) == 1
    assert first.stop() is True


def test_a_killed_server_is_started_again_with_all_it_had_committed(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / "pg")
    _keep_one(server.start())
    killed = server.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    assert _answer(server.start()) == 1
    assert server.pid != killed
    assert server.stop()


def test_a_process_that_got_the_number_of_a_dead_server_is_not_taken_for_it(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / "pg")
    server.start()
    old = (open_folder / "pg/data/postmaster.pid").read_text().splitlines()
    server.stop()
    (open_folder / "pg/data/postmaster.pid").write_text("\n".join([str(os.getpid()), *old[1:]]) + "\n")
    server.start()
    assert server.pid not in (None, os.getpid())
    assert server.stop()


def test_a_first_start_that_was_cut_off_is_begun_anew(open_folder: Path) -> None:
    draft = open_folder / "pg" / "data.draft"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18")
    server = EmbeddedPostgres(open_folder / "pg")
    server.start()
    assert server.stop()


def test_a_path_too_long_for_a_socket_is_no_hindrance(open_folder: Path) -> None:
    server = EmbeddedPostgres(open_folder / ("long" * 30) / "pg")
    _keep_one(server.start())
    assert server.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_under_a_closed_folder_root_keeps_the_data_elsewhere_and_opens_nothing(open_folder: Path) -> None:
    open_folder.chmod(0o700)
    seen: list[str] = []
    server = EmbeddedPostgres(open_folder / "pg", seen.append)
    _keep_one(server.start())
    elsewhere = (open_folder / "pg").resolve()
    try:
        assert server.stop()
        assert find_closed_parent(open_folder / "pg") == open_folder
        assert len(seen) == 1
        assert str(elsewhere) in seen[0]
        assert _answer(server.start()) == 1
        assert server.stop()
        assert len(seen) == 1
    finally:
        shutil.rmtree(elsewhere)
