"""Writes a release: service, release, deployment and plans, all in one transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from mercato.platform import Clock, Ids, Outbox, Session
from mercato.publishing.models import Canary, Deployment, Plan, Release, Service, Submission
from mercato.publishing.news import ServiceReleased, VisibilityChanged
from mercato.publishing.repository import CatalogueRepository
from mercato_checks.openapi.check import PublishedOperation
from mercato_checks.semver import Version
from mercato_contracts import ids as id_prefix
from mercato_contracts.manifest import CanaryTerms, PlanManifest, ServiceManifest

_RANK = {"live": 2, "deprecated": 1, "yanked": 0}


class Releasing:
    """Writes a release."""

    def __init__(self, session: Session, clock: Clock, ids: Ids, outbox: Outbox) -> None:
        self._session = session
        self._rows = CatalogueRepository(session)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox

    async def release(
        self,
        submission: Submission,
        manifest: ServiceManifest,
        *,
        document: str | None,
        operations: list[PublishedOperation],
        addresses: list[str],
    ) -> Release:
        """The new release, announced as `service.released`. The caller holds the lock on the service's name."""
        now = self._clock.now()
        service = await self._rows.find_own_service(submission.vendor_id, manifest.name)
        if service is None:
            service = self._new_service(submission.vendor_id, manifest, now)
            self._rows.add(service)
            await self._rows.flush()
        service.status = "listed"
        release = self._new_release(service.id, submission.id, manifest, document, operations, now)
        self._rows.add(release)
        await self._rows.flush()
        self._rows.add(self._new_deployment(release.id, manifest, addresses, now))
        await self._start_canary(service, release, manifest.canary, submission.created_by)
        # A canary changes neither the listing nor the plans for sale.
        canary = await self._rows.find_running_canary(service.id)
        move_latest_alias(service, await self._rows.releases([service.id]), now, canary)
        if service.latest_version == release.version:
            await renew_plans(self._rows, self._ids, service.id, manifest.plans, now)
        await self._rows.flush()
        news = ServiceReleased(by=submission.created_by, service_id=service.id, release_id=release.id)
        await self._outbox.add(self._session, news)
        if service.latest_version == release.version:
            seen = follow_visibility(service, release, submission.created_by)
            if seen is not None:
                await self._outbox.add(self._session, seen)
        return release

    def _new_service(self, vendor_id: str, manifest: ServiceManifest, now: datetime) -> Service:
        service = Service(
            id=self._ids.new(id_prefix.SERVICE),
            vendor_id=vendor_id,
            name=manifest.name,
            status="listed",
            created_at=now,
        )
        _describe(service, manifest, now)
        service.visibility, service.visible_to = "public", []
        return service

    def _new_release(
        self,
        service_id: str,
        submission_id: str,
        manifest: ServiceManifest,
        document: str | None,
        operations: list[PublishedOperation],
        now: datetime,
    ) -> Release:
        return Release(
            id=self._ids.new(id_prefix.RELEASE),
            service_id=service_id,
            submission_id=submission_id,
            version=manifest.version,
            manifest=manifest.model_dump(mode="json"),
            document=document,
            document_digest=None if document is None else hashlib.sha256(document.encode()).hexdigest(),
            operations=[asdict(operation) for operation in operations],
            released_at=now,
            status="live",
            status_reason="",
            status_at=now,
        )

    def _new_deployment(
        self, release_id: str, manifest: ServiceManifest, addresses: list[str], now: datetime
    ) -> Deployment:
        return Deployment(
            id=self._ids.new(id_prefix.DEPLOYMENT),
            release_id=release_id,
            url=str(manifest.endpoint.url).rstrip("/"),
            addresses=addresses,
            upstream_model=manifest.endpoint.model,
            weight=100,
            timeout_ms=manifest.endpoint.timeout_seconds * 1000,
            max_connections=256,
            on_disconnect=manifest.endpoint.on_disconnect,
            health_path=manifest.endpoint.health_path,
            limits=[limit.model_dump() for limit in manifest.endpoint.limits],
            credential=None if manifest.endpoint.credential is None else manifest.endpoint.credential.model_dump(),
            created_at=now,
        )

    async def _start_canary(self, service: Service, release: Release, terms: CanaryTerms | None, actor: str) -> None:
        """A higher version ends the running canary, and is the next one if its manifest asks for that."""
        running = await self._rows.find_running_canary(service.id, lock=True)
        if running is not None and Version.parse(running.version) < Version.parse(release.version):
            running.state, running.reason = "superseded", f"{release.version} was released."
            running.ended_at, running.ended_by = self._clock.now(), actor
            await self._rows.flush()
            running = None
        if terms is not None and running is None:
            others = await self._rows.releases([service.id])
            if may_be_canary(release, others):
                self._rows.add(new_canary(self._ids, release, terms, actor, self._clock.now()))
                await self._rows.flush()


def may_be_canary(release: Release, releases: Sequence[Release]) -> bool:
    """Whether it is the highest final version, and another live final one exists to compare it with."""
    finals = [other for other in releases if other.status == "live" and _is_final(other) and other.id != release.id]
    own = Version.parse(release.version)
    return _is_final(release) and bool(finals) and all(Version.parse(other.version) < own for other in finals)


