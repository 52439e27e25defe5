"""The marketplace's own figures for Prometheus, read from its records by each worker.

Every replica reads the same rows, so dashboards and alerts take the maximum over replicas.
"""

import asyncio
import json
from datetime import datetime
from pathlib import Path

import structlog
from prometheus_client import Counter

from mercato.admin.health import is_stale
from mercato.admin.health_rows import HealthRows
from mercato.admin.postgres_rows import PostgresUse, read_use
from mercato.platform import Clock, Database, MeasuredGauge, Session
from mercato.publishing import count_waiting
from mercato.webhooks import count_due

log = structlog.get_logger(__name__)

LAST_BACKUP = Path("backups") / "last.json"
"""In the state folder: what the newest backup holds, `{"at": …, "bytes": …}`."""

_EVERY_SECONDS = 30.0
_OUTBOX = "outbox."

_UP = MeasuredGauge("mercato_service_up", "Whether a service of the marketplace answered its last probes", ("service",))
_WAITING = MeasuredGauge("mercato_outbox_waiting_events", "Events that a reader has not handled yet", ("reader",))
_OLDEST = MeasuredGauge(
    "mercato_outbox_oldest_seconds", "Age of the oldest event that a reader has not handled", ("reader",)
)
_APPROVALS = MeasuredGauge("mercato_approvals_waiting", "Submissions that wait for a person")
_MESSAGES = MeasuredGauge("mercato_webhook_messages_due", "Webhook messages that are not delivered yet")
_RECONCILED = MeasuredGauge("mercato_reconciliation_age_seconds", "Time since events, sums and ledger were compared")
_DIFFERING = MeasuredGauge("mercato_reconciliation_differing", "Sums that differed in the last comparison")
_DISK_FREE = MeasuredGauge("mercato_disk_free_bytes", "Free space where the state folder is")
_BACKUP_AGE = MeasuredGauge(
    "mercato_backup_age_seconds", "Time since the newest backup; absent where none was made here"
)
_BACKUP_WANTED = MeasuredGauge(
    "mercato_backup_wanted", "1 where the database is embedded, so that `mercato backup` is its only backup"
)
_BACKUP_SIZE = MeasuredGauge("mercato_backup_bytes", "Size of the newest backup")
_CONNECTIONS = MeasuredGauge(
    "mercato_postgresql_connections", "Connections to the marketplace's database, of all processes"
)
_MOST_CONNECTIONS = MeasuredGauge("mercato_postgresql_connections_limit", "The most connections that PostgreSQL takes")
_SIZE = MeasuredGauge("mercato_postgresql_size_bytes", "Size of the marketplace's database")
_COUNTS = {
    "commits": Counter("mercato_postgresql_commits_total", "Transactions committed since this worker started"),
    "rollbacks": Counter("mercato_postgresql_rollbacks_total", "Transactions undone since this worker started"),
    "deadlocks": Counter("mercato_postgresql_deadlocks_total", "Deadlocks since this worker started"),
    "blocks_cached": Counter("mercato_postgresql_blocks_cached_total", "Blocks found in shared memory"),
    "blocks_read": Counter("mercato_postgresql_blocks_read_total", "Blocks that PostgreSQL read from outside of it"),
}
_READ_AT = MeasuredGauge("mercato_figures_read_timestamp_seconds", "When these figures were read")


_Samples = dict[MeasuredGauge, dict[tuple[str, ...], float]]

_ALL = (
    _UP, _WAITING, _OLDEST, _APPROVALS, _MESSAGES, _RECONCILED, _DIFFERING, _DISK_FREE, _BACKUP_AGE, _BACKUP_WANTED,
    _BACKUP_SIZE, _CONNECTIONS, _MOST_CONNECTIONS, _SIZE, _READ_AT,
)  # fmt: skip


async def keep_figures(database: Database, clock: Clock, state: Path, *, is_embedded: bool) -> None:
    """Read them every 30 seconds until cancelled. Where they cannot be read, all keep their last values."""
    while True:
        try:
            async with asyncio.timeout(_EVERY_SECONDS), database.transaction() as session:
                await read_figures(session, clock, state, is_embedded=is_embedded)
        except Exception as error:
            log.warning("the marketplace's figures could not be read", error=type(error).__name__)
        await asyncio.sleep(_EVERY_SECONDS)


async def read_figures(session: Session, clock: Clock, state: Path, *, is_embedded: bool = False) -> None:
    """Show the current figures. One that is missing or out of date is not shown at all."""
    now, rows = clock.now(), HealthRows(session)
    samples: _Samples = {_UP: {(name,): row.state != "down" for name, row in (await rows.services()).items()}}
    for gauge in await rows.gauges():
        if not is_stale(gauge, now):
            _read_gauge(samples, gauge.name, gauge.value)
    samples[_APPROVALS] = {(): await count_waiting(session)}
    samples[_MESSAGES] = {(): (await count_due(session))[0]}
    use = await read_use(session)
    samples |= {
        _CONNECTIONS: {(): use.connections}, _MOST_CONNECTIONS: {(): use.connections_limit}, _SIZE: {(): use.size_bytes}
    }  # fmt: skip
    samples |= _read_backup(state / LAST_BACKUP, now)
    samples[_BACKUP_WANTED] = {(): 1} if is_embedded else {}
    samples[_READ_AT] = {(): now.timestamp()}
    for measured in _ALL:
        measured.replace(samples.get(measured, {}))
    _count(use)


def _read_gauge(samples: _Samples, name: str, value: int) -> None:
    if name.startswith(_OUTBOX):
        reader, _, kind = name.removeprefix(_OUTBOX).rpartition(".")
        samples.setdefault({"waiting": _WAITING, "age": _OLDEST}[kind], {})[reader,] = value
    elif name in _BY_NAME:
        samples[_BY_NAME[name]] = {(): value}


_BY_NAME = {"reconciliation.age": _RECONCILED, "reconciliation.differing": _DIFFERING, "disk.free": _DISK_FREE}


def _read_backup(path: Path, now: datetime) -> _Samples:
    try:
        last = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    age = max(0.0, (now - datetime.fromisoformat(last["at"])).total_seconds())
    return {_BACKUP_AGE: {(): age}, _BACKUP_SIZE: {(): last["bytes"]}}


_seen: dict[str, int] = {}
"""The last counts of PostgreSQL: what came since is added to ours."""


def _count(use: PostgresUse) -> None:
    for name, counter in _COUNTS.items():
        value = getattr(use, name)
        # Its statistics begin anew after a crash.
        counter.inc(max(0, value - _seen.get(name, value)))
        _seen[name] = value
