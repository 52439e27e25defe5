"""Three ways to recommend, and how they are blended; plain figures in, so that a bench can replay them.

* *Together*: what organisations with the same services use besides (cosine of the sets of their users, shrunk where
  few are common; Sarwar et al. 2001, "Item-based collaborative filtering").
* *Like*: what is near in meaning, task and tags to what is used.
* *Rising*: what more organisations call of late than before.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Literal

Way = Literal["together", "like", "rising", "popular"]

LEAST_COMMON = 3
"""So many organisations must use both: what fewer do would tell who they are."""
_SHRINK = 5
_MOST_USERS = 2_000
"""Of one service, whose other services are counted."""
_FLATNESS = 10
_WEIGHTS: Mapping[Way, float] = {"together": 1.0, "like": 0.3, "rising": 0.2, "popular": 0.5}
"""What a place in each list counts: chosen on the seeds that `bench/discovery_recommend.py` tunes on. More for what is
like shows more of the catalogue and guesses worse; less for what is called much leaves newcomers without an answer."""


@dataclass(frozen=True, slots=True)
class Found:
    """A service that one way found, the best first. `because` of which service; `common` organisations use both."""

    service_id: str
    way: Way
    because: str = ""
    common: int = 0


@dataclass(frozen=True, slots=True)
class Blended:
    """A recommendation and every way that found it, the strongest first."""

    service_id: str
    score: float
    ways: tuple[Found, ...]


class Uses:
    """Which organisation uses which service."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._services: dict[str, set[str]] = {}
        self._users: dict[str, list[str]] = {}
        for user, service in pairs:
            mine = self._services.setdefault(user, set())
            if service not in mine:
                mine.add(service)
                self._users.setdefault(service, []).append(user)

    def of(self, user: str) -> set[str]:
        """What this organisation uses."""
        return self._services.get(user, set())

    def popular(self) -> list[str]:
        """All services, those with the most users first."""
        return sorted(self._users, key=lambda service: (-len(self._users[service]), service))

    def together(self, own: Collection[str], limit: int, *, but: str = "") -> list[Found]:
        """What others use besides `own`; `but` is the organisation that asks, which does not count as another."""
        mine = frozenset(own)
        scores: dict[str, float] = {}
        best: dict[str, tuple[float, Found]] = {}
        for seed in own:
            users = [user for user in self._users.get(seed, ())[-_MOST_USERS:] if user != but]
            common = Counter(service for user in users for service in self._services[user] if service not in mine)
            for service, count in common.items():
                if count < LEAST_COMMON:
                    continue
                alike = count / sqrt(len(users) * len(self._users[service])) * count / (count + _SHRINK)
                scores[service] = scores.get(service, 0.0) + alike
                if alike > best.get(service, (0.0, None))[0]:
                    best[service] = alike, Found(service, "together", seed, count)
        order = sorted(scores, key=lambda service: (-scores[service], service))
        return [best[service][1] for service in order[:limit]]


def blend(lists: Iterable[Sequence[Found]], without: Collection[str], limit: int) -> list[Blended]:
    """One list of all: reciprocal ranks, weighted by way (Cormack, Clarke and Büttcher 2009)."""
    scores: dict[str, float] = {}
    ways: dict[str, dict[Way, tuple[float, Found]]] = {}
    for found in lists:
        kept = [one for one in found if one.service_id not in without]
        for rank, one in enumerate(kept, start=1):
            gain = _WEIGHTS[one.way] * _FLATNESS / (_FLATNESS + rank)
            scores[one.service_id] = scores.get(one.service_id, 0.0) + gain
            by_way = ways.setdefault(one.service_id, {})
            if gain > by_way.get(one.way, (0.0, one))[0]:
                by_way[one.way] = gain, one
    order = sorted(scores, key=lambda service: (-scores[service], service))[:limit]
    return [
        Blended(key, scores[key], tuple(one for _, one in sorted(ways[key].values(), key=lambda pair: -pair[0])))
        for key in order
    ]
