"""Of which detail, and of which lengths, rows of days are made from quarter hours."""

from datetime import timedelta

from mercato.metering.rollup_models import DIMENSIONS

LEVELS: dict[str, tuple[str, ...]] = {
    "market": ("status_class", "protocol", "currency"),
    "consumer": ("consumer_id", "status_class", "protocol", "currency"),
    "listing": ("vendor_id", "service_id", "status_class", "protocol", "currency"),
    "operation": ("vendor_id", "service_id", "release_id", "operation", "status_class", "protocol", "currency"),
    "own": ("consumer_id", "vendor_id", "service_id", "release_id", "status_class", "protocol", "currency"),
    "vendor": ("consumer_id", "vendor_id", "service_id", "release_id", "status_class", "protocol", "currency"),
    "call": DIMENSIONS,
}
"""What each level keeps, the smallest first. Those of `BUSY` are made for single consumers."""
BUSY = frozenset({"own", "call"})
DAY_SECONDS = 86_400
BLOCK_DAYS = 8
BLOCK_SECONDS = BLOCK_DAYS * DAY_SECONDS
BLOCK = timedelta(days=BLOCK_DAYS)
"""Days, UTC, that are added up once more: counted from 1970 on, so that every day lies in one block."""
QUARTER_SECONDS = 900
OF_QUARTERS = ("market", "listing", "operation")
"""Levels that are also made of each quarter hour, for short steps."""
OF_ZONES = ("market", "consumer", "listing", "operation", "own", "call")
"""Levels that are also made of days as other time zones count them. That of vendors saves too little."""
OF_BLOCKS = ("consumer", "listing", "operation", "vendor")
"""Levels whose days still have many rows in a marketplace of many."""
WORTH_IT = 3
WORTH_IT_IN_ZONES = 4
"""By how much rows must become fewer; else what they are made of is read as well: quarter hours; of blocks, days."""
BUSY_WORTH_IT = 4
LEAST_BUSY_ROWS = 32
"""Of quarter hours in a day, below which a consumer is not looked at."""
