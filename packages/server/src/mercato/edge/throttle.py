"""How often one caller may ask the control API: a token bucket each, in this process.

Not a product limit (those are the gateway's, exact across machines) but a guard against loops and password guessing;
with several replicas a caller gets as much at each.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime

from mercato.platform import Refusal

_CALLERS_MAX = 20_000


class AskedTooOften(Refusal):
    """The caller's bucket is empty."""

    code = "asked_too_often"
    status = 429
    title = "Too many requests"
    fix = "Wait for the time in `Retry-After`; send fewer requests, or ask for larger pages."


@dataclass(frozen=True, slots=True)
class Allowance:
    """`per_minute` requests of one caller, all of them at once if need be."""

    name: str
    per_minute: int


ORDINARY = Allowance("api", 1200)
ORGANISATION = Allowance("organisation", 6000)
"""Of all people and keys of an organisation together, which makes as many of them as it likes."""
GUESSABLE = Allowance("sign-in", 60)
"""Of an address, for routes that take a password and for keys not seen before: argon2id costs 22 ms of a core each
time. Whoever guesses at one account from many addresses is held by `identity/attempts.py`."""


@dataclass(slots=True)
class _Bucket:
    level: float
    at: datetime


class Throttle:
    """The buckets of all callers of one allowance; the least recently seen are forgotten, full again."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, caller: str, now: datetime) -> dict[str, str]:
        """The headers that tell what is left; raises `AskedTooOften`."""
        most = self._allowance.per_minute
        bucket = self._buckets.pop(caller, None) or _Bucket(most, now)
        elapsed = max(0.0, (now - bucket.at).total_seconds())
        bucket.level = min(most, bucket.level + elapsed * most / 60)
        bucket.at = now
        self._buckets[caller] = bucket
        if len(self._buckets) > _CALLERS_MAX:
            self._buckets.popitem(last=False)
        if bucket.level < 1:
            wait = math.ceil((1 - bucket.level) * 60 / most)
            raise AskedTooOften(
                f"More than {most} requests a minute came from you. Try again in {wait} s.",
                retry_after_seconds=wait,
                per_minute=most,
            )
        bucket.level -= 1
        full_in = math.ceil((most - bucket.level) * 60 / most)
        return rate_limit_headers(self._allowance.name, most, int(bucket.level), full_in)

    def give_back(self, caller: str) -> None:
        """What was taken a moment ago was no guess."""
        bucket = self._buckets.get(caller)
        if bucket is not None:
            bucket.level = min(self._allowance.per_minute, bucket.level + 1)


def rate_limit_headers(name: str, per_minute: int, left: int, full_in_seconds: int) -> dict[str, str]:
    """What is left, as draft-ietf-httpapi-ratelimit-headers says it."""
    return {
        "RateLimit-Policy": f'"{name}";q={per_minute};w=60',
        "RateLimit": f'"{name}";r={left};t={full_in_seconds}',
    }
