"""What publishing receives and answers under `/api`."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from mercato_contracts.fields import CreatedAt, NextPage, PlanId, ReleaseId, ServiceId, VendorId, VendorSlug
from mercato_contracts.manifest import CanaryTerms, PathsPolicy, PlanLimit, Protocol, Task, Version, Visibility
from mercato_contracts.money import Currency
from mercato_contracts.wire import Count, Nanos, Wire

SubmissionState = Literal["received", "checking", "waiting", "released", "refused"]
Outcome = Literal["passed", "warned", "failed", "waiting"]
ApprovalState = Literal["pending", "approved", "rejected"]
Decision = Literal["approve", "reject"]
ReleaseStatus = Literal["live", "deprecated", "yanked"]
Reason = Annotated[
    str,
    StringConstraints(min_length=3, max_length=2_000, strip_whitespace=True, pattern=r"^[^\x00]*$"),
    Field(description="Why, 3 to 2,000 characters"),
]


class SubmitRequest(Wire):
    """The text of `service.yaml`, and of the OpenAPI document where the manifest names one."""

    manifest: str = Field(description="The text of `service.yaml`")
    openapi: str | None = Field(
        default=None, description="The text of the OpenAPI document; left out where the manifest names none"
    )


class FindingView(Wire):
    """One thing a check found. `where` is a field of the manifest or a JSON pointer into the OpenAPI document."""

    code: str = Field(description="The stable code of the finding")
    level: Literal["error", "warning", "info"] = Field(description="Only an `error` refuses a release")
    where: str = Field(description="A field of the manifest, or a JSON pointer into the OpenAPI document")
    message: str = Field(description="What was found, in one sentence")
    fix: str = Field(description="What to do about it")


class EvidenceView(Wire):
    """What a phase left behind."""

    phase: Annotated[int, Field(ge=1, le=10)] = Field(description="The phase's number, 1 to 10")
    name: str = Field(description="The phase's name")
    outcome: Outcome = Field(description="How the phase ended")
    findings: list[FindingView] = Field(description="What it found")
    facts: dict[str, Any] = Field(description="What it learned, by name")
    started_at: datetime = Field(description="When the phase began, UTC")
    ended_at: datetime = Field(description="When the phase ended, UTC")


class VoteView(Wire):
    """One person's decision."""

    person: str = Field(description="The id of the person")
    decision: Decision = Field(description="What the person decided")
    reason: str = Field(description="Why")
    at: datetime = Field(description="When, UTC")


class ApprovalView(Wire):
    """Who decides: a `rule`, or `required_people` persons."""

    state: ApprovalState = Field(description="Whether it is decided")
    rule: str = Field(description="The rule of the policy that applies")
    required_people: int = Field(description="How many people have to approve; 0 where the rule decides")
    reason: str = Field(description="Why the rule applies")
    votes: list[VoteView] = Field(description="What people decided so far")
    created_at: CreatedAt
    decided_at: datetime | None = Field(description="When it was decided, UTC; null while it is pending")


class SubmissionSummary(Wire):
    """A submission without its evidence. `service` is what `vendor` calls it."""

    id: str = Field(description="The submission's id, `sbm_…`")
    vendor: VendorSlug = ""
    service: str = Field(description="The service's name within its vendor")
    version: str = Field(description="The version that was submitted")
    digest: str = Field(description="SHA-256 of everything that was submitted")
    state: SubmissionState = Field(description="Where the submission stands")
    created_by: str = Field(description="The id of the person or key that submitted it")
    created_at: CreatedAt
    ended_at: datetime | None = Field(description="When it was released or refused, UTC; null while it is neither")


class SubmissionView(SubmissionSummary):
    """A submission and what each phase found."""

    phases: list[EvidenceView] = Field(description="The evidence of each phase so far")
    approval: ApprovalView | None = Field(description="Who decides; null before the policy phase")


class SubmissionPage(Wire):
    """Some submissions, the newest first; `next` is the `after` of the next page."""

    items: list[SubmissionSummary] = Field(description="The submissions of this page, newest first")
    next: NextPage


class ClaimView(Wire):
    """Who looks at a submission."""

    person: str = Field(description="The id of the person")
    name: str = Field(description="The person's name")
    at: datetime = Field(description="Since when, UTC")


