"""The desk's record and the log of signals, with their signed heads and proofs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Response

from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Actors, Permission
from mercato.platform import Refusal
from mercato.signals import DeskEvent, DeskRecord, SignalLog
from mercato_contracts.record import RecordHead
from mercato_contracts.signals import SignalProof, TreeHead

router = page_router()
_ROWS = 50


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Lines, the newest first; each covers the one before."""

    lines: Sequence[DeskEvent]
    facts: dict[int, dict[str, Any]]
    people: dict[str, str]
    heads: Sequence[RecordHead]
    next: int | None
    is_first: bool


@router.get("/desk/record")
async def show_record(visit: SignedIn, session: Transaction, parts: Parts, before: int | None = None) -> Response:
    """What was decided, by whom and why."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    record = DeskRecord(session, parts.clock)
    lines = await record.read(None, _ROWS, before)
    people = await Actors(session).find({line.actor for line in lines})
    page = RecordPage(
        lines=lines,
        facts={line.number: json.loads(line.facts) for line in lines},
        people={actor_id: actor.name for actor_id, actor in people.items()},
        heads=await record.heads(5),
        next=lines[-1].number if len(lines) == _ROWS else None,
        is_first=before is None,
    )
    return visit.show("desk/record.html", page)


@dataclass(frozen=True, slots=True)
class LogPage:
    """Signed heads, and the proof of the requested entry."""

    heads: Sequence[TreeHead]
    entry: str
    proof: SignalProof | None


@router.get("/desk/log")
async def show_log(visit: SignedIn, session: Transaction, parts: Parts, entry: str = "") -> Response:
    """A receipt's id leads to its proof."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    log, proof, refused = SignalLog(session, parts.clock), None, None
    if entry:
        try:
            proof = await log.prove(entry[:64].strip())
        except Refusal as refusal:
            refused = refusal
    page = LogPage(await log.heads(24), entry[:64], proof)
    return visit.show("desk/log.html", page, refusal=refused)
