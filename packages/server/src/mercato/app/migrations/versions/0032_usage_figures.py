"""Usage added up by the quarter hour and by the day; what each call spent of its slices; who failed, found fast.

What was metered before is added up here, in the same transaction.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_TEXTS = ("consumer_id", "vendor_id", "service_id", "release_id", "operation", "key_id", "subscription_id")
_COUNTS = (
    "calls", "billed", "failed", "tokens_in", "tokens_out", "tokens_cached", "bytes_in", "bytes_out", "duration_us",
    "included", "price_nanos", "unpaid_nanos", "adjusted_nanos",
)  # fmt: skip
_CAPPED = ("tokens_in", "tokens_out", "tokens_cached", "bytes_in", "bytes_out", "duration_us")
_DIMENSIONS = f"{', '.join(_TEXTS)}, status_class, protocol, currency"
# The bounds of latency as they were when this was written.
_BOUNDS = ", ".join(str(mantissa << octave) for octave in range(20) for mantissa in (1_000, 1_189, 1_414, 1_682))

_BACKFILL = f"""
WITH calls AS MATERIALIZED (
  SELECT to_timestamp(floor(extract(epoch FROM at) / 900) * 900) AS start, {", ".join(_TEXTS)},
    (status / 100)::smallint AS status_class, protocol, currency, journal_id, status,
    {", ".join(f"least({name}, {10**12}) AS {name}" for name in _CAPPED)}, included, price_nanos,
    least(unpaid_nanos, {10**15}) AS unpaid_nanos,
    width_bucket(duration_us - 1, ARRAY[{_BOUNDS}]::bigint[]) AS bucket
  FROM usage_events),
sums AS (
  SELECT start, {_DIMENSIONS}, count(*) AS calls, count(journal_id) AS billed,
    count(*) FILTER (WHERE status >= 500) AS failed, sum(tokens_in) AS tokens_in, sum(tokens_out) AS tokens_out,
    sum(tokens_cached) AS tokens_cached, sum(bytes_in) AS bytes_in, sum(bytes_out) AS bytes_out,
    sum(duration_us) AS duration_us, sum(included) AS included, sum(price_nanos) AS price_nanos,
    sum(unpaid_nanos) AS unpaid_nanos
  FROM calls GROUP BY start, {_DIMENSIONS}),
buckets AS (
  SELECT start, {_DIMENSIONS}, array_agg(bucket ORDER BY bucket) AS latency_at,
    array_agg(n ORDER BY bucket) AS latency_n
  FROM (SELECT start, {_DIMENSIONS}, bucket, count(*)::int AS n FROM calls GROUP BY start, {_DIMENSIONS}, bucket) AS b
  GROUP BY start, {_DIMENSIONS})
INSERT INTO usage_quarter (start, slot, shape, {_DIMENSIONS}, {", ".join(_COUNTS)}, latency_at, latency_n)
SELECT start, 0, md5(concat_ws(chr(31), {_DIMENSIONS}))::uuid, {_DIMENSIONS},
  {", ".join(_COUNTS[:-1])}, 0, latency_at, latency_n
FROM sums JOIN buckets USING (start, {_DIMENSIONS}) ORDER BY start
"""  # noqa: S608  (names of our own columns)

# An adjustment of one call stands with that call; one of days at their first midnight.
_BACKFILL_ADJUSTMENTS = f"""
INSERT INTO usage_quarter AS kept (start, slot, shape, {_DIMENSIONS}, {", ".join(_COUNTS)}, latency_at, latency_n)
SELECT start, 0, md5(concat_ws(chr(31), {_DIMENSIONS}))::uuid, {_DIMENSIONS},
  {", ".join("0" for _ in _COUNTS[:-1])}, sum(nanos), '{{}}', '{{}}'
FROM (
  SELECT coalesce(to_timestamp(floor(extract(epoch FROM usage_events.at) / 900) * 900),
      (since::timestamp AT TIME ZONE 'UTC')) AS start,
    adjustments.consumer_id, adjustments.vendor_id, adjustments.service_id, coalesce(release_id, '') AS release_id,
    coalesce(operation, '') AS operation, coalesce(key_id, '') AS key_id, adjustments.subscription_id,
    coalesce(status / 100, 0)::smallint AS status_class, coalesce(protocol, '') AS protocol, adjustments.currency,
    nanos
  FROM adjustments LEFT JOIN usage_events ON usage_events.id = adjustments.event_id) AS adjusted
GROUP BY start, {_DIMENSIONS}
ON CONFLICT (start, shape, slot) DO UPDATE SET adjusted_nanos = kept.adjusted_nanos + excluded.adjusted_nanos
"""  # noqa: S608  (names of our own columns)


def upgrade() -> None:
    op.add_column("usage_events", sa.Column("spends", JSONB))
    for side in ("consumer_id", "vendor_id"):
        op.create_index(
            f"ix_usage_events_{side}_failed", "usage_events", [side, "at"], postgresql_where=sa.text("status >= 400")
        )
    for name in ("key_id", "service_id"):
        op.create_index(f"ix_usage_events_{name}_at", "usage_events", [name, "at"])
    _tables()
    op.execute("SET LOCAL statement_timeout = 0")
    op.execute(_BACKFILL)
    op.execute(_BACKFILL_ADJUSTMENTS)


def _figures() -> list[sa.Column[Any]]:
    return [
        *(sa.Column(name, sa.Text, nullable=False) for name in _TEXTS),
        sa.Column("status_class", sa.SmallInteger, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("protocol", "currency")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
        sa.Column("latency_at", ARRAY(sa.SmallInteger), nullable=False),
        sa.Column("latency_n", ARRAY(sa.Integer), nullable=False),
    ]


def _tables() -> None:
    op.create_table(
        "usage_quarter",
        sa.Column("start", _TIME, primary_key=True),
        sa.Column("shape", sa.Uuid, primary_key=True),
        sa.Column("slot", sa.SmallInteger, primary_key=True, autoincrement=False),
        *_figures(),
    )
    op.create_table(
        "usage_days",
        sa.Column("level", sa.Text, primary_key=True),
        sa.Column("seconds", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("start", _TIME, primary_key=True),
        sa.Column("shape", sa.Uuid, primary_key=True),
        *_figures(),
    )
    for side, level in (("consumer_id", "call"), ("vendor_id", "vendor")):
        op.create_index(f"ix_usage_quarter_{side}_start", "usage_quarter", [side, "start"])
        op.create_index(
            f"ix_usage_days_{side}_start", "usage_days", [side, "start"], postgresql_where=sa.text(f"level = '{level}'")
        )
    op.create_table(
        "usage_day_states",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("made", JSONB, nullable=False),
    )
    op.create_table(
        "usage_touched",
        sa.Column("number", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("day", sa.Date, nullable=False),
    )
    op.create_table(
        "usage_agreements",
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("checked_at", _TIME, nullable=False),
        *(
            sa.Column(name, sa.BigInteger, nullable=False)
            for name in ("event_calls", "rollup_calls", "posted_calls", "differing")
        ),
        *(sa.Column(name, JSONB, nullable=False) for name in ("event_nanos", "rollup_nanos", "posted_nanos")),
        sa.Column("differences", JSONB, nullable=False),
    )


def downgrade() -> None:
    for table in ("usage_agreements", "usage_touched", "usage_day_states", "usage_days", "usage_quarter"):
        op.drop_table(table)
    for name in ("consumer_id_failed", "vendor_id_failed", "key_id_at", "service_id_at"):
        op.drop_index(f"ix_usage_events_{name}", "usage_events")
    op.drop_column("usage_events", "spends")
