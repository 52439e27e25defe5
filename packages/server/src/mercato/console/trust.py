"""What anybody can check without trust in the marketplace: signed heads of its logs, and proofs between them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query, Response

from mercato.api.audit import Log as AuditEntries
from mercato.api.signals import Log as SignalEntries
from mercato.api.signals import Record
from mercato.console.routes import page_router
from mercato.console.visit import Anybody
from mercato.edge.wiring import Parts
from mercato.platform import Refusal
from mercato_contracts.audit import AuditConsistency
from mercato_contracts.head_keys import PublishedHeadKey
from mercato_contracts.signals import SignalConsistency, SignalProof

router = page_router()
_FEW = 6
_PUBLIC_SECONDS = 10
LogName = Literal["audit", "signals"]
Size = Annotated[int | None, Query(ge=1, le=2**62)]


@dataclass(frozen=True, slots=True)
class Head:
    """One signed state."""

    size: int
    root: str
    at: str


@dataclass(frozen=True, slots=True)
class Chain:
    """One log. `unit`: what it counts; `check`: the command that computes it again on the reader's machine."""

    name: str
    title: str
    about: str
    unit: str
    route: str
    check: str
    heads: Sequence[Head]


@dataclass(frozen=True, slots=True)
class TrustPage:
    """The logs, the keys that sign them, and what was asked to be proved."""

    key: str
    other_keys: Sequence[PublishedHeadKey]
    chains: Sequence[Chain]
    entry: str
    log: LogName
    first: int | None
    second: int | None
    proof: SignalProof | None = None
    consistency: AuditConsistency | SignalConsistency | None = None


@router.get("/trust")
async def show_trust(
    visit: Anybody,
    parts: Parts,
    audit: AuditEntries,
    signals: SignalEntries,
    record: Record,
    entry: Annotated[str, Query(max_length=64)] = "",
    log: LogName = "audit",
    first: Size = None,
    second: Size = None,
) -> Response:
    """Heads of every log; the proof of an entry, and of what was added between two heads, where they are named."""
    proof, consistency, refused = None, None, None
    try:
        if entry:
            proof = await signals.prove(entry.strip())
        if first is not None:
            consistency = await (audit if log == "audit" else signals).prove_consistency(first, second)
    except Refusal as refusal:
        refused = refusal
    page = TrustPage(
        key=parts.log_key.public,
        other_keys=[each for each in reversed(parts.log_key.published()) if each.state != "newest"],
        chains=await _chains(audit, signals, record),
        entry=entry,
        log=log,
        first=first,
        second=second,
        proof=proof,
        consistency=consistency,
    )
    return visit.show("trust.html", page, refusal=refused, public_seconds=_PUBLIC_SECONDS)


async def _chains(audit: AuditEntries, signals: SignalEntries, record: Record) -> Sequence[Chain]:
    return (
        Chain(
            "audit", "Audit log", "Who did what to whom in every organisation. Sealed five seconds after a change.",
            "Entries", "GET /api/audit/heads", "mp audit verify",
            [Head(each.size, each.root, each.at) for each in (await audit.heads(None, _FEW)).items],
        ),
        Chain(
            "signals", "Log of signals", "Every signal of every vendor, hashed on receipt. Sealed each hour.",
            "Entries", "GET /api/signals/heads", "mp signals verify",
            [Head(each.size, each.root, each.at) for each in await signals.heads(_FEW)],
        ),
        Chain(
            "record", "The desk’s record", "What was decided on the desk, by whom and why. Sealed each hour.",
            "Lines", "GET /api/desk/record/heads", "mp record verify",
            [Head(each.size, each.digest, each.at) for each in await record.heads(_FEW)],
        ),
    )  # fmt: skip
