"""Publishing's questions to the database."""

import hashlib
from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import undefer

from mercato.identity import NamedOrganisation, named_organisations
from mercato.platform import Session
from mercato.publishing.facts import PhaseName
from mercato.publishing.models import (
    Approval,
    ApprovalComment,
    Canary,
    Deployment,
    Evidence,
    Plan,
    Release,
    Service,
    Submission,
    Vote,
)

_QUOTING = tuple(phase.position for phase in (PhaseName.MANIFEST, PhaseName.OPENAPI, PhaseName.COMPATIBILITY))
"""The phases whose evidence quotes what the vendor sent."""
_VENDOR = named_organisations.c
WithVendor = tuple[Service, NamedOrganisation]


def seen_by(viewer: str | None) -> ColumnElement[bool]:
    """Of services joined with their vendors: the public ones, and the private ones that this organisation sees."""
    public = Service.visibility == "public"
    if viewer is None:
        return public
    return or_(public, _VENDOR.slug == viewer, Service.visible_to.contains([viewer]))


def _services_with_vendors() -> Select[Any]:
    """The rows of `WithVendor`."""
    vendor = (_VENDOR.id, _VENDOR.slug, _VENDOR.name, _VENDOR.is_verified)
    return select(Service, *vendor).join(named_organisations, _VENDOR.id == Service.vendor_id)


