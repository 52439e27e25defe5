"""What the worker does at set times: room for next month's usage, monthly fees, and old rows go."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import structlog

from mercato.admin import AuditAnchors, HealthBook, PersonExports, Refusals, Retention
from mercato.billing import Agreements, MonthlyFees
from mercato.consumption import DisputeReviews, MeasureServices, ServiceHealthBook, WatchLevels, judge_canaries
from mercato.datasets import PanelBuilder, RoundDrafts, Rounds, SampleRound
from mercato.deployments import DeploymentLinked, DeploymentLive, Heartbeats
from mercato.discovery import refresh_listings
from mercato.edge.answer_rows import forget_answers
from mercato.edge.devices import devices_of
from mercato.edge.passkeys import passkeys_in
from mercato.edge.sso import sso_in
from mercato.edge.wiring import Wiring
from mercato.identity import Attempts, Passwords
from mercato.metering import DayRows, Partitions, WatchUsage
from mercato.platform import (
    DeskNotInstalled,
    EphemeralSubscriber,
    Event,
    LeadLost,
    News,
    Session,
    forget_events,
    leading,
)
from mercato.signals import DeskRecord, SignalLog
from mercato.training import end_overdue, find_next_deadline
from mercato.webhooks import forget_messages

log = structlog.get_logger(__name__)

_EVERY_SECONDS = 60.0
_LOCK, _SAMPLE_LOCK = 7_245_110_388, 7_245_110_389
"""The advisory locks of the worker that keeps house, and of the one that keeps the sample round."""
_SOONEST_SECONDS, _LATEST_SECONDS = 1.0, 15.0
"""Between two looks at deadlines. The soonest is for one that passed and is in another worker's hands; the latest is
less than any new deadline is away that no news tells of."""
_NEWS_KEPT = timedelta(days=7)
_ANSWERS_KEPT = timedelta(days=1)
_COUNTERS_KEPT = timedelta(days=62)

Chore = Callable[[Session, Wiring], Awaitable[int | None]]


class Deadlines:
    """Ends training runs and holds deployments whose time is over; asleep until the next of them is due.

    Only news brings a deadline nearer; `subscriber` hears it.
    """

    def __init__(self, wiring: Wiring, *, latest_seconds: float = _LATEST_SECONDS) -> None:
        self._wiring = wiring
        self._latest_seconds = latest_seconds
        self._nearer = asyncio.Event()

    def subscriber(self) -> EphemeralSubscriber[Any]:
        """To be run by the worker's `OutboxFeed`."""
        return EphemeralSubscriber("deadlines", (DeploymentLinked, DeploymentLive), self._hear)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            seconds = _SOONEST_SECONDS
            await _run_chores(self._wiring, DEADLINE_CHORES, _all_may)
            try:
                seconds = await self._seconds_to_next()
            except Exception as error:
                log.warning("the next deadline could not be read and is looked for again", error=str(error))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._nearer.wait()
            self._nearer.clear()

    async def _hear(self, _: Sequence[Event[News]]) -> None:
        self._nearer.set()

    async def _seconds_to_next(self) -> float:
        wiring = self._wiring
        async with wiring.database.transaction() as session:
            known = [await find_next_deadline(session), await _heartbeats(session, wiring).find_next_due()]
        soonest = min((deadline for deadline in known if deadline is not None), default=None)
        if soonest is None:
            return self._latest_seconds
        left = (soonest - wiring.clock.now()).total_seconds()
        return min(max(left, _SOONEST_SECONDS), self._latest_seconds)


async def keep_house(wiring: Wiring, deadlines: Deadlines) -> None:
    """For as long as the worker runs: what has a deadline when it is due, the rest every minute by one of all workers.

    Each chore is a transaction of its own, and may run twice.
    """
    async with asyncio.TaskGroup() as chores:
        chores.create_task(_keep(wiring, CHORES, _LOCK), name="chores")
        chores.create_task(deadlines.run(), name="deadlines")
        if wiring.sample_data:
            # A task of its own: building takes seconds, and no other chore waits for it.
            chores.create_task(_keep(wiring, SAMPLE_CHORES, _SAMPLE_LOCK), name="sample data")


