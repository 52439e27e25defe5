"""Recommendations beside popularity, on use split by time: what was called first is known, what came later is guessed.

Real co-use is nobody's to publish, so use is made up: organisations have a few tastes among groups of services, a
habit for what everybody uses, and now and then try something strange. What is called more of late is told by
the shipped trend from callers by day. Some organisations called nothing before the cut: the cold start.

The weights of the blend were chosen on the seeds `TUNED`; what is reported is of the seeds `SPREAD`, which give the
spread.
"""

import random
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import log2

from bench.discovery_rows import Row
from mercato.discovery import Found, Uses, blend, trend_of

ORGANISATIONS, GROUPS, OF_A_GROUP, EVERYWHERE = 2_000, 25, 40, 30
TUNED, SPREAD = range(5), range(5, 10)
NEWCOMERS = 0.1
"""The share of organisations that called nothing before the cut."""
_TODAY = date(2026, 11, 1)
_DAYS = 30
_TOP = 10
_KEPT = 60


@dataclass(frozen=True, slots=True)
class Split:
    """Use before the cut in order of time, and what each organisation called for the first time after it."""

    before: list[tuple[str, str]]
    after: dict[str, set[str]]
    like: dict[str, list[str]]
    """What is like each service: most of its own group, as meaning finds it, and some of others."""
    rising: list[str]
    """What the trend finds to be called more of late, the steepest first."""


