"""The audit log: entries, heads, proofs, verification, export."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse

from mercato.admin import AuditAnchors, AuditLog, EntryFilter, LogCheck, export_lines
from mercato.edge.caller import SignedIn
from mercato.edge.paging import PageSize
from mercato.edge.route import TransactionalRoute
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import Permission
from mercato_contracts.audit import (
    AuditConsistency,
    AuditEntryPage,
    AuditEntryWithProof,
    AuditHeadPage,
    AuditLeaves,
    AuditVerification,
    Outcome,
)
from mercato_contracts.head_keys import PublishedHeadKeys

router = APIRouter(prefix="/api/audit", tags=["audit"], route_class=TransactionalRoute)

LINES = "application/x-ndjson"
_MOST_LEAVES = 10_000
_LINE = '{"core":{"version":1,"place":0},"details":null,"details_erased":false,"sealed":"…"}\n'
_EXPORT: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "One `AuditEntry` a line, the oldest first",
        "content": {LINES: {"schema": {"type": "string"}, "example": _LINE}},
    }
}


def _log(session: Transaction, parts: Parts) -> AuditLog:
    return AuditLog(session, parts.clock, parts.outbox)


def _filter(
    actor: Annotated[str | None, Query(max_length=64, description="The id of who did it")] = None,
    verb: Annotated[str | None, Query(max_length=64, description="What happened, such as `key.changed`")] = None,
    target: Annotated[str | None, Query(max_length=200, description="The id of what it was done to")] = None,
    target_type: Annotated[str | None, Query(max_length=64)] = None,
    outcome: Outcome | None = None,
    organisation: Annotated[str | None, Query(max_length=64, description="Operators only: whose entries")] = None,
    since: Annotated[datetime | None, Query(description="Not before this time")] = None,
    until: Annotated[datetime | None, Query(description="Before this time")] = None,
) -> EntryFilter:
    return EntryFilter(
        organisation_id=organisation,
        actor_id=actor,
        verb=verb,
        target_id=target,
        target_type=target_type,
        outcome=outcome,
        since=since,
        until=until,
    )


Log = Annotated[AuditLog, Depends(_log)]
Wanted = Annotated[EntryFilter, Depends(_filter)]
Place = Annotated[int | None, Query(ge=0, le=2**62)]


@router.get("/entries", summary="Entries of the audit log, the newest first")
async def list_audit_entries(
    caller: SignedIn, log: Log, wanted: Wanted, before: Place = None, limit: PageSize = 50
) -> AuditEntryPage:
    """Those of your own organisation; operators see all, and each such read is an entry. A page that is asked for with
    the same filter again has the same entries."""
    return await log.page(caller, wanted, before, limit)


@router.get("/entries/{entry_id}", summary="One entry with its proof")
async def get_audit_entry(entry_id: str, caller: SignedIn, log: Log) -> AuditEntryWithProof:
    """The path leads from the hash of `entry.sealed` to the root of a signed head (RFC 9162, section 2.1.3)."""
    return await log.get(caller, entry_id)


@router.get("/heads", summary="Signed heads of the audit log, the newest first")
async def list_audit_heads(log: Log, before: Place = None, limit: PageSize = 50) -> AuditHeadPage:
    """A head is made within five seconds of a change. Keep one: the log can then not be rewritten unseen. Open to
    everybody; a head tells nothing of the entries but their number."""
    return await log.heads(before, limit)


@router.get("/keys", summary="The keys that sign heads, the oldest first")
async def list_head_keys(parts: Parts) -> PublishedHeadKeys:
    """Of every log: the audit log, the log of signals and the desk's record. Replaced keys stay, because heads verify
    with the key that signed them. At a rotation the key before and the new one sign the same link, so whoever knows one
    key can check the others. Open to everybody."""
    return PublishedHeadKeys(items=parts.log_key.published())


@router.get("/consistency", summary="Prove that a later head only added to an earlier one")
async def prove_audit_consistency(
    log: Log,
    first: Annotated[int, Query(ge=1, le=2**62)],
    second: Annotated[int | None, Query(ge=1, le=2**62, description="The newest head when left out")] = None,
) -> AuditConsistency:
    """As RFC 9162, section 2.1.4, has it. Open to everybody, as the heads are."""
    return await log.prove_consistency(first, second)


@router.get("/leaves", summary="The hash of every entry, to compute the log's root yourself")
async def list_audit_leaves(
    caller: SignedIn,
    log: Log,
    first: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=_MOST_LEAVES)] = _MOST_LEAVES,
) -> AuditLeaves:
    """Hashes only, of all organisations: they tell nothing of the entries. `mp audit verify` works from them."""
    return await log.leaves(caller, first, limit)


@router.get("/verification", summary="Compute the whole log again (operator)")
async def verify_audit_log(caller: SignedIn, session: Transaction, parts: Parts) -> AuditVerification:
    """Every text, every hash and every head, those in the object store too. It reads the whole log and takes seconds.
    Somebody who does not trust this server checks on their own machine with `mp audit verify`."""
    caller.require(Permission.AUDIT_READ)
    caller.require(Permission.MARKETPLACE_READ)
    anchors = await AuditAnchors(session, parts.clock, parts.ids, parts.objects).read_all()
    return await LogCheck(session, parts.log_key, anchors).run()


@router.get("/export", summary="Export entries as lines of JSON", responses=_EXPORT, response_class=StreamingResponse)
async def export_audit_log(caller: SignedIn, log: Log, wanted: Wanted, parts: Parts) -> StreamingResponse:
    """The same filters as the list, without a limit. The export is an entry itself, written before the first line."""
    allowed = await log.allow_export(caller, wanted)
    return StreamingResponse(export_lines(parts.database, caller, allowed), media_type=LINES)