async def _keep(wiring: Wiring, chores: dict[str, Chore], lock: int) -> None:
    """Lead, or wait to lead, until cancelled."""
    while True:
        try:
            async with leading(wiring.database, lock) as still_leads:
                while True:
                    await _run_chores(wiring, chores, still_leads)
                    await asyncio.sleep(_EVERY_SECONDS)
        except LeadLost as error:
            log.warning("the leader of chores lost the database", error=str(error))
        await asyncio.sleep(_SOONEST_SECONDS)


async def _run_chores(wiring: Wiring, chores: dict[str, Chore], still_leads: Callable[[], Awaitable[None]]) -> None:
    for name, chore in chores.items():
        await still_leads()
        try:
            async with wiring.database.transaction() as session:
                done = await chore(session, wiring)
            if done:
                log.info("kept house", chore=name, rows=done)
        except Exception as error:
            log.warning("a chore failed and is tried again", chore=name, error=str(error))


async def _all_may() -> None:
    """Rows with a deadline are each in one worker's hands: nobody leads."""


async def _make_partitions(session: Session, wiring: Wiring) -> None:
    await Partitions(session, wiring.clock).make_ahead()


async def _make_day_rows(session: Session, wiring: Wiring) -> int:
    return await DayRows(session, wiring.clock).make_due()


async def _watch_usage(session: Session, wiring: Wiring) -> int:
    return await WatchUsage(session, wiring.clock, wiring.ids, wiring.outbox).watch()


async def _check_agreement(session: Session, wiring: Wiring) -> int:
    disagreeing = await Agreements(session, wiring.clock).check_due()
    if disagreeing:
        log.error("sums of usage, events and ledger disagree: see `mercato reconcile`", days=disagreeing)
    return disagreeing


async def _charge_fees(session: Session, wiring: Wiring) -> int:
    return await MonthlyFees(session, wiring.clock, wiring.ids, take_rate_bp=wiring.take_rate_bp).charge_due()


async def _reclaim_leases(session: Session, wiring: Wiring) -> int:
    return await wiring.counters(session).reclaim()


async def _close_rounds(session: Session, wiring: Wiring) -> int:
    return await _rounds(session, wiring).close_due()


async def _resolve_rounds(session: Session, wiring: Wiring) -> int:
    return await _rounds(session, wiring).resolve_due()


def _rounds(session: Session, wiring: Wiring) -> Rounds:
    return Rounds(session, wiring.clock, wiring.outbox)


async def _seal_signals(session: Session, wiring: Wiring) -> int:
    head = await SignalLog(session, wiring.clock).seal(wiring.log_key)
    return 0 if head is None else head.size


async def _seal_record(session: Session, wiring: Wiring) -> int:
    head = await DeskRecord(session, wiring.clock).seal(wiring.log_key)
    return 0 if head is None else head.size


async def _forget_counters(session: Session, wiring: Wiring) -> int:
    counters = wiring.counters(session)
    return await counters.forget(wiring.clock.now() - _COUNTERS_KEPT)


async def _watch_levels(session: Session, wiring: Wiring) -> int:
    return await WatchLevels(session, wiring.clock, wiring.ids, wiring.outbox).watch()


async def _measure_services(session: Session, wiring: Wiring) -> int:
    return await MeasureServices(session, wiring.clock, wiring.outbox).measure_due()


async def _refresh_listings(session: Session, wiring: Wiring) -> int:
    return await refresh_listings(session, wiring.clock, wiring.outbox)


async def _open_reviews(session: Session, wiring: Wiring) -> int:
    return await DisputeReviews(session, wiring.clock, wiring.ids, wiring.outbox).open_due()


async def _forget_health(session: Session, wiring: Wiring) -> int:
    return await ServiceHealthBook(session).forget(wiring.clock.now())


async def _forget_probes(session: Session, wiring: Wiring) -> int:
    return await HealthBook(session, wiring.clock, wiring.ids, wiring.outbox).forget()


async def _forget_messages(session: Session, wiring: Wiring) -> int:
    return await forget_messages(session, wiring.clock)


async def _forget_device_logins(session: Session, wiring: Wiring) -> int:
    return await devices_of(session, wiring).forget()


async def _forget_sso_sign_ins(session: Session, wiring: Wiring) -> int:
    return await sso_in(session, wiring).forget()


async def _forget_challenges(session: Session, wiring: Wiring) -> int:
    return await passkeys_in(session, wiring).forget()


