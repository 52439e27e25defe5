"""The marketplace at a glance: what its operator looks at first, read in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.admin.announcements import Announcements
from mercato.admin.health import HealthBook, ServiceNow
from mercato.billing import Agreement, Agreements
from mercato.consumption import Alerts, DisputeReview, DisputeReviews, ServiceAlert
from mercato.identity import Caller, Permission
from mercato.metering import Series, SeriesWanted, Summing
from mercato.platform import Clock, Ids, Outbox, Session
from mercato.publishing import Approvals, Queued
from mercato.signals import KillSwitch, KillSwitches

_SHOWN = 5
_MOST = 200
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Overview:
    """Rows of the rooms below; `today` and `yesterday` are the sums since midnight, UTC, and a day before that."""

    at: datetime
    services: list[ServiceNow]
    waiting: int
    queue: list[Queued]
    today: Series
    yesterday: Series
    disputes: list[DisputeReview]
    alerts: list[ServiceAlert]
    switches: Sequence[KillSwitch]
    agreement: Agreement | None
    under_maintenance: bool


class OverviewDesk:
    """For operators."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._health = HealthBook(session, clock, ids, outbox)
        self._approvals = Approvals(session, clock, outbox)
        self._sums = Summing(session, clock)
        self._disputes = DisputeReviews(session, clock, ids, outbox)
        self._alerts = Alerts(session)
        self._switches = KillSwitches(session, clock, ids, outbox)
        self._agreements = Agreements(session, clock)
        self._announcements = Announcements(session, clock, ids, outbox)
        self._clock = clock

    async def show(self, caller: Caller) -> Overview:
        """Everything at once."""
        caller.require(Permission.MARKETPLACE_READ)
        now = self._clock.now()
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        until = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + _QUARTER
        day = timedelta(days=1)
        agreements = await self._agreements.page(caller, side="marketplace", before=None, limit=1)
        return Overview(
            at=now,
            services=await self._health.now(caller),
            waiting=await self._approvals.count(caller),
            queue=await self._approvals.queue(caller, after=None, limit=_SHOWN),
            today=await self._sum(caller, midnight, until),
            yesterday=await self._sum(caller, midnight - day, until - day),
            disputes=await self._disputes.list_all(caller, everyone=True, only_open=True, before=None, limit=_MOST),
            alerts=await self._alerts.list_all(caller, everyone=True, only_open=True, before=None, limit=_MOST),
            switches=await self._switches.list_all(caller, thrown_only=True),
            agreement=agreements[0] if agreements else None,
            under_maintenance=any(each.kind == "maintenance" for each in await self._announcements.current()),
        )

    async def _sum(self, caller: Caller, since: datetime, until: datetime) -> Series:
        wanted = SeriesWanted("marketplace", since, until, metrics=("calls", "failed", "charged_nanos"))
        return await self._sums.series(caller, wanted)
