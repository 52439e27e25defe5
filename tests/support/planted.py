"""Usage of many customers over ten weeks, with what is unusual planted, and with what only looks like it."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

WEEK = 168
HOURS = 10 * WEEK
JUDGED = range(8 * WEEK, HOURS)


@dataclass
class Planted:
    """Calls by the hour; `odd` are the hours that somebody should hear of, none where all is usual."""

    kind: str
    hours: list[int]
    odd: range

    def windows(self, hour: int) -> list[tuple[int, list[int]]]:
        """This hour and the one before, each with the same hours of six weeks."""
        return [(self.hours[at], [self.hours[at - WEEK * back] for back in range(1, 7)]) for at in (hour - 1, hour)]


def plant(seed: int, each: int) -> Iterator[Planted]:
    """So many of each kind: spikes, drifts, silences; nightly jobs, weekends, growth and nothing at all."""
    draw = random.Random(seed)
    kinds = ("spike", "drift", "silence", "nightly", "weekend", "growth", "quiet", "small")
    for kind in kinds:
        for _ in range(each):
            yield _one(kind, draw)


def _one(kind: str, draw: random.Random) -> Planted:
    size = 3 if kind == "small" else draw.choice([200, 1_000, 10_000])
    hours = [_usual(hour, size, draw, kind) for hour in range(HOURS)]
    begin = draw.randrange(JUDGED.start + 5, JUDGED.stop - 3 * 24)
    # Where business is at its busiest, so that a silence is one.
    begin += (12 - begin % 24) % 24
    length = {"spike": draw.randrange(3, 8), "silence": draw.randrange(4, 12), "drift": 60}.get(kind, 0)
    for at in range(begin, begin + length):
        factor = {"spike": draw.uniform(4, 10), "silence": 0.0, "drift": 1 + (at - begin) / 15}[kind]
        hours[at] = round(hours[at] * factor)
    return Planted(kind, hours, range(begin, begin + length))


def _usual(hour: int, size: int, draw: random.Random, kind: str) -> int:
    day, clock = hour // 24 % 7, hour % 24
    level = size * (0.6 + 0.4 * math.sin((clock - 6) / 24 * 2 * math.pi))
    if kind == "weekend" and day >= 5:
        level *= 0.05
    if kind == "nightly" and clock == 3:
        level *= 12
    if kind == "growth":
        level *= 1.04 ** (hour / WEEK)
    scatter = draw.gauss(0, 1)
    found: int = max(0, round(level + scatter * (level**0.5 + 0.06 * level)))
    return found