async def _forget_letters(session: Session, wiring: Wiring) -> int:
    passwords = Passwords(session, wiring.clock, wiring.ids, wiring.outbox, wiring.reset_links)
    return await wiring.post().forget(session) + await passwords.forget()


async def _forget_attempts(session: Session, wiring: Wiring) -> int:
    return await Attempts(session, wiring.clock).forget()


async def _forget_events(session: Session, wiring: Wiring) -> int:
    return await forget_events(session, wiring.clock.now() - _NEWS_KEPT)


async def _forget_answers(session: Session, wiring: Wiring) -> int:
    return await forget_answers(session, wiring.clock.now() - _ANSWERS_KEPT)


async def _judge_canaries(session: Session, wiring: Wiring) -> int:
    return await judge_canaries(wiring.database, wiring.clock, wiring.ids, wiring.outbox)


async def _hold_stale_deployments(session: Session, wiring: Wiring) -> int:
    return await _heartbeats(session, wiring).hold_stale()


def _heartbeats(session: Session, wiring: Wiring) -> Heartbeats:
    return Heartbeats(session, wiring.clock, wiring.outbox)


async def _tell_refusals(session: Session, wiring: Wiring) -> int:
    return await Refusals(session, wiring.clock, wiring.outbox).tell()


async def _anchor_audit(session: Session, wiring: Wiring) -> int:
    return await AuditAnchors(session, wiring.clock, wiring.ids, wiring.objects).anchor_due()


async def _forget_copies(session: Session, wiring: Wiring) -> int:
    return await PersonExports(session, wiring.clock, wiring.ids, wiring.outbox, wiring.objects).forget()


async def _prune(session: Session, wiring: Wiring) -> int:
    return await Retention(session, wiring.clock, wiring.outbox).prune()


async def _prune_audit(session: Session, wiring: Wiring) -> int:
    return await Retention(session, wiring.clock, wiring.outbox).prune_audit()


CHORES: dict[str, Chore] = {
    "partitions of usage": _make_partitions,
    "usage of days that are over": _make_day_rows,
    "agreement of figures": _check_agreement,
    "unusual usage": _watch_usage,
    "monthly fees": _charge_fees,
    "leases nobody got": _reclaim_leases,
    "rounds whose time is over": _close_rounds,
    "the log of signals": _seal_signals,
    "the desk's record": _seal_record,
    "rounds whose embargo is over": _resolve_rounds,
    "old counters": _forget_counters,
    "service levels": _watch_levels,
    "figures of services": _measure_services,
    "rows of listings": _refresh_listings,
    "reviews of disputed usage": _open_reviews,
    "old health": _forget_health,
    "old probes": _forget_probes,
    "old webhooks": _forget_messages,
    "old device logins": _forget_device_logins,
    "old sign-ins at providers": _forget_sso_sign_ins,
    "old challenges": _forget_challenges,
    "old letters and links": _forget_letters,
    "old failed attempts": _forget_attempts,
    "old news": _forget_events,
    "old answers": _forget_answers,
    "old copies": _forget_copies,
    "old rows": _prune,
    "old audit entries": _prune_audit,
    "canaries": _judge_canaries,
    "refusals of the last minute": _tell_refusals,
    "heads of the audit log": _anchor_audit,
}


async def _end_overdue_runs(session: Session, wiring: Wiring) -> int:
    return await end_overdue(session, wiring.clock, wiring.outbox)


async def _keep_sample_round(_: Session, wiring: Wiring) -> int:
    # Transactions of its own: files are written between them.
    builder = PanelBuilder(wiring.database, wiring.clock, wiring.ids, wiring.outbox, wiring.objects, wiring.data_key)
    drafts = RoundDrafts(wiring.database, wiring.ids, wiring.objects)
    try:
        opened = await SampleRound(wiring.database, wiring.clock, wiring.outbox, builder, drafts).keep_open()
    except DeskNotInstalled:
        return 0
    return 0 if opened is None else 1


SAMPLE_CHORES: dict[str, Chore] = {"the sample round": _keep_sample_round}

DEADLINE_CHORES: dict[str, Chore] = {
    "training runs past their time": _end_overdue_runs,
    "stale deployments": _hold_stale_deployments,
}