class CatalogueRepository:
    """Services, releases, deployments, plans and canaries."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def find_service(self, service_id: str) -> Service | None:
        return await self._session.get(Service, service_id)

    async def services(self, service_ids: Collection[str]) -> list[Service]:
        query = select(Service).where(Service.id.in_(service_ids)).order_by(Service.id)
        return list(await self._session.scalars(query))

    async def organisation_ids(self, slugs: Collection[str]) -> dict[str, str]:
        """Ids of the organisations of these slugs; unknown ones are left out."""
        rows = await self._session.execute(select(_VENDOR.slug, _VENDOR.id).where(_VENDOR.slug.in_(slugs)))
        return {row[0]: row[1] for row in rows}

    async def find_service_by_name(self, vendor_slug: str, name: str, viewer: str | None) -> Service | None:
        return await self._session.scalar(
            select(Service)
            .join(named_organisations, _VENDOR.id == Service.vendor_id)
            .where(_VENDOR.slug == vendor_slug, Service.name == name, seen_by(viewer))
        )

    async def list_unseen_deployments(self, deployment_ids: Collection[str], viewer: str | None) -> set[str]:
        """Those of these deployments whose service this organisation does not see."""
        found = await self._session.scalars(
            select(Deployment.id)
            .join(Release, Release.id == Deployment.release_id)
            .join(Service, Service.id == Release.service_id)
            .join(named_organisations, _VENDOR.id == Service.vendor_id)
            .where(Deployment.id.in_(deployment_ids), ~seen_by(viewer))
        )
        return set(found)

    async def find_with_vendor(self, service_id: str) -> WithVendor | None:
        return await self._with_vendor(Service.id == service_id)

    async def find_many_with_vendor(self, service_ids: Collection[str]) -> list[WithVendor]:
        """In no order; unknown ones are left out."""
        return await self._with_vendors(_services_with_vendors().where(Service.id.in_(service_ids)))

    async def find_named_with_vendor(self, vendor_slug: str, name: str, viewer: str | None) -> WithVendor | None:
        return await self._with_vendor(_VENDOR.slug == vendor_slug, Service.name == name, seen_by(viewer))

    async def _with_vendor(self, *wanted: ColumnElement[bool]) -> WithVendor | None:
        found = await self._with_vendors(_services_with_vendors().where(*wanted))
        return found[0] if found else None

    async def _with_vendors(self, query: Select[Any]) -> list[WithVendor]:
        return [(row[0], NamedOrganisation(*row[1:])) for row in await self._session.execute(query)]

    async def listed_ids(self) -> list[str]:
        query = select(Service.id).where(Service.status == "listed").order_by(Service.id)
        return list(await self._session.scalars(query))

    async def service_ids_after(self, after: str, limit: int) -> list[str]:
        """In order; withdrawn ones and everybody's private ones too."""
        return list(
            await self._session.scalars(select(Service.id).where(Service.id > after).order_by(Service.id).limit(limit))
        )

    async def submitted_digests(self, service_ids: Collection[str]) -> dict[str, str]:
        """By id of their releases, the SHA-256 of what was submitted."""
        rows = await self._session.execute(
            select(Release.id, Submission.digest)
            .join(Submission, Submission.id == Release.submission_id)
            .where(Release.service_id.in_(service_ids))
        )
        return {row[0]: row[1] for row in rows}

    async def listed_after(self, after: str, limit: int, viewer: str | None) -> list[WithVendor]:
        """Those that the viewer sees."""
        return await self._listed_after(after, limit, seen_by(viewer))

    async def listed_of(self, vendor_id: str, viewer: str | None) -> list[Service]:
        """The vendor's that the viewer sees, by name."""
        query = select(Service).join(named_organisations, _VENDOR.id == Service.vendor_id)
        query = query.where(Service.vendor_id == vendor_id, Service.status == "listed", seen_by(viewer))
        return list(await self._session.scalars(query.order_by(Service.name)))

    async def all_listed_after(self, after: str, limit: int) -> list[WithVendor]:
        """Private ones of everybody too."""
        return await self._listed_after(after, limit)

    async def _listed_after(self, after: str, limit: int, *which: ColumnElement[bool]) -> list[WithVendor]:
        query = _services_with_vendors().where(Service.status == "listed", Service.id > after, *which)
        return await self._with_vendors(query.order_by(Service.id).limit(limit))

    async def listed_with_vendors(self, service_ids: Collection[str] | None) -> list[WithVendor]:
        query = _services_with_vendors().where(Service.status == "listed").order_by(Service.id)
        return await self._with_vendors(query if service_ids is None else query.where(Service.id.in_(service_ids)))

    async def find_plan(self, plan_id: str) -> Plan | None:
        return await self._session.get(Plan, plan_id)

    async def plans(self, service_ids: Collection[str]) -> list[Plan]:
        return list(await self._session.scalars(select(Plan).where(Plan.service_id.in_(service_ids)).order_by(Plan.id)))

    async def open_plans(self, service_ids: Collection[str]) -> list[Plan]:
        return list(
            await self._session.scalars(
                select(Plan)
                .where(Plan.service_id.in_(service_ids), Plan.retired_at.is_(None))
                .order_by(Plan.service_id, Plan.id)
            )
        )

    async def releases(self, service_ids: Collection[str]) -> list[Release]:
        """In the order they were released."""
        return list(
            await self._session.scalars(select(Release).where(Release.service_id.in_(service_ids)).order_by(Release.id))
        )

    async def past_releases(self, service_id: str) -> list[tuple[str, str, str, str, str, str, str]]:
        """Id, version, status, protocol, task, policy for paths and visibility of each release.

        Without the rest of their manifests, of which there may be many.
        """
        terms = (Release.manifest[name].astext for name in ("protocol", "task", "paths"))
        # Manifests of before there was a choice do not say it.
        visibility = func.coalesce(Release.manifest["visibility"].astext, "public")
        rows = await self._session.execute(
            select(Release.id, Release.version, Release.status, *terms, visibility)
            .where(Release.service_id == service_id)
            .order_by(Release.id)
        )
        return [(row[0], row[1], row[2], row[3], row[4], row[5], row[6]) for row in rows]

    async def deployments(self, service_ids: Collection[str]) -> list[Deployment]:
        return list(
            await self._session.scalars(
                select(Deployment)
                .join(Release, Release.id == Deployment.release_id)
                .where(Release.service_id.in_(service_ids))
                .order_by(Deployment.id)
            )
        )

    async def running_deployments(self, service_ids: Collection[str]) -> dict[str, list[str]]:
        """Ids of the deployments of releases that were not yanked, by service."""
        rows = await self._session.execute(
            select(Release.service_id, Deployment.id)
            .join(Release, Release.id == Deployment.release_id)
            .where(Release.service_id.in_(service_ids), Release.status != "yanked")
        )
        found: dict[str, list[str]] = {}
        for service_id, deployment_id in rows:
            found.setdefault(service_id, []).append(deployment_id)
        return found

    async def plans_by_id(self, ids: Collection[str]) -> list[Plan]:
        return list(await self._session.scalars(select(Plan).where(Plan.id.in_(ids))))

    async def deployment_limits(self, ids: Collection[str]) -> dict[str, list[dict[str, Any]]]:
        """Of those that have any."""
        rows = await self._session.execute(
            select(Deployment.id, Deployment.limits).where(Deployment.id.in_(ids), Deployment.limits != [])
        )
        return {row[0]: row[1] for row in rows}

    async def find_deployment(self, deployment_id: str) -> Deployment | None:
        return await self._session.get(Deployment, deployment_id)

    async def find_service_of(self, deployment_id: str) -> Service | None:
        """The service that this deployment runs a release of."""
        return await self._session.scalar(
            select(Service)
            .join(Release, Release.service_id == Service.id)
            .join(Deployment, Deployment.release_id == Release.id)
            .where(Deployment.id == deployment_id)
        )

    async def running_of_vendor(self, vendor_id: str) -> list[tuple[Deployment, Service, str, str, str]]:
        """Deployment, service, the vendor's slug, version and status of the release."""
        rows = await self._session.execute(
            select(Deployment, Service, _VENDOR.slug, Release.version, Release.status)
            .join(Release, Release.id == Deployment.release_id)
            .join(Service, Service.id == Release.service_id)
            .join(named_organisations, _VENDOR.id == Service.vendor_id)
            .where(Service.vendor_id == vendor_id)
            .order_by(Deployment.id)
        )
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    async def deployments_of_vendor(self, vendor_id: str) -> list[Deployment]:
        return list(
            await self._session.scalars(
                select(Deployment)
                .join(Release, Release.id == Deployment.release_id)
                .join(Service, Service.id == Release.service_id)
                .where(Service.vendor_id == vendor_id)
                .order_by(Deployment.id)
            )
        )

    async def find_release(self, service_id: str, version: str, *, lock: bool = False) -> Release | None:
        query = select(Release).where(Release.service_id == service_id, Release.version == version)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def count_releases(self, vendor_id: str) -> int:
        """How many releases this vendor ever made, of any service."""
        count = await self._session.scalar(
            select(func.count())
            .select_from(Release)
            .join(Service, Service.id == Release.service_id)
            .where(Service.vendor_id == vendor_id)
        )
        return count or 0

    async def find_document(self, release_id: str) -> str | None:
        """The OpenAPI document's text; no other query reads it, because it may have megabytes."""
        return await self._session.scalar(select(Release.document).where(Release.id == release_id))

    async def lock_service(self, vendor_id: str, name: str) -> Service | None:
        """The service, and its name locked until the transaction ends, also where there is no service yet."""
        digest = hashlib.sha256(f"service\0{vendor_id}\0{name}".encode()).digest()
        lock = int.from_bytes(digest[:8], "big", signed=True)
        await self._session.execute(select(func.pg_advisory_xact_lock(lock)))
        return await self._session.scalar(
            select(Service).where(Service.vendor_id == vendor_id, Service.name == name).with_for_update()
        )

    async def find_own_service(self, vendor_id: str, name: str) -> Service | None:
        return await self._session.scalar(select(Service).where(Service.vendor_id == vendor_id, Service.name == name))

    async def find_running_canary(self, service_id: str, *, lock: bool = False) -> Canary | None:
        query = select(Canary).where(Canary.service_id == service_id, Canary.state == "running")
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def running_canaries(self, service_ids: Collection[str] | None = None) -> list[Canary]:
        """Of these services, or of all."""
        query = select(Canary).where(Canary.state == "running").order_by(Canary.id)
        if service_ids is not None:
            query = query.where(Canary.service_id.in_(service_ids))
        return list(await self._session.scalars(query))

    async def list_canaries(self, service_id: str, before: str | None, limit: int) -> list[Canary]:
        """The newest first."""
        query = select(Canary).where(Canary.service_id == service_id).order_by(Canary.id.desc()).limit(limit)
        return list(await self._session.scalars(query if before is None else query.where(Canary.id < before)))

    def add(self, row: Service | Release | Deployment | Plan | Canary) -> None:
        """Write the row with this transaction."""
        self._session.add(row)

    async def flush(self) -> None:
        """Send what was added and changed, in this order."""
        await self._session.flush()


