"""The listings: what other rooms may ask about services, releases and plans."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import cast

from mercato.identity import NamedOrganisation
from mercato.platform import Session
from mercato.publishing.hold_rows import HoldRepository
from mercato.publishing.models import Canary, Deployment, Plan, Release, Service
from mercato.publishing.name_rows import NameRows, ReleaseName
from mercato.publishing.refusals import DocumentNotFound, PlanNotFound, ReleaseNotFound, ServiceNotFound
from mercato.publishing.repository import CatalogueRepository
from mercato_checks.semver import Version
from mercato_contracts.catalog import CatalogModel
from mercato_contracts.dataplane import (
    Operation,
    SnapshotCanary,
    SnapshotDeployment,
    SnapshotPlan,
    SnapshotRelease,
    SnapshotService,
)
from mercato_contracts.manifest import PathsPolicy, Protocol, RateLimit
from mercato_contracts.money import Currency


@dataclass(frozen=True, slots=True)
class Listing:
    """A service as it is shown and found: with its vendor, its releases from the highest version down, and its open
    plans."""

    service: Service
    vendor: NamedOrganisation
    releases: list[Release]
    plans: list[Plan]

    @property
    def latest(self) -> Release:
        """The release that the service is described by."""
        return next(release for release in self.releases if release.version == self.service.latest_version)


@dataclass(frozen=True, slots=True)
class PublishedDocument:
    """An OpenAPI document as it was published; `digest` is its SHA-256 in hexadecimal digits."""

    text: str
    digest: str


@dataclass(frozen=True, slots=True)
class RunningRelease:
    """A deployment and what it runs: `vendor/name`, version and status of the release."""

    deployment: Deployment
    service: Service
    vendor_slug: str
    version: str
    status: str


class Catalogue:
    """The listings. Everyone may read public ones; `viewer` is the slug of the organisation that reads, which sees its
    own private ones and those it was granted too. Whoever knows an id gets what it names.
    """

    def __init__(self, session: Session, viewer: str | None = None) -> None:
        self._session = session
        self._viewer = viewer
        self._rows = CatalogueRepository(session)
        self._names = NameRows(session)
        self._holds = HoldRepository(session)

    async def get_service(self, service_id: str) -> Service:
        """The service, withdrawn or not. Raises `ServiceNotFound`."""
        service = await self._rows.find_service(service_id)
        if service is None:
            raise ServiceNotFound(f"There is no service {service_id}.", service=service_id)
        return service

    async def find_service(self, vendor_slug: str, name: str) -> Service | None:
        """The service called `vendor_slug/name`, withdrawn or not; `None` also where the viewer does not see it."""
        return await self._rows.find_service_by_name(vendor_slug, name, self._viewer)

    async def find_any_service(self, vendor_slug: str, name: str) -> Service | None:
        """The same, whoever may see it: for operators."""
        return await self._rows.find_service_by_name(vendor_slug, name, vendor_slug)

    async def sees(self, service: Service, viewer: str) -> bool:
        """Whether the organisation of this slug sees the service."""
        if service.visibility == "public":
            return True
        found = await self._rows.find_with_vendor(service.id)
        return found is not None and viewer in (found[1].slug, *service.visible_to)

    async def find_services(self, service_ids: Collection[str]) -> list[Service]:
        """These services, withdrawn or not, in the order of their ids; unknown ones are left out."""
        return await self._rows.services(service_ids)

    async def service_names(self, service_ids: Collection[str]) -> dict[str, str]:
        """`vendor/name` of these services by id, withdrawn or not; unknown ones are left out."""
        return await self._names.services(service_ids)

    async def get_plan(self, plan_id: str) -> Plan:
        """The plan, retired or not; its terms never change. Raises `PlanNotFound`."""
        plan = await self._rows.find_plan(plan_id)
        if plan is None:
            raise PlanNotFound(f"There is no plan {plan_id}.", plan=plan_id)
        return plan

    async def open_plans(self, service_id: str) -> list[Plan]:
        """The plans that can be subscribed to now, in the order they were made; none of a withdrawn service."""
        service = await self.get_service(service_id)
        return await self._rows.open_plans([service_id]) if service.status == "listed" else []

    async def plans_of(self, service_ids: Collection[str]) -> dict[str, list[Plan]]:
        """All plans by service, including retired ones, whose subscriptions continue."""
        plans: dict[str, list[Plan]] = {service_id: [] for service_id in service_ids}
        for plan in await self._rows.plans(service_ids):
            plans[plan.service_id].append(plan)
        return plans

    async def find_plans(self, plan_ids: Collection[str]) -> list[Plan]:
        """These plans, retired or not; unknown ones are left out."""
        return await self._rows.plans_by_id(plan_ids)

    async def release_names(self, release_ids: Collection[str]) -> dict[str, ReleaseName]:
        """Version and service of these releases by id; unknown ones are left out."""
        return await self._names.releases(release_ids)

    async def deployment_limits(self, deployment_ids: Collection[str]) -> dict[str, list[RateLimit]]:
        """The limits of these endpoints, of those that have any."""
        found = await self._rows.deployment_limits(deployment_ids)
        return {key: [RateLimit.model_validate(limit) for limit in limits] for key, limits in found.items()}

    async def find_deployment(self, deployment_id: str) -> Deployment | None:
        """The deployment, held or not."""
        return await self._rows.find_deployment(deployment_id)

    async def unseen_deployments(self, deployment_ids: Collection[str]) -> set[str]:
        """Those of these deployments that run services which the viewer does not see."""
        return await self._rows.list_unseen_deployments(deployment_ids, self._viewer)

    async def find_service_of(self, deployment_id: str) -> Service | None:
        """The service that this deployment runs a release of; its `vendor_id` is the owner."""
        return await self._rows.find_service_of(deployment_id)

    async def running_of_vendor(self, vendor_id: str) -> list[RunningRelease]:
        """The vendor's deployments with what they run, in the order they were made."""
        return [RunningRelease(*row) for row in await self._rows.running_of_vendor(vendor_id)]

    async def deployments_of_vendor(self, vendor_id: str) -> list[Deployment]:
        """All of them in the order they were made, including held ones and those of yanked releases."""
        return await self._rows.deployments_of_vendor(vendor_id)

    async def listed_after(self, after: str, limit: int) -> list[tuple[Service, NamedOrganisation]]:
        """Listed services with their vendors, in the order of ids after `after`."""
        return await self._rows.listed_after(after, limit, self._viewer)

    async def public_page(self, after: str, limit: int) -> list[CatalogModel]:
        """The public entries of the listed services after this id, in the order of their ids."""
        found = await self._rows.listed_after(after, limit, None)
        ids = [service.id for service, _ in found]
        plans: dict[str, list[str]] = {}
        for plan in await self._rows.open_plans(ids):
            plans.setdefault(plan.service_id, []).append(plan.name)
        running = await self._rows.running_deployments(ids)
        held = await self._holds.held_of(ids)
        return [
            _catalogue_entry(service, vendor, plans.get(service.id, []), running.get(service.id, []), held)
            for service, vendor in found
        ]

    async def listed_of(self, vendor_id: str) -> list[Service]:
        """The vendor's listed services that the viewer sees, by name."""
        return await self._rows.listed_of(vendor_id, self._viewer)

    async def listed_ids(self) -> list[str]:
        """The ids of all listed services, in order; an index is built from them."""
        return await self._rows.listed_ids()

    async def listing(self, service_id: str) -> Listing | None:
        """All that discovery shows of a listed service, private or not; `None` if it is withdrawn or does not exist."""
        return await self._listing(await self._rows.find_with_vendor(service_id))

    async def get_listing(self, vendor_slug: str, name: str) -> Listing:
        """The listed service `vendor_slug/name`. Raises `ServiceNotFound`, also if it was withdrawn, or is private to
        others."""
        listing = await self._listing(await self._rows.find_named_with_vendor(vendor_slug, name, self._viewer))
        if listing is None:
            raise ServiceNotFound(f"There is no service {vendor_slug}/{name}.")
        return listing

    async def _listing(self, found: tuple[Service, NamedOrganisation] | None) -> Listing | None:
        if found is None or found[0].status != "listed":
            return None
        service, vendor = found
        releases = await self._rows.releases([service.id])
        releases.sort(key=lambda release: Version.parse(release.version), reverse=True)
        return Listing(service, vendor, releases, await self._rows.open_plans([service.id]))

    async def get_document(self, vendor_slug: str, name: str, version: str) -> PublishedDocument:
        """The OpenAPI document of a release. Raises `ServiceNotFound`, `ReleaseNotFound`, `DocumentNotFound`."""
        listing = await self.get_listing(vendor_slug, name)
        release = await self._rows.find_release(listing.service.id, version)
        if release is None:
            raise ReleaseNotFound(f"{vendor_slug}/{name} has no release {version}.", version=version)
        document = await self._rows.find_document(release.id)
        if document is None or release.document_digest is None:
            raise DocumentNotFound(f"{vendor_slug}/{name} {version} was published without an OpenAPI document.")
        return PublishedDocument(document, release.document_digest)

    async def routes(self, service_ids: Collection[str] | None = None) -> list[SnapshotService]:
        """What the gateway must know of these services, or of all; withdrawn ones are left out.

        Yanked releases are included, because the gateway explains why it rejects their versions. Held deployments are
        included with weight 0: a call gets the answer that the service runs nowhere now, and is not sent to an older
        version that nobody asked for. The limits of deployments come from the room that counts them.
        """
        services = await self._rows.listed_with_vendors(service_ids)
        ids = [service.id for service, _ in services]
        releases: dict[str, list[Release]] = {service_id: [] for service_id in ids}
        for release in await self._rows.releases(ids):
            releases[release.service_id].append(release)
        deployments: dict[str, list[Deployment]] = {}
        for deployment in await self._rows.deployments(ids):
            deployments.setdefault(deployment.release_id, []).append(deployment)
        held = await self._holds.held_of(ids)
        plans = await self.plans_of(ids)
        canaries = {canary.service_id: canary for canary in await self._rows.running_canaries(ids)}
        granted = {slug for service, _ in services for slug in service.visible_to}
        members = await self._rows.organisation_ids(granted) if granted else {}
        return [
            _route_service(
                service, vendor, releases[service.id], deployments, plans[service.id], held,
                canaries.get(service.id), members,
            )
            for service, vendor in services
        ]  # fmt: skip


