"""Usage added up: by the quarter hour as it comes in, by the day once a day is over."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, DateTime, Identity, Index, Integer, PrimaryKeyConstraint, SmallInteger, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base

DIMENSIONS = (
    "consumer_id",
    "vendor_id",
    "service_id",
    "release_id",
    "operation",
    "key_id",
    "subscription_id",
    "status_class",
    "protocol",
    "currency",
)
"""What the calls of one row have in common, in the order in which `shape` is made of them."""

MEASURES = (
    "calls",
    "billed",
    "failed",
    "tokens_in",
    "tokens_out",
    "tokens_cached",
    "bytes_in",
    "bytes_out",
    "duration_us",
    "included",
    "price_nanos",
    "unpaid_nanos",
    "adjusted_nanos",
)
"""What is added up: whole numbers."""


class Figures:
    """What both tables of sums have: what the calls share, and what they add up to.

    `shape` is the MD5 of the dimensions joined by the unit separator (31), so that keys stay small. `status_class` is
    the first digit of the status. `billed` are calls that stand in the ledger, `failed` those of status 500 and above.
    `adjusted_nanos` is what adjustments changed afterwards; that of a span of days stands at its first midnight, UTC,
    without key, release, operation and status. Latency is sparse: `latency_n` calls in the buckets `latency_at`, by
    the bounds of `latency.BOUNDS_US`, of the whole time that callers waited; a bucket may stand there several times.
    """

    shape: Mapped[UUID] = mapped_column(Uuid)
    consumer_id: Mapped[str]
    vendor_id: Mapped[str]
    service_id: Mapped[str]
    release_id: Mapped[str]
    operation: Mapped[str]
    key_id: Mapped[str]
    subscription_id: Mapped[str]
    status_class: Mapped[int] = mapped_column(SmallInteger)
    protocol: Mapped[str]
    currency: Mapped[str]
    calls: Mapped[int]
    billed: Mapped[int]
    failed: Mapped[int]
    tokens_in: Mapped[int]
    tokens_out: Mapped[int]
    tokens_cached: Mapped[int]
    bytes_in: Mapped[int]
    bytes_out: Mapped[int]
    duration_us: Mapped[int]
    included: Mapped[int]
    price_nanos: Mapped[int]
    unpaid_nanos: Mapped[int]
    adjusted_nanos: Mapped[int]
    latency_at: Mapped[list[int]] = mapped_column(ARRAY(SmallInteger))
    latency_n: Mapped[list[int]] = mapped_column(ARRAY(Integer))


class UsageQuarter(Figures, Base):
    """The calls of one quarter hour, UTC, that share all dimensions; written in the transaction that takes them.

    A gateway's batches come one after another, so each gateway has a `slot` of its own, as far as there are slots: two
    gateways that ship calls of one key seldom wait for each other's row. Readers add slots up.
    """

    __tablename__ = "usage_quarter"
    __table_args__ = (
        PrimaryKeyConstraint("start", "shape", "slot"),
        Index("ix_usage_quarter_consumer_id_start", "consumer_id", "start"),
        Index("ix_usage_quarter_vendor_id_start", "vendor_id", "start"),
    )

    start: Mapped[datetime]
    slot: Mapped[int] = mapped_column(SmallInteger, autoincrement=False)


class UsageDay(Figures, Base):
    """Quarter rows of a day that is over, added up by the worker: of `seconds` length, and of less detail by `level`.

    A day is 24 hours from `start` on, which is midnight in some zone; the rows of a block begin with its first day.
    What each level keeps, and which are made, is in `levels`; what a level drops is empty.
    """

    __tablename__ = "usage_days"
    __table_args__ = (
        PrimaryKeyConstraint("level", "seconds", "start", "shape"),
        Index(
            "ix_usage_days_consumer", "consumer_id", "level", "seconds", "start",
            postgresql_where=text("level IN ('consumer', 'own', 'call')"),
        ),
        Index(
            "ix_usage_days_vendor", "vendor_id", "level", "seconds", "start",
            postgresql_where=text("level IN ('listing', 'operation', 'vendor')"),
        ),
    )  # fmt: skip

    level: Mapped[str]
    seconds: Mapped[int] = mapped_column(Integer, autoincrement=False)
    start: Mapped[datetime]


class UsageDayState(Base):
    """A day, UTC, whose rows in `usage_days` are made; true unless `usage_touched` names it.

    `made` names levels and lengths, such as `market:86400`: those that would not save half of the rows are not made.
    """

    __tablename__ = "usage_day_states"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    made_at: Mapped[datetime]
    made: Mapped[list[str]]


class UsageBlock(Base):
    """Eight days, UTC, whose rows in `usage_days` are made as one; true as long as no day of them is touched, and each
    was made when `days_made_at` says, in their order: whoever makes a day anew need not know of blocks."""

    __tablename__ = "usage_blocks"

    start: Mapped[datetime] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    days_made_at: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)))
    made: Mapped[list[str]]


class UsageWindow(Base):
    """A day as another zone than UTC counts it, whose rows in `usage_days` are made; true unless `usage_touched` names
    one of the two days, UTC, that it lies in."""

    __tablename__ = "usage_windows"

    start: Mapped[datetime] = mapped_column(primary_key=True)
    made_at: Mapped[datetime]
    made: Mapped[list[str]]


class UsageZone(Base):
    """A time zone that somebody asked for days of; the worker keeps rows for those of late."""

    __tablename__ = "usage_zones"

    zone: Mapped[str] = mapped_column(primary_key=True)
    asked_on: Mapped[date] = mapped_column(Date)


class UsageTouched(Base):
    """A day that was over when usage of it came in: its rows are made anew. Only ever added to, so nobody waits."""

    __tablename__ = "usage_touched"

    number: Mapped[int] = mapped_column(Identity(always=True), primary_key=True)
    day: Mapped[date] = mapped_column(Date)
