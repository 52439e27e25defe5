"""Alerts on service levels: opened and resolved once each, stored, published as news.

The worker checks every minute.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from mercato.consumption.alert_rows import AlertRows
from mercato.consumption.burn import LATENCY_BUDGET_BP, RULES, WINDOWS, Counted, Objective, Rule, count, judge
from mercato.consumption.health import Health, ServiceHealthBook, whole
from mercato.consumption.models import ServiceAlert
from mercato.consumption.news import AlertOpened, AlertResolved
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, Outbox, Question, Session
from mercato.publishing import Catalogue, Service
from mercato_contracts import ids as id_prefix

_PAGE = 200
_BY = "service-levels"


class WatchLevels:
    """Checks every service that may miss its target, and opens and resolves alerts in the caller's transaction."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._rows = AlertRows(session)
        self._book = ServiceHealthBook(session)
        self._catalogue = Catalogue(session)

    async def watch(self) -> int:
        """Check all services; returns how many alerts were opened or resolved.

        Does nothing while another process checks.
        """
        if not await self._rows.try_lock():
            return 0
        now = self._clock.now()
        candidates = await self._candidates(now - WINDOWS[-1] - timedelta(hours=1))
        changed = 0
        for start in range(0, len(candidates), _PAGE):
            changed += await self._watch_page(candidates[start : start + _PAGE], now)
        return changed

    async def _candidates(self, since: datetime) -> list[str]:
        """Services that may miss a target: a call failed since then, or answers were timed; or an alert is active."""
        failed = await self._rows.measured_since(since)
        missed = {
            service.id
            for service in await self._catalogue.find_services(failed)
            if service.status == "listed"
            and ((failed[service.id] and service.availability_bp is not None) or service.p95_latency_ms is not None)
        }
        return sorted(missed | await self._rows.with_alerts())

    async def _watch_page(self, service_ids: Sequence[str], now: datetime) -> int:
        windows: dict[timedelta, dict[str, Health]] = {}
        for span in WINDOWS:
            found = await self._book.of_services(service_ids, now - span, now)
            windows[span] = {service_id: whole(parts.values()) for service_id, parts in found.items()}
        on = {(a.service_id, a.objective, a.severity): a for a in await self._rows.open_of(service_ids)}
        changed = 0
        for service in await self._catalogue.find_services(service_ids):
            health = {span: of.get(service.id, Health()) for span, of in windows.items()}
            for objective, budget_bp in _objectives(service):
                counted = {
                    span: count(h, objective, (service.p95_latency_ms or 0) * 1000) for span, h in health.items()
                }
                for rule in RULES:
                    alert = on.pop((service.id, objective, rule.severity), None)
                    changed += await self._apply(service, objective, budget_bp, rule, counted, alert, now)
        for alert in on.values():  # its service no longer has this target
            changed += await self._resolve(alert, now)
        return changed

    async def _apply(
        self,
        service: Service,
        objective: Objective,
        budget_bp: int,
        rule: Rule,
        counted: Mapping[timedelta, Counted],
        alert: ServiceAlert | None,
        now: datetime,
    ) -> bool:
        is_on = service.status == "listed" and judge(rule, counted, budget_bp, is_on=alert is not None)
        if alert is not None:
            return not is_on and await self._resolve(alert, now)
        if not is_on:
            return False
        long = counted[rule.long]
        alert = ServiceAlert(
            id=self._ids.new(id_prefix.ALERT),
            service_id=service.id,
            vendor_id=service.vendor_id,
            objective=objective,
            severity=rule.severity,
            budget_bp=budget_bp,
            burn_hundredths=long.burn_hundredths(budget_bp),
            calls=long.calls,
            bad=long.bad,
            opened_at=now,
            resolved_at=None,
        )
        if not await self._rows.open(alert):
            return False
        await self._outbox.add(self._session, AlertOpened(by=_BY, **_facts(alert)))
        return True

    async def _resolve(self, alert: ServiceAlert, now: datetime) -> bool:
        if not await self._rows.resolve(alert.id, now):
            return False
        await self._outbox.add(self._session, AlertResolved(by=_BY, **_facts(alert)))
        return True


class Alerts:
    """Alerts as callers see them: vendors those of their services, operators all."""

    def __init__(self, session: Session) -> None:
        self._rows = AlertRows(session)

    async def list_all(
        self, caller: Caller, *, everyone: bool, only_open: bool, before: str | None, limit: int
    ) -> list[ServiceAlert]:
        """The newest first; `everyone`'s for operators."""
        caller.require(Permission.MARKETPLACE_READ if everyone else Permission.SERVICES_READ)
        vendor_id = None if everyone else caller.organisation_id
        return await self._rows.list_all(vendor_id, only_open=only_open, before=before, limit=limit)

    def open_question(self, caller: Caller, limit: int) -> Question[ServiceAlert]:
        """Everyone's active ones, the newest first: for operators, to be asked together with other things."""
        caller.require(Permission.MARKETPLACE_READ)
        return self._rows.open_question(limit)


def _facts(alert: ServiceAlert) -> dict[str, Any]:
    return {
        "alert_id": alert.id,
        "service_id": alert.service_id,
        "vendor_id": alert.vendor_id,
        "objective": alert.objective,
        "severity": alert.severity,
    }


def _objectives(service: Service) -> list[tuple[Objective, int]]:
    """The service's objectives, each with its error budget in calls of ten thousand."""
    found: list[tuple[Objective, int]] = []
    if service.availability_bp is not None:
        found.append(("availability", 10_000 - service.availability_bp))
    if service.p95_latency_ms is not None:
        found.append(("latency", LATENCY_BUDGET_BP))
    return found