def _catalogue_entry(
    service: Service, vendor: NamedOrganisation, plans: list[str], deployments: list[str], held: Collection[str]
) -> CatalogModel:
    status = "not_deployed"
    if deployments:
        status = "held" if all(deployment in held for deployment in deployments) else "live"
    return CatalogModel.model_validate(
        {
            "id": service.id,
            "name": f"{vendor.slug}/{service.name}",
            "vendor": vendor.slug,
            "vendor_name": vendor.name,
            "vendor_verified": vendor.is_verified,
            "title": service.title,
            "summary": service.summary,
            "protocol": service.protocol,
            "task": service.task,
            "version": service.latest_version,
            "licence": service.licence,
            "tags": service.tags,
            "modalities": service.modalities,
            "plans": plans,
            "status": status,
            "listed_at": service.created_at,
            "updated_at": service.updated_at,
        }
    )


def _route_service(
    service: Service,
    vendor: NamedOrganisation,
    releases: list[Release],
    deployments: dict[str, list[Deployment]],
    plans: list[Plan],
    held: Collection[str],
    canary: Canary | None,
    members: Mapping[str, str],
) -> SnapshotService:
    granted = [members[slug] for slug in service.visible_to if slug in members]
    return SnapshotService(
        id=service.id,
        vendor_id=vendor.id,
        vendor=vendor.slug,
        name=service.name,
        title=service.title,
        created=int(service.created_at.timestamp()),
        protocol=cast(Protocol, service.protocol),
        paths=cast(PathsPolicy, service.paths),
        context_window=service.context_window,
        aliases={} if canary is None else {"canary": canary.version},
        canary=None if canary is None else SnapshotCanary(version=canary.version, percent=canary.percent),
        releases=[_route_release(release, deployments.get(release.id, []), held) for release in releases],
        plans=[route_plan(plan) for plan in plans],
        task=service.task,
        callers=None if service.visibility == "public" else [vendor.id, *granted],
    )


