"""A marketplace with millions of calls behind it, written by the server itself."""

import asyncio
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from bench.discovery_rows import Row
from mercato.app.schema import migrate
from mercato.identity import SecretHasher
from mercato.metering import DayRows, Partitions
from mercato.metering.partitions import make_partitions
from mercato.platform import Database, SystemClock

CONSUMERS, VENDORS, SERVICES = 10_000, 200, 400
PASSWORD = "correct horse battery"  # of people that live as long as the bench
DAYS = 90
_CHUNK = 100_000
_BEFORE = "0031"

# Written out: the schema is that of before the migration which is measured, older than the tables of the code.
_OPERATOR = (
    "INSERT INTO organisations (id, slug, name, is_operator, created_at)"
    " VALUES ('org_operator', 'operator', 'Operator', true, now())"
)
_OPERATOR_PERSON = (
    "INSERT INTO users (id, organisation_id, email, name, role, password_hash, created_at) VALUES"
    " ('usr_operator', 'org_operator', 'operator@example.org', 'Ada', 'super_admin', :hash, now())"
)
_ORGANISATIONS = (
    "INSERT INTO organisations (id, slug, name, created_at) SELECT 'org_' || lpad(to_hex(n), 32, '0'), 'o-' || n,"
    " 'Organisation ' || n, now() FROM generate_series(1, :most) AS n"
)
_USERS = (
    "INSERT INTO users (id, organisation_id, email, name, role, password_hash, created_at) SELECT"
    " 'usr_' || lpad(to_hex(n), 32, '0'), 'org_' || lpad(to_hex(n), 32, '0'), 'o' || n || '@example.org', 'Ada',"
    " 'admin', (SELECT password_hash FROM users LIMIT 1), now() FROM generate_series(1, :most) AS n"
)
_KEYS = (
    "INSERT INTO keys (id, organisation_id, kind, name, scopes, secret_hash, created_by, created_at, lineage_id)"
    " SELECT key, 'org_' || lpad(to_hex(n / 10), 32, '0'), 'ck', 'key ' || n, '[]', '', 'bench', now(), key"
    " FROM generate_series(10, :most) AS n, LATERAL (SELECT 'key_' || lpad(to_hex(n), 32, '0')) AS k (key)"
)
_SERVICES = (
    "INSERT INTO services (id, vendor_id, name, title, summary, description, protocol, task, paths, licence, tags,"
    " modalities, regions, status, latest_version, created_at, updated_at) SELECT 'svc_' || lpad(to_hex(n), 32, '0'),"
    " 'org_' || lpad(to_hex(:consumers + 1 + n % :vendors), 32, '0'), 'service-' || n, 'A service', '', '', 'openai',"
    " 'embeddings', 'published', 'MIT', '[]', '[\"text\"]', '[]', 'listed', '1.0.0', now(), now()"
    " FROM generate_series(1, :most) AS n"
)
_PLANS = (
    "INSERT INTO plans (id, service_id, name, title, currency, monthly_nanos, per_call_nanos, per_1k_input_nanos,"
    " per_1k_output_nanos, included, overage, limits, fallbacks, created_at) SELECT 'pln_' || lpad(to_hex(n), 32, '0'),"
    " 'svc_' || lpad(to_hex(n), 32, '0'), 'standard', '', 'USD', 0, 1000000, 2000, 6000, 0, true, '[]', '[]', now()"
    " FROM generate_series(1, :most) AS n"
)
# In the order of time, as they came in. Few consumers call much: the first makes a twentieth of all calls.
_EVENTS = """
INSERT INTO usage_events (id, at, called_at, journal_id, gateway, request_id, consumer_id, key_id, subscription_id,
  plan_id, vendor_id, service_id, release_id, deployment_id, protocol, operation, status, streamed, client_left,
  tokens_in, tokens_out, tokens_cached, bytes_in, bytes_out, first_byte_us, duration_us, overhead_us, included,
  price_nanos, currency, source)
SELECT 'use_' || lpad(to_hex(ms), 12, '0') || '7' || substr(noise, 1, 3) || '8' || substr(noise, 4, 15), at, at,
  'jrn_' || lpad(to_hex(n / 500), 32, '0'), 'gateway-1', 'req_' || noise, 'org_' || lpad(to_hex(consumer), 32, '0'),
  'key_' || lpad(to_hex(consumer * 10 + n % 10), 32, '0'), 'sub_' || lpad(to_hex(consumer * 3 + pick), 32, '0'),
  'pln_' || lpad(to_hex(service), 32, '0'), 'org_' || lpad(to_hex(:consumers + 1 + service % :vendors), 32, '0'),
  'svc_' || lpad(to_hex(service), 32, '0'), 'rel_' || lpad(to_hex(service * 2 + (n / 7) % 2), 32, '0'),
  'dep_' || lpad(to_hex(service), 32, '0'), 'openai',
  CASE WHEN n % 5 = 0 THEN 'POST /v1/rerank' ELSE 'POST /v1/embeddings' END,
  CASE WHEN luck < 0.01 THEN 503 WHEN luck < 0.03 THEN 429 WHEN luck < 0.05 THEN 404 ELSE 200 END,
  false, luck > 0.999, 200, 100, 0, 1000, 4000, 20000, (20000 + luck * luck * 4000000)::bigint, 100, 0,
  CASE WHEN luck < 0.03 THEN 0 ELSE 1001000 END, 'USD', 'provider'
FROM generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) AS n,
  LATERAL (SELECT md5(n::text) AS noise, random() AS luck,
    1 + floor(:consumers * power(random(), 3))::bigint AS consumer,
    floor(random() * 3)::bigint AS pick, :began + n * :span / :events AS ms) AS drawn,
  LATERAL (SELECT 1 + (consumer * 7 + pick * 13) % :services AS service,
    timestamptz 'epoch' + ms * interval '1 millisecond' AS at) AS made
"""


