"""What governance sees. Each type is made of a row, and asks for what stands beside it only where that is wanted."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from mercato.api.graphql.context import Asked
from mercato.api.graphql.limits import MOST_PAGE
from mercato.api.graphql.refusals import PageSizeRefused
from mercato.identity import Organisation as OrganisationRow
from mercato.publishing import Approval as ApprovalRow
from mercato.publishing import Evidence as EvidenceRow
from mercato.publishing import Release as ReleaseRow
from mercato.publishing import Service as ServiceRow
from mercato.publishing import Submission as SubmissionRow
from mercato.publishing import Vote as VoteRow

Info = strawberry.Info[Asked, None]
First = Annotated[int, strawberry.argument(description="The size of the page, from 1 to 100.")]
After = Annotated[str | None, strawberry.argument(description="The `next` of the page before.")]


def page_size(first: int) -> int:
    """Raises `PageSizeRefused`."""
    if not 1 <= first <= MOST_PAGE:
        raise PageSizeRefused(f"A page has 1 to {MOST_PAGE} rows, not {first}.", most=MOST_PAGE)
    return first


@strawberry.type(name="Organisation", description="An organisation, by its short name.")
class OrganisationNode:
    id: strawberry.ID
    slug: str
    name: str
    verified: bool

    @classmethod
    def of(cls, row: OrganisationRow) -> "OrganisationNode":
        return cls(id=strawberry.ID(row.id), slug=row.slug, name=row.name, verified=row.is_verified)


@strawberry.type(
    name="Evidence", description="What a phase of the pipeline found: codes, where, and how to fix it; and its facts."
)
class EvidenceNode:
    phase: int
    name: str
    outcome: str
    findings: JSON
    facts: JSON
    started_at: datetime
    ended_at: datetime

    @classmethod
    def of(cls, row: EvidenceRow) -> "EvidenceNode":
        return cls(
            phase=row.phase, name=row.name, outcome=row.outcome, findings=JSON(row.findings), facts=JSON(row.facts),
            started_at=row.started_at, ended_at=row.ended_at,
        )  # fmt: skip


@strawberry.type(name="Vote", description="One person's vote.")
class VoteNode:
    person: str
    decision: str
    reason: str
    at: datetime

    @classmethod
    def of(cls, row: VoteRow) -> "VoteNode":
        return cls(person=row.person, decision=row.decision, reason=row.reason, at=row.at)


@strawberry.type(name="Approval", description="Whether a submission may be released: by a rule, or by so many people.")
class ApprovalNode:
    state: str
    rule: str
    required_people: int
    reason: str
    created_at: datetime
    decided_at: datetime | None
    votes: list[VoteNode]

    @classmethod
    def of(cls, row: ApprovalRow, votes: list[VoteRow]) -> "ApprovalNode":
        return cls(
            state=row.state, rule=row.rule, required_people=row.required_people, reason=row.reason,
            created_at=row.created_at, decided_at=row.decided_at, votes=[VoteNode.of(vote) for vote in votes],
        )  # fmt: skip


@strawberry.type(name="Submission", description="A manifest and its OpenAPI document on their way to a release.")
class SubmissionNode:
    id: strawberry.ID
    service_name: str
    version: str
    digest: str
    state: str
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    vendor_id: strawberry.Private[str]

    @classmethod
    def of(cls, row: SubmissionRow) -> "SubmissionNode":
        return cls(
            id=strawberry.ID(row.id), service_name=row.service_name, version=row.version, digest=row.digest,
            state=row.state, created_by=row.created_by, created_at=row.created_at, ended_at=row.ended_at,
            vendor_id=row.vendor_id,
        )  # fmt: skip

    @strawberry.field(description="Who submitted it.")
    async def vendor(self, info: Info) -> OrganisationNode | None:
        return await organisation_of(info, self.vendor_id)

    @strawberry.field(description="What each phase found so far.")
    async def evidence(self, info: Info) -> list[EvidenceNode]:
        return [EvidenceNode.of(row) for row in await info.context.evidence.load(str(self.id)) or []]

    @strawberry.field(description="How it was or will be decided; null before the policy has spoken.")
    async def approval(self, info: Info) -> ApprovalNode | None:
        found = await info.context.approvals.load(str(self.id))
        return None if found is None else ApprovalNode.of(*found)


@strawberry.type(name="Release", description="One immutable version of a service.")
class ReleaseNode:
    id: strawberry.ID
    version: str
    status: str
    status_reason: str | None
    released_at: datetime
    document_digest: str | None
    submission_id: strawberry.Private[str]
    vendor_id: strawberry.Private[str]

    @classmethod
    def of(cls, row: ReleaseRow, vendor_id: str) -> "ReleaseNode":
        return cls(
            id=strawberry.ID(row.id), version=row.version, status=row.status, status_reason=row.status_reason,
            released_at=row.released_at, document_digest=row.document_digest, submission_id=row.submission_id,
            vendor_id=vendor_id,
        )  # fmt: skip

    @strawberry.field(description="How it came about. Its vendor and operators may see that.")
    async def submission(self, info: Info) -> SubmissionNode | None:
        info.context.oversight.require_sight(info.context.caller, self.vendor_id)
        row = await info.context.submissions.load(self.submission_id)
        return None if row is None else SubmissionNode.of(row)


@strawberry.type(name="Service", description="What a vendor lists.")
class ServiceNode:
    id: strawberry.ID
    name: str
    title: str
    summary: str
    protocol: str
    task: str
    licence: str
    regions: list[str]
    status: str
    latest_version: str
    created_at: datetime
    updated_at: datetime
    vendor_id: strawberry.Private[str]

    @classmethod
    def of(cls, row: ServiceRow) -> "ServiceNode":
        return cls(
            id=strawberry.ID(row.id), name=row.name, title=row.title, summary=row.summary, protocol=row.protocol,
            task=row.task, licence=row.licence, regions=list(row.regions), status=row.status,
            latest_version=row.latest_version, created_at=row.created_at, updated_at=row.updated_at,
            vendor_id=row.vendor_id,
        )  # fmt: skip

    @strawberry.field(description="Whose it is.")
    async def vendor(self, info: Info) -> OrganisationNode | None:
        return await organisation_of(info, self.vendor_id)

    @strawberry.field(description="Its releases, the newest first.")
    async def releases(self, info: Info, first: First) -> list[ReleaseNode]:
        rows = await info.context.releases.load(str(self.id)) or []
        return [ReleaseNode.of(row, self.vendor_id) for row in rows[::-1][: page_size(first)]]


@strawberry.type(description="A page of services by id.")
class ServicePage:
    items: list[ServiceNode]
    next: str | None


@strawberry.type(description="A page of submissions.")
class SubmissionPage:
    items: list[SubmissionNode]
    next: str | None


@strawberry.type(description="How the described release of a service stands up to the rules.")
class Compliance:
    service: ServiceNode
    version: str
    phases_passed: int
    phases_warned: int
    findings: int
    decided_by_rule: str | None
    approved_by: list[str]
    released_at: datetime | None
    deprecated: int
    yanked: int


@strawberry.type(description="A page of the compliance report, by the services' ids.")
class CompliancePage:
    items: list[Compliance]
    next: str | None


@strawberry.type(description="One series: what its calls share, and a figure for each step by metric.")
class MetricLine:
    keys: list[str]
    names: list[str]
    currency: str
    values: JSON
    total: JSON


@strawberry.type(description="Usage over time, as `GET /api/usage/series` has it.")
class Metrics:
    steps: list[datetime]
    series: list[MetricLine]
    totals: list[MetricLine]
    groups: int


@strawberry.type(description="Something that happened: `topic` says what, as in `docs/reference/events.md`.")
class Change:
    topic: str
    at: datetime
    by: str
    name: str
    service_id: strawberry.ID | None
    submission_id: strawberry.ID | None


async def organisation_of(info: Info, organisation_id: str) -> OrganisationNode | None:
    """By a loader: one question for all of a request."""
    row = await info.context.organisations.load(organisation_id)
    return None if row is None else OrganisationNode.of(row)


def json_of(value: Any) -> JSON:
    """Numbers of any size."""
    return JSON(value)