def split_by_time(seed: int) -> Split:
    """One made-up market."""
    chance = random.Random(seed)
    groups = [[f"g{group}s{number}" for number in range(OF_A_GROUP)] for group in range(GROUPS)]
    everywhere = [f"all{number}" for number in range(EVERYWHERE)]
    late = [chance.choice(group) for group in groups for _ in range(2)]
    before: list[tuple[str, str]] = []
    after: dict[str, set[str]] = {}
    for number in range(ORGANISATIONS):
        user = f"org{number}"
        wanted = _wanted(chance, chance.sample(groups, 2), everywhere, groups)
        # Half have called little before the cut.
        cut = 0 if chance.random() < NEWCOMERS else chance.choice((2, len(wanted) * 2 // 3))
        before += [(user, service) for service in wanted[:cut]]
        fresh = [service for service in late if chance.random() < 0.02]
        after[user] = {*wanted[cut:], *fresh} - set(wanted[:cut])
    chance.shuffle(before)
    return Split(before, after, _alike(chance, groups), _rising(chance, before, late))


def _rising(chance: random.Random, before: Sequence[tuple[str, str]], late: Sequence[str]) -> list[str]:
    """By `trend_of` over callers by day: each user calls on one day in five, and twice as many call what is late."""
    steepness = {}
    for service, users in Counter(service for _, service in before).items():
        by_day = {}
        for age in range(_DAYS):
            likely = 0.4 if service in late and age < 5 else 0.2
            by_day[_TODAY - timedelta(days=age)] = sum(chance.random() < likely for _ in range(users))
        steepness[service] = trend_of(by_day, _TODAY)
    return sorted((one for one, steep in steepness.items() if steep), key=lambda one: (-steepness[one], one))[:_KEPT]


def _wanted(
    chance: random.Random, tastes: Sequence[list[str]], everywhere: list[str], groups: list[list[str]]
) -> list[str]:
    """What one organisation calls, in the order of time: the first services of a group are called far more often."""
    found: dict[str, None] = {}
    for taste in tastes:
        for _ in range(6):
            found[taste[min(int(chance.expovariate(0.12)), len(taste) - 1)]] = None
    for _ in range(3):
        found[everywhere[min(int(chance.expovariate(0.2)), len(everywhere) - 1)]] = None
    found[chance.choice(chance.choice(groups))] = None
    wanted = list(found)
    chance.shuffle(wanted)
    return wanted


def _alike(chance: random.Random, groups: list[list[str]]) -> dict[str, list[str]]:
    return {
        service: [
            chance.choice(group) if chance.random() < 0.7 else chance.choice(chance.choice(groups)) for _ in range(12)
        ]
        for group in groups
        for service in group
    }


Recommender = Callable[[str, set[str]], list[str]]


def recommenders(split: Split) -> dict[str, Recommender]:
    """Each way alone, all blended as they ship, and popularity, which asks nobody who they are."""
    uses = Uses(split.before)
    popular = uses.popular()

    def together(user: str, own: set[str]) -> list[Found]:
        return uses.together(own, _KEPT, but=user)

    def like(own: set[str]) -> list[list[Found]]:
        seeds = sorted(own)[:8]
        return [[Found(one, "like", seed) for one in dict.fromkeys(split.like.get(seed, ()))] for seed in seeds]

    def rising() -> list[Found]:
        return [Found(one, "rising") for one in split.rising]

    def blended(user: str, own: set[str]) -> list[str]:
        lists = [together(user, own), *like(own), rising(), [Found(one, "popular") for one in popular[:_KEPT]]]
        return [one.service_id for one in blend(lists, own, _TOP)]

    def only(lists: list[list[Found]], own: set[str]) -> list[str]:
        return [one.service_id for one in blend(lists, own, _TOP)]

    return {
        "popularity": lambda user, own: [one for one in popular if one not in own][:_TOP],
        "together": lambda user, own: only([together(user, own)], own),
        "like": lambda user, own: only(like(own), own),
        "rising": lambda user, own: only([rising()], own),
        "blended": blended,
    }


@dataclass(frozen=True, slots=True)
class Measured:
    """Means over organisations; `coverage` is the share of all services that are recommended to anybody."""

    ndcg: float
    hit_rate: float
    coverage: float


def measure(split: Split, recommend: Recommender, *, cold: bool = False) -> Measured:
    """How well one way guesses what came later, for organisations that called something before; or, if `cold`, for
    those that had called nothing."""
    uses = Uses(split.before)
    gains, hits, shown = [], [], set[str]()
    for user, later in split.after.items():
        if not later or cold is bool(uses.of(user)):
            continue
        found = recommend(user, uses.of(user))
        shown.update(found)
        best = sum(1 / log2(place + 2) for place in range(min(_TOP, len(later))))
        gains.append(sum(1 / log2(place + 2) for place, one in enumerate(found) if one in later) / best)
        hits.append(float(any(one in later for one in found)))
    every = {service for _, service in split.before}.union(*split.after.values())
    return Measured(statistics.fmean(gains), statistics.fmean(hits), len(shown & every) / len(every))


def measure_recommendations() -> list[Row]:
    """The figures of every way; the bar of what ships is popularity."""
    splits = [split_by_time(seed) for seed in SPREAD]
    warm, cold = [_measure_all(splits, cold=cold) for cold in (False, True)]
    newcomers = {f"cold.{name}": cold[name] for name in ("popularity", "rising", "blended")}
    return _rows(warm) + _rows(newcomers)


def _measure_all(splits: Sequence[Split], *, cold: bool) -> dict[str, list[Measured]]:
    by_name: dict[str, list[Measured]] = {}
    for split in splits:
        for name, recommend in recommenders(split).items():
            by_name.setdefault(name, []).append(measure(split, recommend, cold=cold))
    return by_name


def _rows(by_name: dict[str, list[Measured]]) -> list[Row]:
    rows = []
    (plain,) = [runs for name, runs in by_name.items() if name.endswith("popularity")]
    for name, runs in by_name.items():
        for metric in ("ndcg", "hit_rate", "coverage"):
            values = [getattr(one, metric) for one in runs]
            least = statistics.fmean(getattr(one, metric) for one in plain)
            bar = round(least, 4) if name == "blended" else None
            label = f"recommend_{metric}{'' if metric == 'coverage' else '10'}.{name}"
            rows.append(Row(label, statistics.fmean(values), "", "higher", bar, (min(values), max(values))))
    return rows