@dataclass(frozen=True, slots=True)
class Filled:
    """Numbers of consumers from busy to quiet, and of vendors: `o1@example.org` is a person of the first."""

    consumers: list[int]
    vendors: list[int]


async def fill(url: str, events: int) -> tuple[Filled, float]:
    """So many calls of the last 90 days, before they are added up; and how many seconds that took."""
    began = time.monotonic()
    migrate(url, _BEFORE)
    clock = SystemClock()
    database = Database(url)
    now = clock.now()
    await _run(database, _OPERATOR, {})
    await _run(database, _OPERATOR_PERSON, {"hash": await SecretHasher().hash(PASSWORD)})
    shared = {"consumers": CONSUMERS, "vendors": VENDORS}
    for statement, most in (
        (_ORGANISATIONS, CONSUMERS + VENDORS), (_USERS, CONSUMERS + VENDORS), (_KEYS, CONSUMERS * 10 + 9),
        (_SERVICES, SERVICES), (_PLANS, SERVICES),
    ):  # fmt: skip
        names = {name: value for name, value in shared.items() if f":{name}" in statement}
        await _run(database, statement, names | {"most": most})
    start = now - timedelta(days=DAYS)
    async with database.transaction() as session:
        await make_partitions(session, [start + timedelta(days=day) for day in range(DAYS + 2)])
        await Partitions(session, clock).make_ahead()
    first_ms, span = int(start.timestamp() * 1000), DAYS * 86_400_000
    for first in range(0, events, _CHUNK):
        values = {"first": first, "last": min(first + _CHUNK, events) - 1, "began": first_ms, "span": span}
        await _run(database, _EVENTS, shared | values | {"events": events, "services": SERVICES})
    await database.close()
    return busy_and_quiet(), time.monotonic() - began


def busy_and_quiet() -> Filled:
    """Who asks in the bench."""
    return Filled([1, 2, 10, 100, 1_000, 5_000], [CONSUMERS + 1 + number for number in (14, 21, 77)])


async def add_up(url: str, events: int) -> list[Row]:
    """The migration over what is there, then all day rows."""
    began = time.monotonic()
    await asyncio.to_thread(migrate, url)
    return [Row("migration_events_per_s", events / (time.monotonic() - began), "/s", "higher"), *await add_days(url)]


async def add_days(url: str, suffix: str = "") -> list[Row]:
    """What the worker makes of days, until nothing is left to be made."""
    clock = SystemClock()
    database = Database(url)
    began, days = time.monotonic(), 0
    while True:
        async with database.transaction() as session:
            made = await DayRows(session, clock).make_due()
        days += made
        if not made:
            break
    took = time.monotonic() - began
    async with database.engine.connect() as connection:
        alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await alone.execute(text("VACUUM ANALYZE"))
        sizes = await alone.execute(
            text("SELECT count(*), (SELECT count(*) FROM usage_days), "
                 " pg_total_relation_size('usage_quarter') / 1048576,"
                 " pg_total_relation_size('usage_days') / 1048576 FROM usage_quarter")
        )  # fmt: skip
        quarters, day_rows, quarter_mb, day_mb = sizes.one()
    await database.close()
    return [
        Row(f"day_rows_ms_per_day{suffix}", took * 1000 / max(days, 1), "ms"),
        Row(f"quarter_rows{suffix}", quarters, ""),
        Row(f"day_rows{suffix}", day_rows, ""),
        Row(f"quarter_mb{suffix}", quarter_mb, "MB"),
        Row(f"day_mb{suffix}", day_mb, "MB"),
    ]


async def _run(database: Database, statement: str, values: dict[str, Any]) -> None:
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL statement_timeout = 0"))
        await session.execute(text(statement), values)
