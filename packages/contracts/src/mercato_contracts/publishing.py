"""What publishing receives and answers under `/api`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from mercato_contracts.manifest import CanaryTerms, PathsPolicy, PlanLimit, Protocol, Task, Version
from mercato_contracts.money import Currency
from mercato_contracts.wire import Count, Nanos, Wire

SubmissionState = Literal["received", "checking", "waiting", "released", "refused"]
Outcome = Literal["passed", "warned", "failed", "waiting"]
ApprovalState = Literal["pending", "approved", "rejected"]
Decision = Literal["approve", "reject"]
ReleaseStatus = Literal["live", "deprecated", "yanked"]
Reason = Annotated[str, StringConstraints(min_length=3, max_length=2_000, strip_whitespace=True, pattern=r"^[^\x00]*$")]


class SubmitRequest(Wire):
    """The text of `service.yaml`, and of the OpenAPI document where the manifest names one."""

    manifest: str
    openapi: str | None = None


class FindingView(Wire):
    """One thing a check found. `where` is a field of the manifest or a JSON pointer into the OpenAPI document."""

    code: str
    level: Literal["error", "warning", "info"]
    where: str
    message: str
    fix: str


class EvidenceView(Wire):
    """What a phase left behind."""

    phase: Annotated[int, Field(ge=1, le=10)]
    name: str
    outcome: Outcome
    findings: list[FindingView]
    facts: dict[str, Any]
    started_at: datetime
    ended_at: datetime


class VoteView(Wire):
    """What one person said."""

    person: str
    decision: Decision
    reason: str
    at: datetime


class ApprovalView(Wire):
    """Who decides: a `rule`, or `required_people` persons."""

    state: ApprovalState
    rule: str
    required_people: int
    reason: str
    votes: list[VoteView]
    created_at: datetime
    decided_at: datetime | None


class SubmissionSummary(Wire):
    """A submission without its evidence. `service` is what `vendor` calls it."""

    id: str
    vendor: str = ""
    service: str
    version: str
    digest: str
    state: SubmissionState
    created_by: str
    created_at: datetime
    ended_at: datetime | None


class SubmissionView(SubmissionSummary):
    """A submission and what each phase found."""

    phases: list[EvidenceView]
    approval: ApprovalView | None


class SubmissionPage(Wire):
    """Some submissions, the newest first; `next` is the `after` of the next page."""

    items: list[SubmissionSummary]
    next: str | None


class WaitingView(Wire):
    """A submission that waits for people: what was found, in short."""

    submission: SubmissionSummary
    vendor_id: str
    approval: ApprovalView
    phases: list[EvidenceView]


class WaitingPage(Wire):
    """What waits, the oldest first; `next` is the `after` of the next page."""

    items: list[WaitingView]
    next: str | None


class DecisionRequest(Wire):
    """One person's word and why."""

    decision: Decision
    reason: Reason


class StatusRequest(Wire):
    """Why a release is deprecated or yanked; consumers read it."""

    reason: Reason


class OperationView(Wire):
    """A published operation."""

    method: str
    path: str
    operation_id: str
    summary: str
    deprecated: bool


class ReleaseView(Wire):
    """One immutable version."""

    id: str
    version: str
    status: ReleaseStatus
    status_reason: str
    released_at: datetime
    document_digest: str | None
    operations: list[OperationView]


class ReleaseChange(Wire):
    """One change between two releases; `where` points into a document or names a field of the manifest.

    `breaking`: a caller written for the earlier release may fail. `unclear`: nobody can tell, so it counts as breaking.
    `addition`: something new that callers may use. `other`: nothing a caller must follow.
    """

    weight: Literal["breaking", "unclear", "addition", "other"]
    rule: str
    where: str
    message: str


class ReleaseDiffView(Wire):
    """What changed from the lower of two versions to the higher one, what breaks callers first.

    `bump` is the least step of SemVer that may carry the changes, and `least` the lowest version that makes it.
    `keeps_semver` is whether the later version is that high. A comparison that is not `complete` counts as breaking.
    """

    service: str
    earlier: str
    later: str
    breaking: bool
    complete: bool
    bump: Literal["major", "minor", "patch"]
    least: str
    keeps_semver: bool
    changes: list[ReleaseChange]


class PlanView(Wire):
    """A way to buy the service. Its terms never change; amounts in whole nano-units."""

    id: str
    name: str
    title: str
    currency: Currency
    monthly_nanos: Nanos
    per_call_nanos: Nanos
    per_1k_input_nanos: Nanos
    per_1k_output_nanos: Nanos
    included_unit: Literal["requests", "tokens"] | None
    included: Count
    overage: bool
    limits: list[PlanLimit]
    fallbacks: list[str] = []


class ServiceView(Wire):
    """A listed service with its releases, newest first, and the plans that are open."""

    id: str
    vendor_id: str
    vendor: str
    vendor_name: str
    vendor_verified: bool
    name: str
    title: str
    summary: str
    description: str
    protocol: Protocol
    task: Task
    paths: PathsPolicy
    licence: str
    tags: list[str]
    modalities: list[str]
    regions: list[str]
    context_window: int | None
    latest_version: str
    created_at: datetime
    updated_at: datetime
    releases: list[ReleaseView]
    plans: list[PlanView]


CanaryState = Literal["running", "promoted", "rolled_back", "aborted", "superseded"]


class CanaryRequest(CanaryTerms):
    """Try `version`, the highest of the service, on a share of the calls."""

    version: Version


class CanaryEndRequest(Wire):
    """Why a person decides before the rule does."""

    reason: Reason


class CanaryFigures(Wire):
    """What was metered of one release since the canary started; `p95_us` is the time to the first byte."""

    version: str
    calls: int
    failed: int
    p95_us: int | None


class CanaryView(CanaryTerms):
    """A canary: while it runs with the figures so far, afterwards with those that ended it and the reason."""

    id: str
    version: str
    state: CanaryState
    reason: str
    canary: CanaryFigures | None
    stable: CanaryFigures | None
    started_by: str
    started_at: datetime
    ended_by: str
    ended_at: datetime | None


class CanaryPage(Wire):
    """Some canaries of a service, the newest first; `next` is the `after` of the next page."""

    items: list[CanaryView]
    next: str | None