class ApprovalCommentView(Wire):
    """A comment of one person of the operator for the others."""

    id: str = Field(description="The comment's id, `apc_…`")
    person: str = Field(description="The id of the person")
    name: str = Field(description="The person's name")
    text: str = Field(description="The comment")
    at: datetime = Field(description="When, UTC")


class WaitingView(Wire):
    """A submission that waits for people, or was decided by them: what was found, in short."""

    submission: SubmissionSummary = Field(description="The submission")
    vendor_id: VendorId
    approval: ApprovalView = Field(description="Who decides")
    phases: list[EvidenceView] = Field(description="The evidence of each phase so far")
    waiting_seconds: Count = Field(description="How long it waits, or waited until it was decided, in seconds")
    due_at: datetime = Field(description="By when the operator means to decide, UTC")
    claim: ClaimView | None = Field(default=None, description="Who looks at it; null where nobody does")


class ApprovalDetail(WaitingView):
    """The same with the comments of the operator's people."""

    comments: list[ApprovalCommentView] = Field(description="The newest 200, oldest first")
    people: dict[str, str] = Field(description="The name of each person who is named here, by id")


class ClaimRequest(Wire):
    """Whether to take it from whoever holds it."""

    take_over: bool = Field(default=False, description="Claim it although another person has claimed it")


class ApprovalCommentRequest(Wire):
    """A remark for the other people of the operator; vendors do not see it."""

    text: Annotated[
        str, StringConstraints(min_length=1, max_length=2_000, strip_whitespace=True, pattern=r"^[^\x00]*$")
    ] = Field(description="What to say, 1 to 2,000 characters")


class WaitingPage(Wire):
    """What waits, the oldest first, or what was decided, the newest first; `next` is the `after` of the next page."""

    items: list[WaitingView] = Field(description="The submissions of this page")
    next: NextPage


class DecisionRequest(Wire):
    """One person's word and why."""

    decision: Decision = Field(description="`approve` or `reject`")
    reason: Reason
    digest: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="The submission's digest as you read it; refused where it is another one by now",
    )


class StatusRequest(Wire):
    """Why a release is deprecated or yanked; consumers read it."""

    reason: Reason


class OperationView(Wire):
    """A published operation."""

    method: str = Field(description="The HTTP method, in upper case")
    path: str = Field(description="The path template")
    operation_id: str = Field(description="The operation's name in the document; empty: none")
    summary: str = Field(description="What it does, in a few words")
    deprecated: bool = Field(description="Whether its document discourages it")


class ReleaseView(Wire):
    """One immutable version."""

    id: ReleaseId
    version: str = Field(description="The SemVer version")
    status: ReleaseStatus = Field(description="Whether it is offered, discouraged, or taken back")
    status_reason: str = Field(description="Why it is deprecated or yanked; empty while it is live")
    released_at: datetime = Field(description="When it was released, UTC")
    document_digest: str | None = Field(description="SHA-256 of its OpenAPI document; null without one")
    operations: list[OperationView] = Field(description="The operations that its document publishes")


class ReleaseChange(Wire):
    """One change between two releases; `where` points into a document or names a field of the manifest.

    `breaking`: a caller written for the earlier release may fail. `unclear`: nobody can tell, so it counts as breaking.
    `addition`: something new that callers may use. `other`: nothing a caller must follow.
    """

    weight: Literal["breaking", "unclear", "addition", "other"] = Field(description="What the change means for callers")
    rule: str = Field(description="The stable name of the kind of change, such as `request.property.required`")
    where: str = Field(description="A JSON pointer into a document, or a field of the manifest")
    message: str = Field(description="What changed, in one sentence")


class ReleaseDiffView(Wire):
    """What changed from the lower of two versions to the higher one, what breaks callers first.

    `bump` is the least step of SemVer that may carry the changes, and `least` the lowest version that makes it.
    `keeps_semver` is whether the later version is that high. A comparison that is not `complete` counts as breaking.
    """

    service: str = Field(description="The service, `vendor/name`")
    earlier: str = Field(description="The lower version")
    later: str = Field(description="The higher version")
    breaking: bool = Field(description="Whether callers of the lower version may break")
    complete: bool = Field(description="Whether everything was compared")
    bump: Literal["major", "minor", "patch"] = Field(description="The least step of SemVer that may carry the changes")
    least: str = Field(description="The lowest version that makes that step")
    keeps_semver: bool = Field(description="Whether the later version is at least that high")
    changes: list[ReleaseChange] = Field(description="What changed, breaking changes first")


