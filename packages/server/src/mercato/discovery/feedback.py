"""What people found of results: given by organisations, and added up for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from mercato.discovery.feedback_models import SearchFeedback
from mercato.discovery.feedback_rows import FeedbackRows
from mercato.discovery.refusals import FeedbackEnough
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, Session
from mercato.publishing import Catalogue
from mercato_contracts import ids as kinds

MOST_A_DAY = 1_000
KEPT_DAYS = 90
_LONGEST_QUERY = 200


@dataclass(frozen=True, slots=True)
class Found:
    """Feedback since a moment, added up. `positions`: place, verdict, how often."""

    since: datetime
    queries: int
    taken: int
    not_useful: int
    reciprocal_rank_bp: int | None
    positions: Sequence[tuple[int, str, int]]


class Feedback:
    """Of one transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids) -> None:
        self._session = session
        self._clock = clock
        self._ids = ids
        self._rows = FeedbackRows(session)

    async def give(
        self,
        caller: Caller,
        query: str,
        service: str,
        position: int,
        verdict: Literal["opened", "useful", "not_useful"],
    ) -> None:
        """The organisation's last word on this result. Raises `ServiceNotFound`, `FeedbackEnough`."""
        caller.require(Permission.SERVICES_READ)
        vendor, _, name = service.partition("/")
        listing = await Catalogue(self._session, caller.organisation_slug).get_listing(vendor, name)
        now = self._clock.now()
        if await self._rows.count_of(caller.organisation_id, now - timedelta(days=1)) >= MOST_A_DAY:
            raise FeedbackEnough(f"Your organisation gave feedback on {MOST_A_DAY:,} results within a day.")
        words = " ".join(query.casefold().split())[:_LONGEST_QUERY]
        row = SearchFeedback(
            id=self._ids.new(kinds.FEEDBACK), organisation_id=caller.organisation_id,
            query=words, query_digest=sha256(words.encode()).hexdigest(), service_id=listing.service.id,
            position=position, verdict=verdict, at=now,
        )  # fmt: skip
        await self._rows.put(row)

    async def figures(self, caller: Caller) -> Found:
        """Of everything that is kept."""
        caller.require(Permission.MARKETPLACE_READ)
        since = self._clock.now() - timedelta(days=KEPT_DAYS)
        queries, taken, not_useful = await self._rows.totals(since)
        rank = await self._rows.reciprocal_rank(since)
        return Found(since, queries, taken, not_useful, rank, await self._rows.by_position(since))
