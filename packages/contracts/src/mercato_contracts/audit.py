"""The audit log under `/api/audit`: entries, signed heads, proofs, and how anybody checks them.

An entry has two parts. Its core is sealed as it stands: `sealed` is the exact text that is hashed. Its details name
people and say what changed; the core holds their salted digest. Details can be erased without breaking a proof.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from mercato_contracts.wire import Wire

SEGMENT = 256
"""Entries are pruned in whole segments of this many; their roots stay."""

SEGMENT_LEVEL = SEGMENT.bit_length() - 1

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ActorKind = Literal["user", "key", "process", "nobody"]
Outcome = Literal["allowed", "denied", "failed"]
AuditProblem = Literal["edited", "missing", "reordered", "head", "signature", "pruned"]


class AuditActor(Wire):
    """Who did it. `organisation` is empty for a process and for somebody who did not sign in."""

    id: str
    kind: ActorKind
    organisation: str = ""


class AuditTarget(Wire):
    """What it was done to; both are empty where there is no one thing."""

    type: str = ""
    id: str = ""


class AuditCore(Wire):
    """The sealed part of an entry. It names nobody."""

    version: Literal[1] = 1
    place: int = Field(ge=0, description="The number of the entry in the log, from 0")
    id: str
    at: str = Field(description="When it happened, RFC 3339 in UTC with microseconds")
    verb: str = Field(description="What happened, as `noun.verb`")
    outcome: Outcome
    count: int = Field(ge=1, description="How often; more than 1 where denials of a minute are merged")
    actor: AuditActor
    organisation: str = Field(description="The organisation that sees the entry; empty where only operators do")
    target: AuditTarget
    request: str = Field(default="", description="The id of the request")
    details_sha256: Sha256


class AuditDetails(Wire):
    """The part of an entry that can be erased. Fields are empty where they do not apply; secrets are replaced."""

    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
    actor_name: str = ""
    target_name: str = ""
    on_behalf_of: str = ""
    authenticated: str = Field(default="", description="`session`, `key` or `deployment_token`")
    credential: str = Field(default="", description="The id of the session, key or token")
    address: str = Field(default="", description="The client's network: IPv4 to 24 bits, IPv6 to 48")
    reason: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


class AuditEntry(Wire):
    """An entry. `sealed` is the exact text of `core` that the log's hashes cover.

    `details` is null where they were erased, or where somebody of another organisation acted on yours.
    """

    core: AuditCore
    details: AuditDetails | None
    details_erased: bool = False
    sealed: str


class AuditEntryPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[AuditEntry]
    next: int | None


class AuditHead(Wire):
    """A signed state of the log.

    `root` is the Merkle tree hash of the first `size` entries (RFC 9162, section 2.1). `signature` is Ed25519, base64,
    over the UTF-8 bytes of `mercato-audit/1`, `size`, `root` and `at` joined by line feeds.
    """

    size: int = Field(ge=0)
    root: Sha256
    at: str
    key: str = Field(description="The marketplace's Ed25519 public key, base64 of 32 bytes")
    signature: str


class AuditHeadPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[AuditHead]
    next: int | None


class AuditProof(Wire):
    """That an entry stands in the log: `path` leads from it to the root of `head`."""

    path: list[Sha256]
    head: AuditHead


class AuditEntryWithProof(Wire):
    """One entry. `proof` is null until the entry is sealed, which takes up to five seconds."""

    entry: AuditEntry
    proof: AuditProof | None


class AuditConsistency(Wire):
    """That the later head only added to the earlier one."""

    first: AuditHead
    second: AuditHead
    path: list[Sha256]


class AuditLeaves(Wire):
    """Hashes of entries in their order: enough to compute every root, and nothing of what the entries say.

    `segments` are roots over 256 pruned entries each, from the start of the log, told on the first page.
    """

    segments: list[Sha256]
    first: int = Field(ge=0, description="The place of the first of `leaves`")
    leaves: list[Sha256]
    next: int | None = Field(description="Ask on with `first` set to this")


class AuditFinding(Wire):
    """Something that is not as it was sealed. `place` is where, if it is in one place."""

    problem: AuditProblem
    place: int | None
    detail: str


class AuditVerification(Wire):
    """The result of a check of the whole log."""

    holds: bool
    entries: int = Field(ge=0, description="How many entries were checked")
    pruned: int = Field(ge=0, description="How many older ones were pruned")
    erased: int = Field(ge=0, description="How many have erased details")
    unsealed: int = Field(ge=0, description="How many came after the newest head")
    heads: int = Field(ge=0, description="How many heads were checked")
    anchors: int = Field(ge=0, description="How many of them are kept outside of the database")
    head: AuditHead | None
    findings: list[AuditFinding]


def head_bytes(size: int, root: str, at: str) -> bytes:
    """What a head's signature is made over."""
    return "\n".join(("mercato-audit/1", str(size), root, at)).encode()


def core_text(core: AuditCore) -> str:
    """The core as it is sealed: JSON with sorted names and without spaces."""
    return _canonical(core.model_dump(mode="json"))


def details_digest(details: Mapping[str, Any]) -> str:
    """The digest that the core holds, of the details as they are stored."""
    return hashlib.sha256(_canonical(details).encode()).hexdigest()


def at_text(at: datetime) -> str:
    """A time as an entry has it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