def new_canary(ids: Ids, release: Release, terms: CanaryTerms, actor: str, now: datetime) -> Canary:
    """A canary that starts now."""
    return Canary(
        id=ids.new(id_prefix.CANARY),
        service_id=release.service_id,
        release_id=release.id,
        version=release.version,
        **terms.model_dump(include=set(CanaryTerms.model_fields)),
        state="running",
        reason="",
        figures={},
        started_by=actor,
        started_at=now,
        ended_by="",
        ended_at=None,
    )


async def renew_plans(
    rows: CatalogueRepository, ids: Ids, service_id: str, wanted: Sequence[PlanManifest], now: datetime
) -> None:
    """Keep plans whose terms are unchanged, add a new plan for changed terms, and retire what is no longer offered."""
    open_plans = {plan.name: plan for plan in await rows.open_plans([service_id])}
    fresh = {plan.name: terms_of(plan) for plan in wanted}
    for name, plan in open_plans.items():
        if fresh.get(name) != _terms(plan):
            plan.retired_at = now
    # The old name must be free before the new row takes it.
    await rows.flush()
    for name, terms in fresh.items():
        if name not in open_plans or open_plans[name].retired_at is not None:
            rows.add(Plan(id=ids.new(id_prefix.PLAN), service_id=service_id, created_at=now, **terms))


def terms_of(plan: PlanManifest) -> dict[str, Any]:
    """A plan of the manifest, in the columns of `Plan`."""
    return {
        "name": plan.name,
        "title": plan.title,
        "currency": plan.currency,
        "monthly_nanos": plan.price.nanos("monthly"),
        "per_call_nanos": plan.price.nanos("per_call"),
        "per_1k_input_nanos": plan.price.nanos("per_1k_input_tokens"),
        "per_1k_output_nanos": plan.price.nanos("per_1k_output_tokens"),
        "included_unit": plan.included.unit if plan.included else None,
        "included": plan.included.amount if plan.included else 0,
        "overage": plan.included.overage if plan.included else True,
        "limits": [limit.model_dump() for limit in plan.limits],
        "fallbacks": list(plan.fallbacks),
    }


def _terms(plan: Plan) -> dict[str, Any]:
    return {
        "name": plan.name,
        "title": plan.title,
        "currency": plan.currency,
        "monthly_nanos": plan.monthly_nanos,
        "per_call_nanos": plan.per_call_nanos,
        "per_1k_input_nanos": plan.per_1k_input_nanos,
        "per_1k_output_nanos": plan.per_1k_output_nanos,
        "included_unit": plan.included_unit,
        "included": plan.included,
        "overage": plan.overage,
        "limits": plan.limits,
        "fallbacks": plan.fallbacks,
    }


def latest_of(releases: Sequence[Release]) -> Release:
    """The release that a service shows: the highest that is live and final, then live, then deprecated, then any."""
    return max(
        releases, key=lambda release: (_RANK[release.status], _is_final(release), Version.parse(release.version))
    )


def _is_final(release: Release) -> bool:
    return not Version.parse(release.version).pre


def move_latest_alias(
    service: Service, releases: Sequence[Release], now: datetime, canary: Canary | None = None
) -> Release:
    """Describe the service by its latest release, and return that release; a running canary does not count yet."""
    settled = [release for release in releases if canary is None or release.id != canary.release_id]
    latest = latest_of(settled or releases)
    _describe(service, ServiceManifest.model_validate(latest.manifest), now)
    return latest


async def follow_latest(rows: CatalogueRepository, ids: Ids, service: Service, now: datetime) -> None:
    """After a canary started or ended: description and plans become those of the release that takes the calls."""
    await rows.flush()
    canary = await rows.find_running_canary(service.id)
    latest = move_latest_alias(service, await rows.releases([service.id]), now, canary)
    await renew_plans(rows, ids, service.id, ServiceManifest.model_validate(latest.manifest).plans, now)
    await rows.flush()


def _describe(service: Service, manifest: ServiceManifest, now: datetime) -> None:
    service.title = manifest.title
    service.summary = manifest.summary
    service.description = manifest.description
    service.protocol = manifest.protocol
    service.task = manifest.task
    service.paths = manifest.paths
    service.licence = manifest.licence
    service.tags = list(manifest.tags)
    service.modalities = list(manifest.modalities)
    service.regions = list(manifest.regions)
    service.context_window = manifest.context_window
    service.availability_bp = manifest.sla.availability_bp if manifest.sla else None
    service.p95_latency_ms = manifest.sla.p95_latency_ms if manifest.sla else None
    service.latest_version = manifest.version
    service.updated_at = now


def follow_visibility(service: Service, release: Release, by: str) -> VisibilityChanged | None:
    """Who sees the service is what the release says that became its listing; the news where that is a change.

    A yank or a canary that was rolled back leaves it as it is: neither may show to everybody what was private.
    """
    manifest = ServiceManifest.model_validate(release.manifest)
    before, now = (service.visibility, service.visible_to), (manifest.visibility, list(manifest.visible_to))
    if before == now:
        return None
    service.visibility, service.visible_to = now
    return VisibilityChanged(
        by=by, service_id=service.id, release_id=release.id, before={"visibility": before[0], "visible_to": before[1]},
        after={"visibility": now[0], "visible_to": now[1]},
    )  # fmt: skip
