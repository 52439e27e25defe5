"""What Prometheus learns of the marketplace: read from records, counted after commits only."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from sqlalchemy import text

from mercato.admin import LAST_BACKUP, read_figures
from mercato.platform import Database, after_commit
from tests.conftest import TestClock


def _value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


async def test_the_worker_shows_what_the_records_say(database: Database, clock: TestClock, tmp_path: Path) -> None:
    at = clock.now()
    backup = tmp_path / LAST_BACKUP
    backup.parent.mkdir()
    backup.write_text(json.dumps({"at": (at - timedelta(hours=2)).isoformat(), "bytes": 4096}))
    async with database.transaction() as session:
        for name, state in (("gateway", "down"), ("worker", "up")):
            await session.execute(
                text("INSERT INTO health_services VALUES (:name, 'worker', :state, :at, :at, 0, 3, '', '')"),
                {"name": name, "state": state, "at": at},
            )
        for name, value in (("outbox.webhooks.waiting", 7), ("outbox.webhooks.age", 42), ("disk.free", 10**9)):
            await session.execute(
                text(
                    "INSERT INTO health_gauges (service, name, value, unit, at) VALUES ('worker', :n, :v, 'count', :at)"
                ),
                {"n": name, "v": value, "at": at},
            )
    async with database.transaction() as session:
        await read_figures(session, clock, tmp_path, is_embedded=True)
    assert _value("mercato_service_up", service="gateway") == 0
    assert _value("mercato_service_up", service="worker") == 1
    assert _value("mercato_outbox_waiting_events", reader="webhooks") == 7
    assert _value("mercato_outbox_oldest_seconds", reader="webhooks") == 42
    assert _value("mercato_disk_free_bytes") == 10**9
    assert _value("mercato_approvals_waiting") == 0
    assert _value("mercato_backup_age_seconds") == 7200
    assert _value("mercato_backup_wanted") == 1
    assert (_value("mercato_postgresql_size_bytes") or 0) > 10**6
    assert _value("mercato_reconciliation_age_seconds") is None, "nothing was reconciled"


async def test_what_is_measured_no_longer_is_gone_instead_of_zero(
    database: Database, clock: TestClock, tmp_path: Path
) -> None:
    async with database.transaction() as session:
        await session.execute(
            text(
                "INSERT INTO health_gauges (service, name, value, unit, at) VALUES ('worker', 'disk.free', 5, 'b', :at)"
            ),
            {"at": clock.now()},
        )
    for age, shown in ((timedelta(0), 5.0), (timedelta(hours=1), None)):
        clock.advance(age)
        async with database.transaction() as session:
            await read_figures(session, clock, tmp_path)
        assert _value("mercato_disk_free_bytes") == shown
        assert _value("mercato_backup_age_seconds") is None
        assert _value("mercato_backup_wanted") is None, "its database has backups of its own"


def test_a_process_that_measures_nothing_shows_no_gauge() -> None:
    program = """
import importlib, pkgutil, mercato
for module in pkgutil.walk_packages(mercato.__path__, "mercato."):
    if ".migrations" not in module.name and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
from prometheus_client import REGISTRY
for family in REGISTRY.collect():
    if family.type == "gauge" and family.name.startswith("mercato_") and family.samples:
        print(family.name, [sample.value for sample in family.samples])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


async def test_what_is_undone_is_not_counted(database: Database) -> None:
    counted: list[str] = []
    with pytest.raises(ZeroDivisionError):
        async with database.transaction() as session:
            await session.execute(text("SELECT 1"))
            after_commit(session, lambda: counted.append("undone"))
            raise ZeroDivisionError
    async with database.transaction() as session:
        after_commit(session, lambda: counted.append("done"))
        async with session.begin_nested():
            await session.execute(text("SELECT 1"))
        assert counted == []
    assert counted == ["done"]
