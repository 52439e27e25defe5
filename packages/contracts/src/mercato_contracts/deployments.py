"""Deployments: the tokens that they show, the heartbeats that they send, what is known of them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field

from mercato_contracts.fields import CONTRACT, CreatedAt, NextPage, RevokedAt
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

    access_token: str = Field(description="The token, `sit_…`; shown this once")
    issued_token_type: Literal["urn:ietf:params:oauth:token-type:access_token"] = Field(
        default="urn:ietf:params:oauth:token-type:access_token", description="The kind of token, as RFC 8693 names it"
    )
    token_type: Literal["Bearer"] = Field(default="Bearer", description="How it is sent: `Authorization: Bearer …`")
    expires_in: int = Field(description="Seconds from now until it ends, or its key does")
    scope: str = Field(description="What it may do, separated by spaces")
    token_id: str = Field(description="What it is listed and revoked by")


class DeploymentTokenView(Wire):
    """A deployment's token without its secret."""

    id: str = Field(description="The token's id, `key_…`")
    deployment_id: str = Field(description="The deployment that it is for, `dep_…`")
    subject_key_id: str = Field(description="The vendor key that it was exchanged for, and with which it ends")
    scopes: list[str] = Field(description="What it may do")
    created_at: CreatedAt
    expires_at: datetime = Field(description="When it expires, UTC")
    revoked_at: RevokedAt


class DeploymentTokenPage(Wire):
    """Some tokens; `next` is the `after` of the next page."""

    items: list[DeploymentTokenView] = Field(description="The tokens of this page")
    next: NextPage


class HeartbeatFigures(Wire):
    """What a deployment says of itself; all of it may be left out."""

    status: Literal["ok", "degraded"] = Field(default="ok", description="How the deployment judges itself")
    version: Annotated[str, Field(max_length=64)] | None = Field(default=None, description="Of its code")
    calls: Count | None = Field(default=None, description="Answered since the last heartbeat")
    errors: Count | None = Field(default=None, description="Failed since the last heartbeat")
    p95_ms: Count | None = Field(
        default=None, description="The latency that 95 of 100 answers stay within, in milliseconds"
    )
    memory_mib: Count | None = Field(default=None, description="Memory in use, in MiB")


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

    contract: Annotated[Literal["heartbeat/1"], CONTRACT] = "heartbeat/1"
    deployment: Annotated[str, Field(max_length=64)] = Field(description="The deployment's id, `dep_…`")
    sequence: Annotated[int, Field(ge=1, le=9_000_000_000_000_000_000)] = Field(
        description="Higher than the last one's, for instance the time in milliseconds"
    )
    sent_at: AwareDatetime = Field(description="Now; a minute apart at most")
    figures: HeartbeatFigures = Field(default=HeartbeatFigures(), description="What the deployment says of itself")


class HeartbeatReceipt(Wire):
    """The heartbeat was taken: the next one is due by `due_at`, or the deployment is held out of routing."""

    deployment: str = Field(description="The deployment's id, `dep_…`")
    sequence: int = Field(description="The sequence that was taken")
    heard_at: datetime = Field(description="When it was received, UTC")
    due_at: datetime = Field(description="When the next one is due, UTC")


class LinkRequest(Wire):
    """The key that a deployment signs with, and how often it says that it lives."""

    public_key: Annotated[str, Field(max_length=64)] = Field(description="Ed25519, its 32 bytes in base64")
    interval_seconds: Annotated[int, Field(ge=1, le=3600)] = Field(
        default=30, description="Seconds between two heartbeats, 1 to 3,600"
    )


class HoldView(Wire):
    """Who keeps a deployment out of routing, and why."""

    by: str = Field(description="What holds it, such as `heartbeats` or a kill switch")
    reason: str = Field(description="Why it is held")
    since: datetime = Field(description="Since when, UTC")


class LinkView(Wire):
    """What a linked deployment says of itself."""

    public_key: str = Field(description="The deployment's Ed25519 public key, base64 of 32 bytes")
    interval_seconds: int = Field(description="Seconds between two heartbeats")
    state: Literal["linked", "live", "stale"] = Field(
        description="`linked` before the first heartbeat, `stale` when one is overdue"
    )
    due_at: datetime = Field(description="When the next heartbeat is due, UTC")
    heard_at: datetime | None = Field(description="When the last one was received, UTC; null before the first")
    sequence: int = Field(description="The sequence of the last one; 0 before the first")
    figures: HeartbeatFigures = Field(description="What the deployment says of itself")
    linked_at: datetime = Field(description="When the key was linked, UTC")


class DeploymentView(Wire):
    """A running endpoint of a release."""

    id: str = Field(description="The deployment's id, `dep_…`")
    service: str = Field(description="`vendor/name`")
    version: str = Field(description="The release that it runs")
    release_status: Literal["live", "deprecated", "yanked"] = Field(
        description="Whether that release is offered, discouraged, or taken back"
    )
    url: str = Field(description="The endpoint's base URL")
    created_at: CreatedAt
    routed: bool = Field(description="Whether calls are routed to it: its release is not yanked and nobody holds it")
    holds: list[HoldView] = Field(description="Who keeps it out of routing; empty: nobody")
    link: LinkView | None = Field(description="Its key and heartbeats; null until it is linked")


class DeploymentList(Wire):
    """The deployments of an organisation."""

    items: list[DeploymentView] = Field(description="The deployments of the organisation")