class PlanView(Wire):
    """A way to buy the service. Its terms never change; amounts in whole nano-units."""

    id: PlanId
    name: str = Field(description="The name that subscriptions use")
    title: str = Field(description="The title, in a few words")
    currency: Currency = Field(description="The currency of its prices")
    monthly_nanos: Nanos = Field(description="The monthly fee, in nano-units")
    per_call_nanos: Nanos = Field(description="The price of a call, in nano-units")
    per_1k_input_nanos: Nanos = Field(description="The price of 1,000 input tokens, in nano-units")
    per_1k_output_nanos: Nanos = Field(description="The price of 1,000 output tokens, in nano-units")
    included_unit: Literal["requests", "tokens"] | None = Field(
        description="What the plan includes each month; null where it includes nothing"
    )
    included: Count = Field(description="How many of that unit a month")
    overage: bool = Field(description="Whether calls beyond the included units are priced, not refused")
    limits: list[PlanLimit] = Field(description="The plan's limits")
    fallbacks: list[str] = Field(default=[], description="Services that take a call that this one cannot, in order")


class ServiceView(Wire):
    """A listed service with its releases, newest first, and the plans that are open."""

    id: ServiceId
    vendor_id: VendorId
    vendor: VendorSlug
    vendor_name: str = Field(description="The vendor's full name")
    vendor_verified: bool = Field(description="Whether the operator vouches for the vendor")
    name: str = Field(description="The service's name within its vendor")
    title: str = Field(description="The title, in a few words")
    summary: str = Field(description="What the service does, in one sentence")
    description: str = Field(description="All about it, Markdown")
    protocol: Protocol = Field(description="The protocol that it speaks")
    task: Task = Field(description="What it is for")
    paths: PathsPolicy = Field(description="Which paths calls may use")
    licence: str = Field(description="An SPDX expression, or `proprietary`")
    tags: list[str] = Field(description="Words to find it by")
    modalities: list[str] = Field(description="What it reads and writes, such as `text` or `tabular`")
    regions: list[str] = Field(description="Where it runs")
    context_window: int | None = Field(description="The most tokens of one call; null where it has no such limit")
    latest_version: str = Field(description="The version that calls without a range get")
    visibility: Visibility = Field(
        default="public", description="`private`: only its vendor and organisations that it names find and call it"
    )
    created_at: CreatedAt
    updated_at: datetime = Field(description="When its listing last changed, UTC")
    releases: list[ReleaseView] = Field(description="Its releases, newest first")
    plans: list[PlanView] = Field(description="The open plans")


CanaryState = Literal["running", "promoted", "rolled_back", "aborted", "superseded"]


class CanaryRequest(CanaryTerms):
    """Try `version`, the highest of the service, on a share of the calls."""

    version: Version = Field(description="The version to try; the highest of the service")


class CanaryEndRequest(Wire):
    """Why a person decides before the rule does."""

    reason: Reason


class CanaryFigures(Wire):
    """What was metered of one release since the canary started; `p95_us` is the time to the first byte."""

    version: str = Field(description="The version that was measured")
    calls: int = Field(description="Calls since the canary started")
    failed: int = Field(description="Failed calls among them")
    p95_us: int | None = Field(
        description="The time to the first byte that 95 of 100 calls stay within, in microseconds; null without one"
    )


class CanaryView(CanaryTerms):
    """A canary: while it runs with the figures so far, afterwards with those that ended it and the reason."""

    id: str = Field(description="The canary's id, `cny_…`")
    version: str = Field(description="The version on trial")
    state: CanaryState = Field(description="How it stands")
    reason: str = Field(description="Why it ended; empty while it runs")
    canary: CanaryFigures | None = Field(description="Figures of the version on trial; null before the first call")
    stable: CanaryFigures | None = Field(description="Figures of the other releases; null before the first call")
    started_by: str = Field(description="The id of who started it")
    started_at: datetime = Field(description="When it started, UTC")
    ended_by: str = Field(description="The id of the person or process that ended it; empty while it runs")
    ended_at: datetime | None = Field(description="When it ended, UTC; null while it runs")


class CanaryPage(Wire):
    """Some canaries of a service, the newest first; `next` is the `after` of the next page."""

    items: list[CanaryView] = Field(description="The canaries of this page, newest first")
    next: NextPage
