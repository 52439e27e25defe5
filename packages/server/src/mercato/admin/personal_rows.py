"""Rows of every table that has something of people, found and changed as the data map says."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, Text, and_, cast, delete, func, or_, select, text, update

from mercato.admin.words import ERASED, Words
from mercato.identity import KnownPerson
from mercato.platform import ColumnKind, Described, Erased, Session

Keyed = tuple[Any, ...]


class PersonalRows:
    """Rows of one transaction."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def begin_erasing(self) -> None:
        """What is written once gives up words in this transaction; a large table may take minutes."""
        await self._session.execute(text("SET LOCAL mercato.privacy = 'erase'"))
        await self._session.execute(text("SET LOCAL statement_timeout = '15min'"))

    async def mask(self, table: Table, note: Described, person: KnownPerson, words: Words) -> list[Keyed]:
        """Put `[erased]` for the person's name and address in words of this table; the keys of the changed rows."""
        columns = note.columns_that(Erased.MASKED)
        changed = await self._mask(table, columns, words.elsewhere, None) if words.elsewhere else []
        theirs = _of_organisations(table, person.organisations)
        if theirs is not None and words.in_organisation != words.elsewhere:
            changed += await self._mask(table, columns, words.in_organisation, theirs)
        if words.in_own != words.elsewhere:
            changed += await self._mask(table, columns, words.in_own, _about(table, note, person))
        return changed

    async def delete(self, table: Table, note: Described, person: str) -> int:
        """Delete the person's rows; how many."""
        own = _own(table, note, person)
        assert own is not None
        gone = await self._session.execute(delete(table).where(own).returning(*table.primary_key.columns))
        return len(gone.all())

    async def blank(self, table: Table, note: Described, person: str) -> int:
        """Overwrite what names the person in their own rows; how many."""
        own = _own(table, note, person)
        assert own is not None
        blanks = {name: note.columns[name].blank for name in note.columns_that(Erased.BLANKED)}
        values = {name: None if blank is None else blank.format(id=person) for name, blank in blanks.items()}
        done = await self._session.execute(
            update(table).where(own).values(values).returning(*table.primary_key.columns)
        )
        return len(done.all())

    async def _mask(
        self, table: Table, names: Sequence[str], pattern: str, own: ColumnElement[bool] | None
    ) -> list[Keyed]:
        columns = [table.columns[name] for name in names]
        found = or_(*(cast(column, Text).op("~*")(pattern) for column in columns))
        values = {
            column.name: cast(func.regexp_replace(cast(column, Text), pattern, ERASED, "gi"), column.type)
            for column in columns
        }
        where = found if own is None else and_(found, own)
        done = await self._session.execute(
            update(table).where(where).values(values).returning(*table.primary_key.columns)
        )
        return [tuple(row) for row in done]

    async def of_person(
        self, table: Table, note: Described, person: str, emails: Sequence[str]
    ) -> list[dict[str, Any]]:
        """The rows that are theirs, by their id or their address, without secrets."""
        own = _own(table, note, person)
        conditions = [] if own is None else [own]
        conditions += [
            func.lower(table.columns[name]).in_([email.lower() for email in emails])
            for name in note.columns_of(ColumnKind.CONTACT)
            if isinstance(table.columns[name].type, Text)
        ]
        if not conditions:
            return []
        names = [name for name in note.columns if note.columns[name].kind is not ColumnKind.SECRET]
        query = select(*(table.columns[name] for name in names)).where(or_(*conditions))
        rows = await self._session.execute(query.order_by(*table.primary_key.columns))
        return [dict(row) for row in rows.mappings()]


def _about(table: Table, note: Described, person: KnownPerson) -> ColumnElement[bool]:
    """Rows that name the person by their id, or are addressed to them."""
    own = _own(table, note, person.id)
    conditions = [] if own is None else [own]
    for column in table.columns:
        if note.columns[column.name].outcome is Erased.MASKED:
            conditions.append(cast(column, Text).contains(person.id, autoescape=True))
        if note.columns[column.name].kind is ColumnKind.CONTACT and isinstance(column.type, Text):
            conditions.append(func.lower(column).in_([each.lower() for each in person.addresses]))
        if column.name == "subject_id":
            conditions.append(column == person.id)
    return or_(*conditions)


_WHOSE = ("organisation_id", "consumer_id", "vendor_id")
_WHOSE_BY = {
    "service_id": ("services", "vendor_id"),
    "submission_id": ("submissions", "vendor_id"),
    "run_id": ("training_runs", "organisation_id"),
}


def _of_organisations(table: Table, organisations: Sequence[str]) -> ColumnElement[bool] | None:
    """Rows of these organisations; `None` for a table that does not say whose they are."""
    if table.name == "organisations":
        return table.columns["id"].in_(organisations)
    direct = [table.columns[name].in_(organisations) for name in _WHOSE if name in table.columns]
    if direct:
        return or_(*direct)
    for name, (other, whose) in _WHOSE_BY.items():
        if name in table.columns:
            of = table.metadata.tables[other]
            return table.columns[name].in_(select(of.columns["id"]).where(of.columns[whose].in_(organisations)))
    return None


def _own(table: Table, note: Described, person: str) -> ColumnElement[bool] | None:
    """Rows with the person's id in a column for such ids."""
    names = note.columns_of(ColumnKind.PERSON)
    return or_(*(table.columns[name] == person for name in names)) if names else None
