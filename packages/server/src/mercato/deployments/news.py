"""The news of deployments."""

from dataclasses import dataclass

from mercato.platform import News


@dataclass(frozen=True, kw_only=True)
class DeploymentLinked(News):
    """A deployment was linked to the public key that it signs with, or to a new one."""

    topic = "deployment.linked"

    deployment_id: str
    """The deployment."""


@dataclass(frozen=True, kw_only=True)
class DeploymentStale(News):
    """A deployment missed its heartbeats and is held out of routing."""

    topic = "deployment.stale"

    deployment_id: str
    """The deployment."""
    organisation_id: str
    """The vendor's organisation."""
    reason: str = ""
    """How long it was silent, in one sentence."""


@dataclass(frozen=True, kw_only=True)
class DeploymentLive(News):
    """A deployment sent its first heartbeat, or the first one after it was stale."""

    topic = "deployment.live"

    deployment_id: str
    """The deployment."""
    organisation_id: str
    """The vendor's organisation."""
    reason: str = ""
    """Its state before, in one sentence."""
