"""The audit log: filtered, proved, checked, exported."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Response
from fastapi.responses import StreamingResponse

from mercato.admin import AuditAnchors, AuditLog, EntryFilter, LogCheck, export_lines
from mercato.console.page import HEADERS
from mercato.console.routes import page_router
from mercato.console.visit import SignedIn
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato_contracts.audit import AuditEntry, AuditEntryWithProof, AuditHead, AuditVerification

router = page_router()
_ROWS = 50
_NAMES = ("actor", "verb", "target", "organisation", "outcome")
_OUTCOMES = ("allowed", "denied", "failed")


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, the newest first; `chips` are the filters in force."""

    items: Sequence[AuditEntry]
    chips: Sequence[tuple[str, str, str]]
    query: dict[str, str]
    head: AuditHead | None
    next: int | None
    is_first: bool
    outcomes: Sequence[str] = _OUTCOMES


@router.get("/ops/audit")
async def show_audit(
    visit: SignedIn,
    session: Transaction,
    parts: Parts,
    actor: str = "",
    verb: str = "",
    target: str = "",
    organisation: str = "",
    outcome: str = "",
    before: int | None = None,
) -> Response:
    """Reading entries of others is an entry itself."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    values = (actor, verb, target, organisation, outcome if outcome in _OUTCOMES else "")
    query = {name: value[:200] for name, value in zip(_NAMES, values, strict=True) if value}
    log = AuditLog(session, parts.clock, parts.outbox)
    found = await log.page(visit.caller, _filter(query), before, _ROWS)
    heads = (await log.heads(None, 1)).items
    chips = [(name, value, _address(visit.prefix, query, name)) for name, value in query.items()]
    page = AuditPage(found.items, chips, query, heads[0] if heads else None, found.next, before is None)
    return visit.show("operator/audit.html", page)


@dataclass(frozen=True, slots=True)
class EntryPage:
    """One entry with its proof."""

    found: AuditEntryWithProof


@router.get("/ops/audit/entries/{entry_id}")
async def show_entry(entry_id: str, visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """What was kept of it, and the path to a signed head."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    found = await AuditLog(session, parts.clock, parts.outbox).get(visit.caller, entry_id)
    return visit.show("operator/audit_entry.html", EntryPage(found))


@dataclass(frozen=True, slots=True)
class VerificationPage:
    """What a check of the whole log found."""

    found: AuditVerification


@router.get("/ops/audit/verification")
async def verify(visit: SignedIn, session: Transaction, parts: Parts) -> Response:
    """Every text, every hash and every head is computed again, which takes seconds."""
    visit.caller.require(Permission.AUDIT_READ)
    visit.caller.require(Permission.MARKETPLACE_READ)
    anchors = await AuditAnchors(session, parts.clock, parts.ids, parts.objects).read_all()
    found = await LogCheck(session, parts.log_key, anchors).run()
    return visit.show("operator/audit_verified.html", VerificationPage(found))


@router.get("/ops/audit/export")
async def export(
    visit: SignedIn,
    session: Transaction,
    parts: Parts,
    actor: str = "",
    verb: str = "",
    target: str = "",
    organisation: str = "",
    outcome: str = "",
) -> Response:
    """All that fits the filter, as lines of JSON."""
    visit.caller.require(Permission.MARKETPLACE_READ)
    values = (actor, verb, target, organisation, outcome)
    wanted = _filter({name: value for name, value in zip(_NAMES, values, strict=True) if value})
    allowed = await AuditLog(session, parts.clock, parts.outbox).allow_export(visit.caller, wanted)
    lines = export_lines(parts.database, visit.caller, allowed)
    headers = {
        **HEADERS, "cache-control": "no-store", "content-disposition": 'attachment; filename="audit.jsonl"',
    }  # fmt: skip
    return StreamingResponse(lines, headers=headers, media_type="application/x-ndjson")


def _filter(query: dict[str, str]) -> EntryFilter:
    return EntryFilter(
        organisation_id=query.get("organisation"),
        actor_id=query.get("actor"),
        verb=query.get("verb"),
        target_id=query.get("target"),
        outcome=query.get("outcome"),
    )


def _address(prefix: str, query: dict[str, str], without: str) -> str:
    left = {name: value for name, value in query.items() if name != without}
    return f"{prefix}/ops/audit" + (f"?{urlencode(left)}" if left else "")
