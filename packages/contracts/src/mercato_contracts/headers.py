"""Headers are contracts too: who calls, which request it is, what may be repeated, and how a caller is rate-limited.

No third-party package is needed, so that the gateway and small clients can read this.
"""

from dataclasses import dataclass
from typing import Literal

VERSION = "1"

AUTHORIZATION = "Authorization"
IDEMPOTENCY_KEY = "Idempotency-Key"
REQUEST_ID = "X-Request-Id"
TRACE_PARENT = "traceparent"
SIGNATURE = "Mercato-Signature"
IDEMPOTENT_REPLAYED = "Idempotent-Replayed"
RATE_LIMIT = "RateLimit"
RATE_LIMIT_POLICY = "RateLimit-Policy"
RETRY_AFTER = "Retry-After"

Kind = Literal["auth", "idempotency", "request-id", "trace", "pacing"]


@dataclass(frozen=True, slots=True)
class Header:
    """One header: `pattern` is what its value must match (ECMA 262), `sent_by` who sends it."""

    name: str
    kind: Kind
    sent_by: Literal["client", "server", "both"]
    meaning: str
    pattern: str
    example: str


HEADERS: tuple[Header, ...] = (
    Header(
        AUTHORIZATION,
        "auth",
        "client",
        "A key (`ck_`, `vk_`, `sit_`) or a session's access token; all routes but sign-up, sign-in and health want it.",
        r"^Bearer \S{1,4096}$",
        "Bearer vk_019ab3c1f2d47e0b8a6d5c4b3a291807_…",
    ),
    Header(
        SIGNATURE,
        "auth",
        "client",
        "Ed25519 over the exact bytes of the body, by the deployment's key; on signal writes and heartbeats.",
        r"^ed25519=[A-Za-z0-9+/]{86}==$",
        "ed25519=" + "A" * 86 + "==",
    ),
    Header(
        IDEMPOTENCY_KEY,
        "idempotency",
        "client",
        "On a POST: the same key and body get the same answer and the work is done once; another body is refused with "
        "422, a first request still in flight with 409.",
        r"^[\x20-\x7e]{1,200}$",
        "0b6f8f0e-6d0c-4c8e-9b53-1a2f7f0f3d11",
    ),
    Header(
        IDEMPOTENT_REPLAYED,
        "idempotency",
        "server",
        "`true` on an answer that was given before for the same Idempotency-Key.",
        r"^true$",
        "true",
    ),
    Header(
        REQUEST_ID,
        "request-id",
        "both",
        "Names the request in logs, problems and usage. A client's own is kept when it has this shape.",
        r"^[A-Za-z0-9_.-]{8,64}$",
        "req_019ab3c1f2d47e0b8a6d5c4b3a291807",
    ),
    Header(
        TRACE_PARENT,
        "trace",
        "client",
        "The caller's span (W3C Trace Context); passed on to the vendor's endpoint unchanged.",
        r"^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ),
    Header(
        RATE_LIMIT_POLICY,
        "pacing",
        "server",
        "How many requests in how many seconds (draft-ietf-httpapi-ratelimit-headers).",
        r'^"[a-z-]+";q=\d+;w=\d+',
        '"api";q=1200;w=60',
    ),
    Header(
        RATE_LIMIT,
        "pacing",
        "server",
        "How many are left and in how many seconds all are there again.",
        r'^"[a-z-]+";r=\d+;t=\d+',
        '"api";r=1199;t=1',
    ),
    Header(
        RETRY_AFTER,
        "pacing",
        "server",
        "On 409, 429 and 503: whole seconds after which to ask again.",
        r"^\d{1,9}$",
        "2",
    ),
)
"""All of them; a name never changes its meaning."""
