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
_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
ActorKind = Literal["user", "key", "process", "nobody"]
Outcome = Literal["allowed", "denied", "failed"]
AuditProblem = Literal["edited", "missing", "reordered", "head", "signature", "pruned"]


class AuditActor(Wire):
    """Who did it. `organisation` is empty for a process and for somebody who did not sign in."""

    id: str = Field(description="The id of the user, key or process; empty for `nobody`")
    kind: ActorKind = Field(
        description="What acted: a user, a key, a process of the marketplace, or somebody who did not sign in"
    )
    organisation: str = Field(default="", description="The id of the actor's organisation")


class AuditTarget(Wire):
    """What it was done to; both are empty where there is no one thing."""

    type: str = Field(default="", description="The kind of target, such as `key`")
    id: str = Field(default="", description="The target's id")


class AuditCore(Wire):
    """The sealed part of an entry. It names nobody."""

    version: Literal[1] = Field(default=1, description="The version of the entry's format")
    place: int = Field(ge=0, description="The number of the entry in the log, from 0")
    id: str = Field(description="The entry's id, `aud_…`")
    at: str = Field(description="When it happened, RFC 3339 in UTC with microseconds")
    verb: str = Field(description="What happened, as `noun.verb`")
    outcome: Outcome = Field(description="Whether it was done, refused by permission, or failed")
    count: int = Field(ge=1, description="How often; more than 1 where denials of a minute are merged")
    actor: AuditActor = Field(description="Who did it")
    organisation: str = Field(description="The organisation that sees the entry; empty where only operators do")
    target: AuditTarget = Field(description="What it was done to")
    request: str = Field(default="", description="The id of the request")
    details_sha256: Sha256 = Field(description="SHA-256 of the details with their salt")


class AuditDetails(Wire):
    """The part of an entry that can be erased. Fields are empty where they do not apply; secrets are replaced."""

    salt: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] = Field(
        description="16 random bytes in hexadecimal, so that the digest reveals nothing"
    )
    actor_name: str = Field(default="", description="The actor's name at that time")
    target_name: str = Field(default="", description="The target's name at that time")
    on_behalf_of: str = Field(default="", description="The id of the person for whom the actor acted")
    authenticated: str = Field(default="", description="`session`, `key` or `deployment_token`")
    credential: str = Field(default="", description="The id of the session, key or token")
    address: str = Field(default="", description="The client's network: IPv4 to 24 bits, IPv6 to 48")
    reason: str = Field(default="", description="The reason that the actor gave")
    before: dict[str, Any] | None = Field(
        default=None, description="The changed fields as they were; null where nothing was changed"
    )
    after: dict[str, Any] | None = Field(
        default=None, description="The changed fields as they are; null where nothing was changed"
    )


class AuditDecision(Wire):
    """What an operator decided about an organisation, and why: what the organisation sees of the details."""

    reason: str = Field(description="The reason that the operator gave")
    before: dict[str, Any] | None = Field(description="The changed fields as they were; null where nothing was changed")
    after: dict[str, Any] | None = Field(description="The changed fields as they are; null where nothing was changed")


class AuditEntry(Wire):
    """An entry. `sealed` is the exact text of `core` that the log's hashes cover.

    `details` is null where they were erased, or where somebody of another organisation acted on yours.
    """

    core: AuditCore = Field(description="The sealed part")
    details: AuditDetails | None = Field(description="The part that can be erased")
    decision: AuditDecision | None = Field(
        default=None, description="Of an operator's decision about your organisation, whose details you do not see"
    )
    details_erased: bool = Field(default=False, description="Whether the details were erased")
    sealed: str = Field(description="The exact text of `core` that the log's hashes cover")


class AuditEntryPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[AuditEntry] = Field(description="The entries of this page, newest first")
    next: int | None = Field(description="Pass it as `before` for the next page; null on the last page")


