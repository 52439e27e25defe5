"""Services, releases, deployments and plans; submissions, evidence and approvals."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from mercato.platform import Base


class Service(Base):
    """A vendor's listing, described by its newest release; `name` is unique within the vendor."""

    __tablename__ = "services"
    __table_args__ = (
        CheckConstraint("status in ('listed', 'withdrawn')", name="status"),
        CheckConstraint("visibility in ('public', 'private')", name="visibility"),
        Index("uq_services_vendor_id_name", "vendor_id", "name", unique=True),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    vendor_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    title: Mapped[str]
    summary: Mapped[str]
    description: Mapped[str]
    protocol: Mapped[str]
    task: Mapped[str]
    paths: Mapped[str]
    licence: Mapped[str]
    tags: Mapped[list[str]]
    modalities: Mapped[list[str]]
    regions: Mapped[list[str]]
    context_window: Mapped[int | None]
    availability_bp: Mapped[int | None]
    p95_latency_ms: Mapped[int | None]
    """The vendor's promises: successful calls in ten thousand; the latency that 95 of 100 responses stay within."""
    status: Mapped[str]
    latest_version: Mapped[str]
    """The version that describes the service: the highest live one, or else the highest of all."""
    visibility: Mapped[str] = mapped_column(server_default="public")
    visible_to: Mapped[list[str]] = mapped_column(server_default="[]")
    """Slugs of the organisations that see a private service besides its vendor. Both are what the release said that
    last became the listing (`release.follow_visibility`)."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Release(Base):
    """One version of a service. Only its status may change; a trigger of the database refuses the rest."""

    __tablename__ = "releases"
    __table_args__ = (
        CheckConstraint("status in ('live', 'deprecated', 'yanked')", name="status"),
        Index("uq_releases_service_id_version", "service_id", "version", unique=True),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), unique=True)
    version: Mapped[str]
    manifest: Mapped[dict[str, Any]]
    document: Mapped[str | None] = mapped_column(deferred=True, deferred_raiseload=True)
    """Read with `find_document` only: it may have megabytes."""
    document_digest: Mapped[str | None]
    operations: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """`{"method", "path", "operation_id", "summary"}` of each published operation."""
    released_at: Mapped[datetime]
    status: Mapped[str]
    status_reason: Mapped[str]
    status_at: Mapped[datetime]


class Deployment(Base):
    """A running endpoint of a release. `addresses` are those that were checked when it was published."""

    __tablename__ = "deployments"
    __table_args__ = (CheckConstraint("on_disconnect in ('drain', 'abort')", name="on_disconnect"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    release_id: Mapped[str] = mapped_column(ForeignKey("releases.id"), index=True)
    url: Mapped[str]
    addresses: Mapped[list[str]]
    upstream_model: Mapped[str | None]
    weight: Mapped[int]
    timeout_ms: Mapped[int]
    max_connections: Mapped[int]
    on_disconnect: Mapped[str]
    health_path: Mapped[str | None]
    limits: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")
    """`RateLimit`s of the manifest: limits of the endpoint over all callers."""
    credential: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    """`EndpointCredential` of the manifest: which header carries which of the vendor's credentials."""
    created_at: Mapped[datetime]


class VendorCredential(Base):
    """A secret of a vendor's own endpoints, sealed for this organisation and name (`sealing.py`)."""

    __tablename__ = "vendor_credentials"

    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    fingerprint: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    changed_by: Mapped[str]
    changed_at: Mapped[datetime]


class DeploymentHold(Base):
    """One holder's hold, which keeps a deployment out of routing; there may be several, each with its reason."""

    __tablename__ = "deployment_holds"

    deployment_id: Mapped[str] = mapped_column(ForeignKey("deployments.id"), primary_key=True)
    holder: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    held_at: Mapped[datetime]


class Canary(Base):
    """A new release that takes a share of its service's calls until it is judged; a service runs at most one.

    `figures` are the counts that ended it: calls, failed calls and p95 of both releases.
    """

    __tablename__ = "canaries"
    __table_args__ = (
        CheckConstraint("state in ('running', 'promoted', 'rolled_back', 'aborted', 'superseded')", name="state"),
        CheckConstraint("percent between 1 and 99", name="percent"),
        CheckConstraint("(state = 'running') = (ended_at is null)", name="ended"),
        Index("ix_canaries_service_id", "service_id", "id"),
        Index("uq_canaries_running", "service_id", unique=True, postgresql_where=text("state = 'running'")),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    release_id: Mapped[str] = mapped_column(ForeignKey("releases.id"))
    version: Mapped[str]
    percent: Mapped[int]
    min_calls: Mapped[int]
    min_minutes: Mapped[int]
    max_error_points: Mapped[int]
    """How far the canary's error rate may exceed the stable release's, in hundredths of a percentage point."""
    max_p95_percent: Mapped[int]
    """The limit of the canary's p95, in percent of the stable release's."""
    state: Mapped[str]
    reason: Mapped[str]
    figures: Mapped[dict[str, Any]]
    started_by: Mapped[str]
    started_at: Mapped[datetime]
    ended_by: Mapped[str]
    """`rule`, or the person or key."""
    ended_at: Mapped[datetime | None]


class Plan(Base):
    """Terms of a sale; they never change. New terms are a new row, and the old one is retired: no new subscriptions.

    `limits` are `PlanLimit`s of the manifest: `{"unit", "per", "amount", "burst", "across"}`.
    """

    __tablename__ = "plans"
    __table_args__ = (
        Index("ix_plans_service_id", "service_id"),
        Index(
            "uq_plans_service_id_name_open",
            "service_id",
            "name",
            unique=True,
            postgresql_where=text("retired_at is null"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    service_id: Mapped[str] = mapped_column(ForeignKey("services.id"))
    name: Mapped[str]
    title: Mapped[str]
    currency: Mapped[str]
    monthly_nanos: Mapped[int]
    per_call_nanos: Mapped[int]
    per_1k_input_nanos: Mapped[int]
    per_1k_output_nanos: Mapped[int]
    included_unit: Mapped[str | None]
    included: Mapped[int]
    overage: Mapped[bool]
    limits: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    fallbacks: Mapped[list[str]] = mapped_column(JSONB, server_default="[]")
    created_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]


class Submission(Base):
    """A vendor's request to release a version. At most one for a version is under way or released."""

    __tablename__ = "submissions"
    __table_args__ = (
        CheckConstraint("state in ('received', 'checking', 'waiting', 'released', 'refused')", name="state"),
        Index("ix_submissions_vendor_id", "vendor_id", "id"),
        Index(
            "uq_submissions_version_open",
            "vendor_id",
            "service_name",
            "version",
            unique=True,
            postgresql_where=text("state <> 'refused'"),
        ),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    vendor_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    service_name: Mapped[str]
    version: Mapped[str]
    manifest: Mapped[str] = mapped_column(deferred=True, deferred_raiseload=True)
    document: Mapped[str | None] = mapped_column(deferred=True, deferred_raiseload=True)
    """Read both texts with `find_content` only: they may have megabytes. Empty once a secret was found."""
    digest: Mapped[str]
    """SHA-256 over manifest and document."""
    state: Mapped[str]
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Evidence(Base):
    """What a phase found. A phase that runs twice writes the same row."""

    __tablename__ = "evidence"
    __table_args__ = (
        CheckConstraint("phase between 1 and 10", name="phase"),
        CheckConstraint("outcome in ('passed', 'warned', 'failed', 'waiting')", name="outcome"),
    )

    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    phase: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    outcome: Mapped[str]
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    facts: Mapped[dict[str, Any]]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]


class PhaseAttempts(Base):
    """How often an unfinished phase was started; removed once the phase finishes."""

    __tablename__ = "phase_attempts"

    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    phase: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    begun: Mapped[int]


class Approval(Base):
    """Whether a submission may be released: decided by a `rule`, or by `required_people` people."""

    __tablename__ = "approvals"
    __table_args__ = (
        CheckConstraint("state in ('pending', 'approved', 'rejected')", name="state"),
        CheckConstraint("(claimed_by is null) = (claimed_at is null)", name="claim"),
        Index("ix_approvals_pending", "submission_id", postgresql_where=text("state = 'pending'")),
    )

    submission_id: Mapped[str] = mapped_column(ForeignKey("submissions.id"), primary_key=True)
    state: Mapped[str]
    required_people: Mapped[int]
    """0 if a rule decides."""
    rule: Mapped[str]
    reason: Mapped[str]
    digest: Mapped[str]
    """SHA-256 of the content that is decided about: no other content is released by it."""
    created_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    claimed_by: Mapped[str | None]
    """Who looks at it, until that person decides or lets go."""
    claimed_at: Mapped[datetime | None]


class Vote(Base):
    """One person's vote on a submission; each person votes once."""

    __tablename__ = "approval_votes"
    __table_args__ = (CheckConstraint("decision in ('approve', 'reject')", name="decision"),)

    submission_id: Mapped[str] = mapped_column(ForeignKey("approvals.submission_id"), primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    decision: Mapped[str]
    reason: Mapped[str]
    at: Mapped[datetime]


class ApprovalComment(Base):
    """A remark of one person of the operator for the others; vendors do not see it."""

    __tablename__ = "approval_comments"
    __table_args__ = (Index("ix_approval_comments_submission_id_id", "submission_id", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("approvals.submission_id"))
    person: Mapped[str]
    words: Mapped[str]
    at: Mapped[datetime]
