"""The marketplace at a glance: what its operator looks at first, read in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from mercato.admin.announcements import Announcements
from mercato.admin.health import HealthBook, ServiceNow
from mercato.billing import Agreements, CallDispute, Disputes, UsageAgreement
from mercato.consumption import Alerts, DisputeReview, DisputeReviews, ServiceAlert
from mercato.identity import Caller, Permission
from mercato.metering import Line, SeriesWanted, Summing
from mercato.platform import Clock, Ids, Outbox, Session, ask_together
from mercato.publishing import Approvals, Queued
from mercato.signals import KillSwitch, KillSwitches

_SHOWN = 5
_MOST = 200
_QUARTER = timedelta(minutes=15)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Overview:
    """Rows of the rooms below; `today` and `yesterday` are the sums since midnight, UTC, and those of a day before, by
    currency.
    """

    at: datetime
    services: list[ServiceNow]
    waiting: int
    queue: list[Queued]
    today: list[Line]
    yesterday: list[Line]
    disputes: list[DisputeReview]
    call_disputes: list[CallDispute]
    alerts: list[ServiceAlert]
    switches: Sequence[KillSwitch]
    agreement: UsageAgreement | None
    under_maintenance: bool


class OverviewDesk:
    """For operators. `sums` may know the days already, where a chart was made with it before."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox, sums: Summing | None = None) -> None:
        self._session = session
        self._health = HealthBook(session, clock, ids, outbox)
        self._approvals = Approvals(session, clock, outbox)
        self._sums = sums or Summing(session, clock)
        self._disputes = DisputeReviews(session, clock, ids, outbox)
        self._call_disputes = Disputes(session, clock, ids, outbox)
        self._alerts = Alerts(session)
        self._switches = KillSwitches(session, clock, ids, outbox)
        self._agreements = Agreements(session, clock)
        self._announcements = Announcements(session, clock, ids, outbox)
        self._clock = clock

    async def show(self, caller: Caller) -> Overview:
        """Everything at once."""
        caller.require(Permission.MARKETPLACE_READ)
        now = self._clock.now()
        services, gauges = self._health.questions(caller)
        disputes = self._disputes.open_question(caller, _MOST)
        calls = self._call_disputes.open_question(caller, _MOST)
        alerts = self._alerts.open_question(caller, _MOST)
        switches = self._switches.thrown_question(caller)
        compared, notices = self._agreements.last_day_question(caller), self._announcements.question()
        answers = await ask_together(
            self._session, services, gauges, disputes, calls, alerts, switches, compared, notices
        )
        waiting, queue = await self._approvals.head(caller, _SHOWN)
        today, yesterday = await self._two_days(caller, now)
        return Overview(
            at=now,
            services=self._health.as_of_now(answers.of(services), answers.of(gauges)),
            waiting=waiting,
            queue=queue,
            today=today,
            yesterday=yesterday,
            disputes=answers.of(disputes),
            call_disputes=answers.of(calls),
            alerts=answers.of(alerts),
            switches=answers.of(switches),
            agreement=next(iter(answers.of(compared)), None),
            under_maintenance=any(each.kind == "maintenance" and each.starts_at <= now for each in answers.of(notices)),
        )

    async def _two_days(self, caller: Caller, now: datetime) -> tuple[list[Line], list[Line]]:
        """Today, and yesterday until the same quarter hour, of one reading."""
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
        until = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + _QUARTER
        wanted = SeriesWanted(
            "marketplace", midnight - _DAY, until, step="15m", metrics=("calls", "failed", "charged_nanos")
        )
        lines = (await self._sums.series(caller, wanted)).totals
        day, passed = _DAY // _QUARTER, (until - midnight) // _QUARTER
        return [_part(line, day, day + passed) for line in lines], [_part(line, 0, passed) for line in lines]


def _part(line: Line, first: int, end: int) -> Line:
    """These steps of it."""
    values = {name: figures[first:end] for name, figures in line.values.items()}
    return Line(line.keys, line.currency, values, {name: sum(figures) for name, figures in values.items()})