class AuditHead(Wire):
    """A signed state of the log.

    `root` is the Merkle tree hash of the first `size` entries (RFC 9162, section 2.1). `signature` is Ed25519, base64,
    over the UTF-8 bytes of `mercato-audit/1`, `size`, `root` and `at` joined by line feeds.
    """

    size: int = Field(ge=0, description="The number of entries that the head covers")
    root: Sha256 = Field(description="The Merkle tree hash of the first `size` entries")
    at: str = Field(description="When it was signed, RFC 3339 in UTC")
    key: str = Field(description="The marketplace's Ed25519 public key, base64 of 32 bytes")
    signature: str = Field(description="Ed25519 signature, base64")


class AuditHeadPage(Wire):
    """The newest first; ask on with `before` set to `next`."""

    items: list[AuditHead] = Field(description="The heads of this page, newest first")
    next: int | None = Field(description="Pass it as `before` for the next page; null on the last page")


class AuditProof(Wire):
    """That an entry stands in the log: `path` leads from it to the root of `head`."""

    path: list[Sha256] = Field(description="Hashes from the entry's neighbour up to the root")
    head: AuditHead = Field(description="The signed head that the path leads to")


class AuditEntryWithProof(Wire):
    """One entry. `proof` is null until the entry is sealed, which takes up to five seconds."""

    entry: AuditEntry = Field(description="The entry")
    proof: AuditProof | None = Field(description="Its proof; null until the entry is sealed")


class AuditConsistency(Wire):
    """That the later head only added to the earlier one."""

    first: AuditHead = Field(description="The earlier head")
    second: AuditHead = Field(description="The later head")
    path: list[Sha256] = Field(description="Hashes that prove it (RFC 9162, section 2.1.4)")


class AuditLeaves(Wire):
    """Hashes of entries in their order: enough to compute every root, and nothing of what the entries say.

    `segments` are roots over 256 pruned entries each, from the start of the log, on the first page only.
    """

    segments: list[Sha256] = Field(description="Roots of pruned segments of 256 entries; on the first page only")
    first: int = Field(ge=0, description="The place of the first of `leaves`")
    leaves: list[Sha256] = Field(description="SHA-256 leaf hashes of entries, in order")
    next: int | None = Field(description="Ask on with `first` set to this")


class AuditFinding(Wire):
    """Something that is not as it was sealed. `place` is where, if it is in one place."""

    problem: AuditProblem = Field(description="What is wrong")
    place: int | None = Field(description="The number of the entry; null where it is not in one place")
    detail: str = Field(description="What was expected and what was found, in one sentence")


class AuditVerification(Wire):
    """The result of a check of the whole log."""

    holds: bool = Field(description="Whether the whole log is as it was sealed")
    entries: int = Field(ge=0, description="How many entries were checked")
    pruned: int = Field(ge=0, description="How many older ones were pruned")
    erased: int = Field(ge=0, description="How many have erased details")
    unsealed: int = Field(ge=0, description="How many came after the newest head")
    heads: int = Field(ge=0, description="How many heads were checked")
    anchors: int = Field(ge=0, description="How many of them are kept outside of the database")
    head: AuditHead | None = Field(description="The newest signed head; null before the first")
    findings: list[AuditFinding] = Field(description="What is wrong; empty when the log holds")


def head_bytes(size: int, root: str, at: str) -> bytes:
    """What a head's signature is made over."""
    return "\n".join(("mercato-audit/1", str(size), root, at)).encode()


def core_text(core: AuditCore) -> str:
    """The core as it is sealed: JSON with sorted names and without spaces."""
    return _canonical(core.model_dump(mode="json"))


def details_text(details: Mapping[str, Any]) -> str:
    """The details as their digest covers them: JSON with sorted names and without spaces."""
    return _canonical(details)


def details_digest(details: Mapping[str, Any]) -> str:
    """The digest that the core holds, of the details as they are stored."""
    return hashlib.sha256(details_text(details).encode()).hexdigest()


def at_text(at: datetime) -> str:
    """A time in UTC as an entry has it."""
    return at.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _canonical(value: Any) -> str:
    return _CANONICAL.encode(value)
