"""The audit log's questions to the database."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from mercato.admin.models import AuditAnchor, AuditHeadRow, AuditNode, AuditRow, RefusedRow
from mercato.platform import Session
from mercato_contracts.audit import SEGMENT_LEVEL

_AT_A_TIME = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryFilter:
    """Which entries are wanted; an empty field wants all."""

    organisation_id: str | None = None
    actor_id: str | None = None
    verb: str | None = None
    target_id: str | None = None
    target_type: str | None = None
    outcome: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class StoredEntry(NamedTuple):
    """An entry with every column that repeats a part of it."""

    place: int
    id: str
    at: datetime
    verb: str
    outcome: str
    actor_id: str
    organisation_id: str
    target_type: str
    target_id: str
    entry: str
    leaf: bytes
    details: dict[str, Any] | None


_COLUMNS = ", ".join(StoredEntry._fields)
# All entries in one parameter: the statement's text is the same however many there are.
_APPEND = text(
    f"INSERT INTO audit_entries ({_COLUMNS}) SELECT {_COLUMNS}"  # noqa: S608  # names of ours
    " FROM json_populate_recordset(CAST(NULL AS audit_entries), CAST(:entries AS json))"
)


class AuditRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def add(self, entries: Sequence[dict[str, Any]]) -> None:
        """Write these entries, each with a value for every column."""
        texts = [{**entry, "at": entry["at"].isoformat(), "leaf": f"\\x{entry['leaf'].hex()}"} for entry in entries]
        await self._session.execute(_APPEND, {"entries": json.dumps(texts)})

    async def page(self, wanted: EntryFilter, before: int | None, limit: int) -> list[AuditRow]:
        """The newest first."""
        query = _narrow(select(AuditRow), wanted).order_by(AuditRow.place.desc()).limit(limit)
        if before is not None:
            query = query.where(AuditRow.place < before)
        return list(await self._session.scalars(query))

    async def find(self, entry_id: str, organisation_id: str | None) -> AuditRow | None:
        """By its id, of one organisation or of any."""
        query = _narrow(select(AuditRow), EntryFilter(organisation_id=organisation_id))
        found: AuditRow | None = await self._session.scalar(query.where(AuditRow.id == entry_id))
        return found

    async def after(self, wanted: EntryFilter, place: int, limit: int) -> list[AuditRow]:
        """The oldest first, from the one after this place."""
        query = _narrow(select(AuditRow), wanted).where(AuditRow.place > place)
        return list(await self._session.scalars(query.order_by(AuditRow.place).limit(limit)))

    async def walk(self, first: int, end: int) -> AsyncIterator[Sequence[StoredEntry]]:
        """Every entry from the place `first` to before `end`, the oldest first, some hundred at a time."""
        columns = [getattr(AuditRow, name) for name in StoredEntry._fields]
        after = first - 1
        while True:
            # Page by page: a row through a cursor costs twice as much.
            query = select(*columns).where(AuditRow.place > after, AuditRow.place < end).order_by(AuditRow.place)
            rows = (await self._session.execute(query.limit(_AT_A_TIME))).all()
            if not rows:
                return
            yield [StoredEntry._make(row) for row in rows]
            after = rows[-1].place

    async def bounds(self) -> tuple[int, int]:
        """The places of the first entry and past the last one; the same twice where there are none."""
        first, last = (await self._session.execute(select(func.min(AuditRow.place), func.max(AuditRow.place)))).one()
        return (0, 0) if last is None else (int(first), int(last) + 1)

    async def leaves(self, first: int, limit: int) -> list[tuple[int, bytes]]:
        """Places and hashes from this place on."""
        query = select(AuditRow.place, AuditRow.leaf).where(AuditRow.place >= first)
        rows = await self._session.execute(query.order_by(AuditRow.place).limit(limit))
        return [(row[0], row[1]) for row in rows]

    async def segments(self, until: int) -> list[bytes]:
        """The roots of the whole segments before this place, as far as they are kept without a gap."""
        query = select(AuditNode.number, AuditNode.root).where(
            AuditNode.level == SEGMENT_LEVEL, AuditNode.number < until >> SEGMENT_LEVEL
        )
        rows = list(await self._session.execute(query.order_by(AuditNode.number)))
        return [row[1] for number, row in enumerate(rows) if row[0] == number]

    async def heads(self, before: int | None, limit: int) -> list[AuditHeadRow]:
        """The newest first."""
        query = select(AuditHeadRow).order_by(AuditHeadRow.size.desc()).limit(limit)
        return list(await self._session.scalars(query if before is None else query.where(AuditHeadRow.size < before)))

    async def all_heads(self) -> list[AuditHeadRow]:
        """The smallest first."""
        return list(await self._session.scalars(select(AuditHeadRow).order_by(AuditHeadRow.size)))

    async def newest_anchor(self) -> AuditAnchor | None:
        return await self._session.scalar(select(AuditAnchor).order_by(AuditAnchor.size.desc()).limit(1))

    def add_anchor(self, anchor: AuditAnchor) -> None:
        """Write the row with this transaction."""
        self._session.add(anchor)

    async def newest_head_before(self, sealed_at: datetime) -> AuditHeadRow | None:
        """The newest head that was sealed before this time."""
        query = select(AuditHeadRow).where(AuditHeadRow.sealed_at < sealed_at)
        return await self._session.scalar(query.order_by(AuditHeadRow.size.desc()).limit(1))

    async def prune(self, until: int) -> int:
        """Delete the entries before this place; how many. The table's guard lets this transaction."""
        await self._session.execute(text("SET LOCAL mercato.audit = 'prune'"))
        gone = await self._session.execute(delete(AuditRow).where(AuditRow.place < until).returning(AuditRow.place))
        count = len(gone.all())
        await self._session.execute(text("SET LOCAL mercato.audit = ''"))
        return count

    async def details_after(self, place: int, limit: int) -> list[AuditRow]:
        """Entries that have details, the oldest first, from the one after this place."""
        query = select(AuditRow).where(AuditRow.place > place, AuditRow.details.is_not(None))
        return list(await self._session.scalars(query.order_by(AuditRow.place).limit(limit)))

    async def count_details_of(self, person_id: str) -> int:
        """Entries whose details need this person's key."""
        query = select(func.count()).where(AuditRow.details["people"].contains([person_id]))
        return await self._session.scalar(query) or 0

    async def erase_details(self, person_id: str) -> int:
        """Drop details about this person that were stored before details were sealed; how many entries."""
        of_person = (AuditRow.actor_id == person_id) | (AuditRow.target_id == person_id)
        return await self._erase(of_person, AuditRow.details.is_not(None), ~AuditRow.details.has_key("sealed"))

    async def erase_details_at(self, places: Sequence[int]) -> int:
        """Drop the details of these entries; how many."""
        return await self._erase(AuditRow.place.in_(places)) if places else 0

    async def _erase(self, *conditions: ColumnElement[bool]) -> int:
        await self._session.execute(text("SET LOCAL mercato.audit = 'erase'"))
        erased = await self._session.execute(
            update(AuditRow).where(*conditions).values(details=None).returning(AuditRow.id)
        )
        count = len(erased.all())
        await self._session.execute(text("SET LOCAL mercato.audit = ''"))
        return count

    async def count_refusal(self, row: dict[str, Any]) -> None:
        """One more of this kind in its minute."""
        first = upsert(RefusedRow).values(**row, count=1)
        await self._session.execute(
            first.on_conflict_do_update(
                index_elements=["minute", "asker", "code", "route"], set_={"count": RefusedRow.count + 1}
            )
        )

    async def take_refusals(self, before: datetime, limit: int) -> list[RefusedRow]:
        """Remove and hand over refusals of minutes before this time; two who ask at once get different ones."""
        chosen = select(RefusedRow).where(RefusedRow.minute < before).limit(limit).with_for_update(skip_locked=True)
        rows = list(await self._session.scalars(chosen))
        for row in rows:
            await self._session.delete(row)
        return rows


def _narrow(query: Select[tuple[AuditRow]], wanted: EntryFilter) -> Select[tuple[AuditRow]]:
    equal = {
        AuditRow.organisation_id: wanted.organisation_id,
        AuditRow.actor_id: wanted.actor_id,
        AuditRow.verb: wanted.verb,
        AuditRow.target_id: wanted.target_id,
        AuditRow.target_type: wanted.target_type,
        AuditRow.outcome: wanted.outcome,
    }
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    if wanted.since is not None:
        query = query.where(AuditRow.at >= wanted.since)
    return query if wanted.until is None else query.where(AuditRow.at < wanted.until)