def _route_release(release: Release, deployments: list[Deployment], held: Collection[str]) -> SnapshotRelease:
    return SnapshotRelease.model_validate(
        {
            "id": release.id,
            "version": release.version,
            "status": release.status,
            "operations": [Operation(method=op["method"], path=op["path"]) for op in release.operations],
            "deployments": [_route_deployment(deployment, held) for deployment in deployments],
        }
    )


def _route_deployment(deployment: Deployment, held: Collection[str]) -> SnapshotDeployment:
    return SnapshotDeployment.model_validate(
        {
            "id": deployment.id,
            "url": deployment.url,
            "addresses": deployment.addresses,
            "upstream_model": deployment.upstream_model,
            "weight": 0 if deployment.id in held else deployment.weight,
            "timeout_ms": deployment.timeout_ms,
            "max_connections": deployment.max_connections,
            "on_disconnect": deployment.on_disconnect,
            "health_path": deployment.health_path,
        }
    )


def route_plan(plan: Plan) -> SnapshotPlan:
    """The terms of a plan as the gateway and the ledger read them."""
    return SnapshotPlan.model_validate(
        {
            "id": plan.id,
            "name": plan.name,
            "currency": cast(Currency, plan.currency),
            "monthly_nanos": plan.monthly_nanos,
            "per_call_nanos": plan.per_call_nanos,
            "per_1k_input_nanos": plan.per_1k_input_nanos,
            "per_1k_output_nanos": plan.per_1k_output_nanos,
            "included_unit": plan.included_unit,
            "included": plan.included,
            "overage": plan.overage,
            "fallbacks": plan.fallbacks,
        }
    )
