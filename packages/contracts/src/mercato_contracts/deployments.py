"""Deployments: the tokens that they show, the heartbeats that they send, what is known of them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from mercato_contracts.wire import Count, Wire

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  (a name of RFC 8693, no secret)
SIGNATURE_HEADER = "Mercato-Signature"
SIGNATURE_SCHEME = "ed25519"
"""`Mercato-Signature: ed25519=<base64>`: Ed25519 over the exact bytes of the body."""

ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  (likewise)


class TokenAnswer(Wire):
    """A token as RFC 8693, section 2.2.1, answers it; shown this once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "access_token": "sit_…",
                    "issued_token_type": ACCESS_TOKEN,
                    "token_type": "Bearer",
                    "expires_in": 2_592_000,
                    "scope": "data:read heartbeats:write services:read signals:write",
                    "token_id": "key_0193a0c0f0007000800000000000000a",
                }
            ]
        }
    )

    access_token: str
    issued_token_type: Literal["urn:ietf:params:oauth:token-type:access_token"] = (
        "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105
    )
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int = Field(description="Seconds from now until it ends, or its key does")
    scope: str = Field(description="What it may do, separated by spaces")
    token_id: str = Field(description="What it is listed and revoked by")


class DeploymentTokenView(Wire):
    """A deployment's token without its secret."""

    id: str
    deployment_id: str
    subject_key_id: str = Field(description="The vendor key that it was exchanged for, and with which it ends")
    scopes: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class DeploymentTokenPage(Wire):
    """Some tokens; `next` is the `after` of the next page."""

    items: list[DeploymentTokenView]
    next: str | None


class HeartbeatFigures(Wire):
    """What a deployment says of itself; all of it may be left out."""

    status: Literal["ok", "degraded"] = "ok"
    version: Annotated[str, Field(max_length=64)] | None = Field(default=None, description="Of its code")
    calls: Count | None = Field(default=None, description="Answered since the last heartbeat")
    errors: Count | None = Field(default=None, description="Failed since the last heartbeat")
    p95_ms: Count | None = None
    memory_mib: Count | None = None


class Heartbeat(Wire):
    """A deployment lives. Sent to `POST /api/heartbeats`, signed over the exact bytes of the body."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "heartbeat/1",
                    "deployment": "dep_0193a0c0f0007000800000000000000a",
                    "sequence": 1_764_065_000_000,
                    "sent_at": "2026-11-25T10:03:20Z",
                    "figures": {"status": "ok", "calls": 120, "errors": 0, "p95_ms": 14, "memory_mib": 180},
                }
            ]
        }
    )

    contract: Literal["heartbeat/1"] = "heartbeat/1"
    deployment: Annotated[str, Field(max_length=64)]
    sequence: Annotated[int, Field(ge=1, le=9_000_000_000_000_000_000)] = Field(
        description="Higher than the last one's, for instance the time in milliseconds"
    )
    sent_at: AwareDatetime = Field(description="Now; a minute apart at most")
    figures: HeartbeatFigures = HeartbeatFigures()


class HeartbeatReceipt(Wire):
    """The heartbeat was taken: the next one is due by `due_at`, or the deployment is held out of routing."""

    deployment: str
    sequence: int
    heard_at: datetime
    due_at: datetime


class LinkRequest(Wire):
    """The key that a deployment signs with, and how often it says that it lives."""

    public_key: Annotated[str, Field(max_length=64)] = Field(description="Ed25519, its 32 bytes in base64")
    interval_seconds: Annotated[int, Field(ge=1, le=3600)] = 30


class HoldView(Wire):
    """Who keeps a deployment out of routing, and why."""

    by: str
    reason: str
    since: datetime


class LinkView(Wire):
    """What a linked deployment says of itself."""

    public_key: str
    interval_seconds: int
    state: Literal["linked", "live", "stale"]
    due_at: datetime
    heard_at: datetime | None
    sequence: int
    figures: HeartbeatFigures
    linked_at: datetime


class DeploymentView(Wire):
    """A running endpoint of a release."""

    id: str
    service: str = Field(description="`vendor/name`")
    version: str
    release_status: Literal["live", "deprecated", "yanked"]
    url: str
    created_at: datetime
    routed: bool = Field(description="Whether calls are routed to it: its release is not yanked and nobody holds it")
    holds: list[HoldView]
    link: LinkView | None


class DeploymentList(Wire):
    """The deployments of an organisation."""

    items: list[DeploymentView]
