"""Weeks that never were: calls of earlier days, made up from today's real ones, so that charts have something to show.

They come in as a gateway's spool does and pass the same checks, so every figure of them agrees with the ledger. An
announcement on every page says that they are made up.
"""

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from demo.control import Member
from mercato_contracts.dataplane import UsageEvent
from mercato_contracts.ids import GATEWAY, make_id

DAYS = 28
NOTICE = f"This is a demonstration. Calls before today are made up; they cover {DAYS} days."
_MOST_A_DAY = 250
_BATCH = 500
_FEWER_AT_WEEKENDS = 0.4
_NOT_OF_EVENTS = ("at", "called_at", "adjustments")


def make_history(operator: Member, consumers: Sequence[Member], internal_url: str, token: str, seed: int = 1) -> int:
    """Ships made-up calls of the last weeks; returns how many. Raises `httpx.HTTPStatusError`."""
    rng = random.Random(seed)
    now = datetime.now(UTC)
    gateway = make_id(GATEWAY, int(now.timestamp() * 1000), rng.randbytes(10))
    life = make_id("life", int(now.timestamp() * 1000), rng.randbytes(10))
    events: list[dict[str, Any]] = []
    for consumer in consumers:
        samples = _samples(consumer)
        for service in sorted(samples):
            events += _of_days(samples[service], gateway, now, rng)
    events.sort(key=lambda event: event["at_us"])
    with httpx.Client(base_url=internal_url, headers={"authorization": f"Bearer {token}"}, timeout=60) as control:
        for first in range(0, len(events), _BATCH):
            batch = {"gateway": gateway, "life": life, "events": events[first : first + _BATCH], "closed": []}
            control.post("/internal/usage", json=batch).raise_for_status()
    operator.post("/api/announcements", {"kind": "notice", "text": NOTICE})
    return len(events)


def _samples(consumer: Member) -> dict[str, list[dict[str, Any]]]:
    """The consumer's real calls by service, those that were answered."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in consumer.every("/api/usage/events"):
        if 200 <= row["status"] < 300 and row["key_id"] is not None:
            found[row["service_id"]].append(row)
    return found


def _of_days(
    samples: list[dict[str, Any]], gateway: str, now: datetime, rng: random.Random
) -> Iterator[dict[str, Any]]:
    """Calls of each day, fewer at weekends, growing over the weeks; a few fail."""
    for back in range(DAYS, 0, -1):
        day = now - timedelta(days=back)
        growth = 0.35 + 0.65 * (DAYS - back) / DAYS
        share = growth * (_FEWER_AT_WEEKENDS if day.weekday() >= 5 else 1.0) * rng.uniform(0.8, 1.2)
        for _ in range(max(1, round(_MOST_A_DAY * share))):
            yield _call(rng.choice(samples), gateway, _time_of_day(day, rng), rng)


def _time_of_day(day: datetime, rng: random.Random) -> datetime:
    """Mostly in working hours."""
    hour = min(23.99, max(0.0, rng.gauss(14, 3.5)))
    return day.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(hours=hour)


def _call(sample: dict[str, Any], gateway: str, at: datetime, rng: random.Random) -> dict[str, Any]:
    call_id = make_id("use", int(at.timestamp() * 1000), rng.randbytes(10))
    slower = math.exp(rng.gauss(0, 0.35))
    event = {name: value for name, value in sample.items() if name not in _NOT_OF_EVENTS} | {
        "id": call_id,
        "at_us": int(at.timestamp() * 1_000_000),
        "request_id": "req_" + call_id.removeprefix("use_"),
        "gateway": gateway,
        "duration_us": int(sample["duration_us"] * slower),
        "first_byte_us": int(sample["first_byte_us"] * slower),
        "spends": [],
    }
    if rng.random() < 0.015:
        event |= {"status": 502, "price_nanos": 0, "included": 0, "tokens_in": 0, "tokens_out": 0, "tokens_cached": 0}
    return UsageEvent.model_validate(event).model_dump(mode="json")
