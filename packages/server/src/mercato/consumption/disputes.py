"""Records services whose counts cannot be true, and reviews those with many such calls."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any, Literal

from mercato.consumption.dispute_rows import DisputeRows
from mercato.consumption.models import DisputeReview, DoubtedCalls
from mercato.consumption.news import UsageReviewDecided, UsageReviewOpened
from mercato.consumption.refusals import ReviewDecided, ReviewNotFound
from mercato.identity import Caller, Permission
from mercato.metering import Appraised
from mercato.platform import Clock, Ids, Outbox, Question, Session
from mercato.publishing import Catalogue, DeploymentHolds, RunningDeployments
from mercato_contracts import ids as id_prefix

Verdict = Literal["clear", "hold"]

HOLDER = "disputed-usage"
# One false count may be a server's fault; this many on one day need a person's review.
MOST_DOUBTED_A_DAY = 20


class DisputeBook:
    """Counts calls whose service claimed what cannot be true, in the caller's transaction."""

    def __init__(self, session: Session) -> None:
        self._rows = DisputeRows(session)

    async def count(self, calls: Iterable[Appraised]) -> None:
        """Count these calls by service, day and reason. The rows stay locked until the transaction ends."""
        counts: dict[tuple[str, date, str], int] = {}
        for call in calls:
            if call.billable and call.event.doubt is not None:
                key = (call.event.service_id, call.at.date(), call.event.doubt)
                counts[key] = counts.get(key, 0) + 1
        if counts:
            await self._rows.add(counts)


class DisputeReviews:
    """Reviews of services whose claims were disputed `MOST_DOUBTED_A_DAY` times on one day."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = DisputeRows(session)
        self._catalogue = Catalogue(session)
        self._running = RunningDeployments(session)
        self._holds = DeploymentHolds(session, clock, outbox)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def open_due(self) -> int:
        """Opens due reviews, at most one per service and day; returns how many were opened."""
        now, opened = self._clock.now(), 0
        due = await self._rows.due(_since(now), MOST_DOUBTED_A_DAY)
        services = await self._catalogue.find_services({service_id for service_id, _, _ in due})
        vendors = {service.id: service.vendor_id for service in services}
        for service_id, day, calls in due:
            review = DisputeReview(
                id=self._ids.new(id_prefix.DISPUTE_REVIEW), service_id=service_id, vendor_id=vendors[service_id],
                day=day, calls=calls, opened_at=now, verdict=None, reason=None, decided_by=None, decided_at=None,
            )  # fmt: skip
            if await self._rows.open(review):
                opened += 1
                await self._outbox.add(self._session, UsageReviewOpened(by=HOLDER, **_facts(review)))
        return opened

    async def list_all(
        self, caller: Caller, *, everyone: bool, only_open: bool, before: str | None, limit: int
    ) -> list[DisputeReview]:
        """Those of the caller's services, or of all (operators); the newest first."""
        return await self._rows.reviews(_vendor(caller, everyone), only_open=only_open, before=before, limit=limit)

    def open_question(self, caller: Caller, limit: int) -> Question[DisputeReview]:
        """Everyone's that wait, the newest first: for operators, to be asked together with other things."""
        caller.require(Permission.MARKETPLACE_READ)
        return self._rows.open_question(limit)

    async def list_days(self, caller: Caller, *, everyone: bool, since: date) -> list[DoubtedCalls]:
        """How many calls were disputed, by service, day and reason; the newest day first."""
        vendor_id = _vendor(caller, everyone)
        services = None if vendor_id is None else await self._running.services_of_vendor(vendor_id)
        return await self._rows.days(services, since)

    async def decide(self, caller: Caller, review_id: str, verdict: Verdict, reason: str) -> DisputeReview:
        """`hold` takes the service's deployments out of routing; `clear` lets them back. For operators.

        Raises `ReviewNotFound`, `ReviewDecided`.
        """
        caller.require(Permission.MARKETPLACE_WRITE)
        review = await self._rows.lock(review_id)
        if review is None:
            raise ReviewNotFound(f"There is no review {review_id}.")
        if review.decided_at is not None and (review.verdict, verdict) != ("hold", "clear"):
            raise ReviewDecided(f"It was decided: {review.verdict}.", verdict=review.verdict)
        review.verdict, review.reason = verdict, reason
        review.decided_by, review.decided_at = caller.actor, self._clock.now()
        for deployment_id in await self._running.ids_of_service(review.service_id):
            if verdict == "hold":
                await self._holds.hold_deployment(deployment_id, holder=HOLDER, reason=reason, by=caller.actor)
            else:
                await self._holds.lift_hold(deployment_id, holder=HOLDER, by=caller.actor)
        await self._session.flush()
        await self._outbox.add(self._session, UsageReviewDecided(by=caller.actor, **_facts(review)))
        return review


def _facts(review: DisputeReview) -> dict[str, Any]:
    return {
        "review_id": review.id,
        "service_id": review.service_id,
        "vendor_id": review.vendor_id,
        "verdict": review.verdict,
    }


def _since(now: datetime) -> date:
    """Includes yesterday's late usage."""
    return (now - timedelta(days=1)).date()


def _vendor(caller: Caller, everyone: bool) -> str | None:
    caller.require(Permission.MARKETPLACE_READ if everyone else Permission.SERVICES_READ)
    return None if everyone else caller.organisation_id
