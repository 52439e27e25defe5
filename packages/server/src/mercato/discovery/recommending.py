"""What an organisation may want next, from what it and others call, with the reason."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.discovery.document import ListingDocument, from_facts
from mercato.discovery.ports import Likeness
from mercato.discovery.rankings import Ranked, rank_listings
from mercato.discovery.recommend import Blended, Found, Uses, Way, blend
from mercato.discovery.repository import ListingRepository
from mercato.discovery.search import Searching
from mercato.identity import Caller, Permission
from mercato.metering import MarketUse
from mercato.platform import Clock, Session

_LOOKS_BACK = timedelta(days=90)
_KEPT = timedelta(minutes=10)
_SEEDS = 8
_OF_A_SEED = 12
_MOST = 60


@dataclass(frozen=True, slots=True)
class Recommended:
    """A service, the ways that found it, and why in words."""

    document: ListingDocument
    score: float
    ways: tuple[Way, ...]
    because: str


@dataclass(frozen=True, slots=True)
class _Market:
    """What all callers' recommendations are made of."""

    read_at: datetime
    uses: Uses
    rising: Sequence[Ranked]
    popular: Sequence[Ranked]


class MarketMemory:
    """Who uses what, and what is called most, as of a few minutes ago: one a process, since every recommendation counts
    over all of it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._reading = asyncio.Lock()
        self._kept: _Market | None = None

    async def read(self, session: Session) -> _Market:
        """At most ten minutes old, or older while somebody else reads it anew; many that ask at once read once."""
        # Who waited would hold a connection while somebody else's long query runs.
        if self._kept is not None and (self._is_fresh(self._kept) or self._reading.locked()):
            return self._kept
        async with self._reading:
            if self._kept is None or not self._is_fresh(self._kept):
                self._kept = await self._read(session)
            return self._kept

    def _is_fresh(self, market: _Market) -> bool:
        return timedelta(0) <= self._clock.now() - market.read_at < _KEPT

    async def _read(self, session: Session) -> _Market:
        now = self._clock.now()
        uses = await MarketUse(session).of_all(now - _LOOKS_BACK)
        ordered = sorted(uses, key=lambda one: (one.last, one.consumer_id, one.service_id))
        return _Market(
            now,
            Uses((one.consumer_id, one.service_id) for one in ordered),
            await rank_listings(session, "growth", _MOST),
            await rank_listings(session, "use", _MOST),
        )


class Recommending:
    """Recommends to callers; what it counts of other organisations never names them."""

    def __init__(self, session: Session, clock: Clock, memory: MarketMemory, searching: Searching) -> None:
        self._session = session
        self._clock = clock
        self._memory = memory
        self._searching = searching
        self._rows = ListingRepository(session)

    async def recommend(self, caller: Caller, limit: int) -> list[Recommended]:
        """The best first. Who called nothing yet gets what rises and what is called most."""
        caller.require(Permission.SERVICES_READ)
        use = await MarketUse(self._session).of_consumer(caller.organisation_id, self._clock.now() - _LOOKS_BACK)
        own = [one.service_id for one in sorted(use, key=lambda one: (-one.calls, one.service_id))]
        market = await self._memory.read(self._session)
        documents = await self._documents(own)
        tasks = {one.task for one in documents.values()}
        lists: list[Sequence[Found]] = [market.uses.together(own, _MOST, but=caller.organisation_id)]
        lists += [await self._like(seed) for seed in own[:_SEEDS]]
        lists += [_ranked(market.rising, "rising", tasks), _ranked(market.popular, "popular", tasks)]
        blended = blend(lists, set(own), 2 * limit + 20)
        documents |= await self._documents([one.service_id for one in blended])
        found = [
            Recommended(
                documents[one.service_id], one.score, tuple(way.way for way in one.ways), _words(one, documents)
            )
            for one in blended
            if one.service_id in documents and documents[one.service_id].vendor != caller.organisation_slug
        ]
        return found[:limit]

    async def _like(self, seed: str) -> list[Found]:
        likenesses: Sequence[Likeness] = await self._searching.find_similar(seed, _OF_A_SEED)
        return [Found(one.document.service_id, "like", seed) for one in likenesses]

    async def _documents(self, service_ids: Collection[str]) -> dict[str, ListingDocument]:
        rows = await self._rows.find_many(list(service_ids))
        found = {key: from_facts(row.facts) for key, row in rows.items() if not row.withdrawn}
        return {key: one for key, one in found.items() if one.status != "yanked"}


def _ranked(ranked: Sequence[Ranked], way: Way, tasks: Collection[str]) -> list[Found]:
    """Those of the tasks that somebody uses first; of every task where nothing is used."""
    ordered = sorted(ranked, key=lambda one: (bool(tasks) and one.document.task not in tasks, one.place))
    return [Found(one.document.service_id, way) for one in ordered]


def _words(one: Blended, documents: dict[str, ListingDocument]) -> str:
    task = documents[one.service_id].task
    said = []
    for way in one.ways:
        seed = documents.get(way.because)
        if way.way == "together" and seed is not None:
            said.append(f"used together with {seed.name} by {way.common} organisations")
        elif way.way == "like" and seed is not None:
            said.append(f"like {seed.name}")
        elif way.way == "rising":
            said.append(f"rising in {task}")
        elif way.way == "popular":
            said.append(f"called much in {task}")
    return "; ".join(said[:2])
