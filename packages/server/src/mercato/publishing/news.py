"""The news of publishing."""

from dataclasses import dataclass
from typing import Any, Literal

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class SubmissionReceived(News):
    """A vendor submitted a manifest; the pipeline starts."""

    topic = "submission.received"

    submission_id: str
    """The submission."""


@dataclass(frozen=True, kw_only=True)
class ApprovalDecided(News):
    """People approved or rejected a submission; the pipeline continues."""

    topic = "approval.decided"

    submission_id: str
    """The submission."""


@dataclass(frozen=True, kw_only=True)
class SubmissionResumed(News):
    """A vendor was reinstated whose approved submission waited for it; the pipeline continues."""

    topic = "submission.resumed"

    submission_id: str
    """The submission."""


@dataclass(frozen=True, kw_only=True)
class ApprovalClaimed(News):
    """Somebody looks at a submission, or no longer does."""

    topic = "approval.claimed"

    submission_id: str
    """The submission."""
    claimed: bool
    """False where it was let go."""
    taken_from: str = ""
    """The id of whoever held it before, where it was taken over."""


@dataclass(frozen=True, kw_only=True)
class ApprovalCommented(News):
    """Somebody of the operator commented on a submission."""

    topic = "approval.commented"

    submission_id: str
    """The submission."""
    comment_id: str
    """The comment."""


@dataclass(frozen=True, kw_only=True)
class ServiceReleased(News):
    """A service has a new release."""

    topic = "service.released"

    service_id: str
    """The service."""
    release_id: str
    """The new release."""


@dataclass(frozen=True, kw_only=True)
class ServiceChanged(News):
    """A release was deprecated or yanked, or a canary began or ended."""

    topic = "service.changed"

    service_id: str
    """The service."""
    release_id: str = ""
    """The release whose status changed; empty where none did, and in news from before this field."""
    status: str = ""
    """That release's new status: `deprecated` or `yanked`."""


@dataclass(frozen=True, kw_only=True)
class VisibilityChanged(News):
    """Other organisations than before see a service: its new listing says so."""

    topic = "service.visibility_changed"

    service_id: str
    """The service."""
    release_id: str
    """The release that says so."""
    before: dict[str, Any]
    """`visibility` and `visible_to` until then."""
    after: dict[str, Any]
    """The same from now on."""


@dataclass(frozen=True, kw_only=True)
class ServiceWithdrawn(News):
    """A service was taken from the catalogue."""

    topic = "service.withdrawn"

    service_id: str
    """The service."""


@dataclass(frozen=True, kw_only=True)
class HoldChanged(News):
    """A deployment was held out of routing or a hold was lifted."""

    topic = "deployment.hold_changed"

    deployment_id: str
    """The deployment."""
    service_id: str
    """The service that it runs."""
    holder: str = ""
    """What holds it, such as `heartbeat` or `kill-switch:kil_…`; empty in news from before this field."""
    held: bool
    """Whether this holder now holds it."""


@dataclass(frozen=True, kw_only=True)
class CredentialChanged(News):
    """A vendor's credential was set or removed."""

    topic = "credential.changed"

    organisation_id: str
    """The vendor's organisation."""
    name: str
    """The credential's name."""
    change: Literal["set", "removed"]
    """What happened to it."""
    fingerprint: str
    """A keyed fingerprint of the secret, to see whether it differs from another."""