class SubmissionRepository:
    """Submissions, with their evidence, approvals and votes."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add_submission(self, submission: Submission) -> bool:
        """Returns False and writes nothing if the version has a submission that is under way or released."""
        columns = {column.name: getattr(submission, column.name) for column in Submission.__table__.columns}
        written = await self._session.scalar(
            insert(Submission).values(columns).on_conflict_do_nothing().returning(Submission.id)
        )
        return written is not None

    async def find_open(self, vendor_id: str, name: str, version: str) -> Submission | None:
        """The one submission of this version that was not refused."""
        return await self._session.scalar(
            select(Submission).where(
                Submission.vendor_id == vendor_id,
                Submission.service_name == name,
                Submission.version == version,
                Submission.state != "refused",
            )
        )

    async def find(self, submission_id: str, *, lock: bool = False, with_manifest: bool = False) -> Submission | None:
        query = select(Submission).where(Submission.id == submission_id)
        if with_manifest:
            query = query.options(undefer(Submission.manifest))
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def find_content(self, submission_id: str) -> tuple[str, str | None]:
        """The texts of manifest and document of an existing submission."""
        rows = await self._session.execute(
            select(Submission.manifest, Submission.document).where(Submission.id == submission_id)
        )
        manifest, document = rows.one()
        return manifest, document

    async def forget_content(self, submission_id: str) -> None:
        """Delete manifest, document and all quotations of them, because they hold a secret. The digest stays."""
        await self._session.execute(
            update(Evidence)
            .where(Evidence.submission_id == submission_id, Evidence.phase.in_(_QUOTING))
            .values(findings=[], facts={})
        )
        await self._session.execute(
            update(Submission).where(Submission.id == submission_id).values(manifest="", document=None)
        )

    async def find_many(self, submission_ids: Collection[str]) -> dict[str, Submission]:
        rows = await self._session.scalars(select(Submission).where(Submission.id.in_(submission_ids)))
        return {row.id: row for row in rows}

    async def list_own(self, vendor_id: str, before: str | None, limit: int) -> list[Submission]:
        """The newest first."""
        query = select(Submission).where(Submission.vendor_id == vendor_id).order_by(Submission.id.desc()).limit(limit)
        return list(await self._session.scalars(query if before is None else query.where(Submission.id < before)))

    async def evidence(self, submission_ids: Collection[str]) -> dict[str, list[Evidence]]:
        """By submission, in the order of the phases."""
        found: dict[str, list[Evidence]] = {submission_id: [] for submission_id in submission_ids}
        rows = await self._session.scalars(
            select(Evidence).where(Evidence.submission_id.in_(submission_ids)).order_by(Evidence.phase)
        )
        for row in rows:
            found[row.submission_id].append(row)
        return found

    async def put_evidence(self, evidence: Evidence) -> None:
        """Write the phase's evidence, in place of what an earlier run of the phase left."""
        await self._session.merge(evidence)

    async def find_approval(self, submission_id: str, *, lock: bool = False) -> Approval | None:
        query = select(Approval).where(Approval.submission_id == submission_id)
        return await self._session.scalar(query.with_for_update() if lock else query)

    async def votes(self, submission_id: str) -> list[Vote]:
        """In the order they were cast."""
        return list(
            await self._session.scalars(
                select(Vote).where(Vote.submission_id == submission_id).order_by(Vote.at, Vote.person)
            )
        )

    def add(self, row: Approval | ApprovalComment | Vote) -> None:
        """Write the row with this transaction."""
        self._session.add(row)
