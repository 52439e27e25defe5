"""The marketplace's own figures for Prometheus, read from its records by each worker.

Every replica reads the same rows, so dashboards and alerts take the maximum over replicas.
"""

import asyncio
import json
from datetime import datetime
from pathlib import Path

import structlog
from prometheus_client import Counter, Gauge

from mercato.admin.health import is_stale
from mercato.admin.health_rows import HealthRows
from mercato.admin.postgres_rows import PostgresUse, read_use
from mercato.platform import Clock, Database, Session
from mercato.publishing import count_waiting
from mercato.webhooks import count_due

log = structlog.get_logger(__name__)

LAST_BACKUP = Path("backups") / "last.json"
"""In the state folder: what the newest backup holds, `{"at": …, "bytes": …}`."""

_EVERY_SECONDS = 30.0
_OUTBOX = "outbox."

_UP = Gauge("mercato_service_up", "Whether a service of the marketplace answered its last probes", ["service"])
_WAITING = Gauge("mercato_outbox_waiting_events", "Events that a reader has not handled yet", ["reader"])
_OLDEST = Gauge("mercato_outbox_oldest_seconds", "Age of the oldest event that a reader has not handled", ["reader"])
_APPROVALS = Gauge("mercato_approvals_waiting", "Submissions that wait for a person")
_MESSAGES = Gauge("mercato_webhook_messages_due", "Webhook messages that are not delivered yet")
_RECONCILED = Gauge("mercato_reconciliation_age_seconds", "Time since events, sums and ledger were compared")
_DIFFERING = Gauge("mercato_reconciliation_differing", "Sums that differed in the last comparison")
_DISK_FREE = Gauge("mercato_disk_free_bytes", "Free space where the state folder is")
_BACKUP_AGE = Gauge("mercato_backup_age_seconds", "Time since the newest backup; absent where none was made here")
_BACKUP_SIZE = Gauge("mercato_backup_bytes", "Size of the newest backup")
_CONNECTIONS = Gauge("mercato_postgresql_connections", "Connections to the marketplace's database, of all processes")
_MOST_CONNECTIONS = Gauge("mercato_postgresql_connections_limit", "The most connections that PostgreSQL takes")
_SIZE = Gauge("mercato_postgresql_size_bytes", "Size of the marketplace's database")
_COUNTS = {
    "commits": Counter("mercato_postgresql_commits_total", "Transactions committed since this worker started"),
    "rollbacks": Counter("mercato_postgresql_rollbacks_total", "Transactions undone since this worker started"),
    "deadlocks": Counter("mercato_postgresql_deadlocks_total", "Deadlocks since this worker started"),
    "blocks_cached": Counter("mercato_postgresql_blocks_cached_total", "Blocks found in shared memory"),
    "blocks_read": Counter("mercato_postgresql_blocks_read_total", "Blocks that PostgreSQL read from outside of it"),
}
_READ_AT = Gauge("mercato_figures_read_timestamp_seconds", "When these figures were read")


async def keep_figures(database: Database, clock: Clock, state: Path) -> None:
    """Read them every 30 seconds until cancelled; what cannot be read keeps its last value."""
    while True:
        try:
            async with asyncio.timeout(_EVERY_SECONDS), database.transaction() as session:
                await read_figures(session, clock, state)
        except Exception as error:
            log.warning("the marketplace's figures could not be read", error=type(error).__name__)
        await asyncio.sleep(_EVERY_SECONDS)


async def read_figures(session: Session, clock: Clock, state: Path) -> None:
    """Set every gauge to what the records say now."""
    now, rows = clock.now(), HealthRows(session)
    for name, service in (await rows.services()).items():
        _UP.labels(name).set(service.state != "down")
    for gauge in await rows.gauges():
        if not is_stale(gauge, now):
            _show(gauge.name, gauge.value)
    _APPROVALS.set(await count_waiting(session))
    _MESSAGES.set((await count_due(session))[0])
    _show_postgres(await read_use(session))
    _show_backup(state / LAST_BACKUP, now)
    _READ_AT.set(now.timestamp())


def _show(name: str, value: int) -> None:
    if name.startswith(_OUTBOX):
        reader, _, kind = name.removeprefix(_OUTBOX).rpartition(".")
        {"waiting": _WAITING, "age": _OLDEST}[kind].labels(reader).set(value)
    elif name in _BY_NAME:
        _BY_NAME[name].set(value)


_BY_NAME = {"reconciliation.age": _RECONCILED, "reconciliation.differing": _DIFFERING, "disk.free": _DISK_FREE}


def _show_backup(path: Path, now: datetime) -> None:
    try:
        last = json.loads(path.read_text())
    except FileNotFoundError:
        return
    _BACKUP_AGE.set(max(0.0, (now - datetime.fromisoformat(last["at"])).total_seconds()))
    _BACKUP_SIZE.set(last["bytes"])


_seen: dict[str, int] = {}
"""The last counts of PostgreSQL: what came since is added to ours."""


def _show_postgres(use: PostgresUse) -> None:
    _CONNECTIONS.set(use.connections)
    _MOST_CONNECTIONS.set(use.connections_limit)
    _SIZE.set(use.size_bytes)
    for name, counter in _COUNTS.items():
        value = getattr(use, name)
        # Its statistics begin anew after a crash.
        counter.inc(max(0, value - _seen.get(name, value)))
        _seen[name] = value
