"""Reading the audit log: entries of one's own organisation, or of all for operators; heads and proofs for everybody."""

import json
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import replace
from typing import TypeVar

from mercato.admin.audit_rows import AuditRows, EntryFilter
from mercato.admin.details import Details, open_all
from mercato.admin.models import AuditRow
from mercato.admin.news import PrivateDataRead
from mercato.admin.refusals import AuditDamaged, AuditEntryNotFound, AuditHeadNotFound, AuditPrunedAway
from mercato.admin.seal import log_chain, view_head
from mercato.identity import Caller, Permission
from mercato.platform import ChainDamaged, Clock, Database, Malformed, Outbox, Session
from mercato_contracts.audit import (
    SEGMENT,
    AuditConsistency,
    AuditCore,
    AuditDecision,
    AuditDetails,
    AuditEntry,
    AuditEntryPage,
    AuditEntryWithProof,
    AuditHeadPage,
    AuditLeaves,
    AuditProof,
)

_Result = TypeVar("_Result")
_AT_A_TIME = 500


class AuditLog:
    """The log as a caller may see it, within one transaction."""

    def __init__(self, session: Session, clock: Clock, outbox: Outbox) -> None:
        self._session = session
        self._rows = AuditRows(session)
        self._chain, self._tree = log_chain(session, clock)
        self._outbox = outbox

    async def page(self, caller: Caller, wanted: EntryFilter, before: int | None, limit: int) -> AuditEntryPage:
        """The newest first. An operator who reads entries of others leaves an entry."""
        wanted = await self._allow(caller, wanted, "audit log")
        rows = await self._rows.page(wanted, before, limit)
        return AuditEntryPage(
            items=await _view(self._session, rows, caller), next=rows[-1].place if len(rows) == limit else None
        )

    async def get(self, caller: Caller, entry_id: str) -> AuditEntryWithProof:
        """The entry, and its proof once it is sealed. Raises `AuditEntryNotFound`, `AuditDamaged`."""
        caller.require(Permission.AUDIT_READ)
        row = await self._rows.find(entry_id, None if _sees_all(caller) else caller.organisation_id)
        if row is None:
            raise AuditEntryNotFound(f"The audit log has no entry {entry_id}.", entry=entry_id)
        newest = await self._chain.newest_head()
        proof = None
        if newest is not None and row.place < newest.size:
            path = await self._undamaged(self._tree.prove(row.place, newest.size))
            proof = AuditProof(path=path, head=view_head(newest))
        (entry,) = await _view(self._session, [row], caller)
        return AuditEntryWithProof(entry=entry, proof=proof)

    async def allow_export(self, caller: Caller, wanted: EntryFilter) -> EntryFilter:
        """The filter within what the caller may see. The export is an entry itself."""
        allowed = await self._allow(caller, wanted, "export of the audit log")
        if allowed.organisation_id == caller.organisation_id:
            await self._note_read(caller, "export of the audit log", caller.organisation_id)
        return allowed

    async def heads(self, before: int | None, limit: int) -> AuditHeadPage:
        """The newest first. For everybody: what many people keep, nobody can rewrite unseen."""
        rows = await self._rows.heads(before, limit)
        return AuditHeadPage(items=[view_head(row) for row in rows], next=rows[-1].size if len(rows) == limit else None)

    async def prove_consistency(self, first: int, second: int | None) -> AuditConsistency:
        """That the later head only added to the earlier. Raises `AuditHeadNotFound`, `AuditPrunedAway`."""
        newest = await (self._chain.newest_head() if second is None else self._chain.find_head(second))
        older = await self._chain.find_head(first)
        if newest is None or older is None or older.size > newest.size:
            raise AuditHeadNotFound("There is no such pair of sealed heads.")
        path = await self._undamaged(self._tree.prove_consistency(older.size, newest.size))
        return AuditConsistency(first=view_head(older), second=view_head(newest), path=path)

    async def leaves(self, caller: Caller, first: int, limit: int) -> AuditLeaves:
        """Hashes from this place on; on the first page also the roots of pruned segments."""
        caller.require(Permission.AUDIT_READ)
        kept_from, _ = await self._rows.bounds()
        segments = await self._rows.segments(kept_from) if first == 0 and kept_from else []
        start = max(first, kept_from)
        rows = await self._rows.leaves(start, limit)
        return AuditLeaves(
            segments=[root.hex() for root in segments],
            first=start,
            leaves=[leaf.hex() for _, leaf in rows],
            next=rows[-1][0] + 1 if len(rows) == limit else None,
        )

    async def _allow(self, caller: Caller, wanted: EntryFilter, what: str) -> EntryFilter:
        """The filter within what the caller may see. Raises `Malformed` for a period that ends before it begins."""
        caller.require(Permission.AUDIT_READ)
        if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
            raise Malformed("`since` must lie before `until`.")
        if not _sees_all(caller):
            return replace(wanted, organisation_id=caller.organisation_id)
        if wanted.organisation_id != caller.organisation_id:
            await self._note_read(caller, what, wanted.organisation_id or "")
        return wanted

    async def _note_read(self, caller: Caller, what: str, organisation_id: str) -> None:
        news = PrivateDataRead(by=caller.actor, what=what, organisation_id=organisation_id)
        await self._outbox.add(self._session, news)

    async def _undamaged(self, work: Awaitable[_Result]) -> _Result:
        try:
            return await work
        except ChainDamaged as damage:
            kept_from, _ = await self._rows.bounds()
            if kept_from and damage.size <= kept_from + SEGMENT:
                raise AuditPrunedAway(f"Entries before {kept_from} were pruned.", kept_from=kept_from) from None
            raise AuditDamaged(str(damage), size=damage.size) from None


async def export_lines(database: Database, caller: Caller, wanted: EntryFilter) -> AsyncIterator[bytes]:
    """Lines of JSON, the oldest first; a transaction for each page, so a slow reader holds none open."""
    after = -1
    while True:
        async with database.transaction() as session:
            rows = await AuditRows(session).after(wanted, after, _AT_A_TIME)
            entries = await _view(session, rows, caller)
        if not rows:
            return
        yield b"".join(entry.model_dump_json().encode() + b"\n" for entry in entries)
        after = rows[-1].place


async def _view(session: Session, rows: Sequence[AuditRow], caller: Caller) -> list[AuditEntry]:
    details = await open_all(session, [row.details for row in rows])
    return [_view_entry(row, opened, caller) for row, opened in zip(rows, details, strict=True)]


def _view_entry(row: AuditRow, opened: Details | None, caller: Caller) -> AuditEntry:
    """The entry. An operator's action on another organisation is shown without the operator's name and address;
    what was decided about the organisation itself, and why, is shown to it."""
    core = AuditCore.model_validate(json.loads(row.entry))
    details = None if opened is None else AuditDetails.model_validate(opened)
    decision = None
    if details is not None and not caller.is_operator and core.actor.organisation not in {"", caller.organisation_id}:
        if (core.target.type, core.target.id) == ("organisation", caller.organisation_id):
            decision = AuditDecision(reason=details.reason, before=details.before, after=details.after)
        details = None
    return AuditEntry(core=core, details=details, decision=decision, details_erased=opened is None, sealed=row.entry)


def _sees_all(caller: Caller) -> bool:
    return caller.is_operator and caller.may(Permission.MARKETPLACE_READ)
