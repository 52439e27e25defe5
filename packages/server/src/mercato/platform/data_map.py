"""The data map: what every column of every table holds, why, how long, and what an erasure does to it.

Each room describes its own tables in its `data_map.py`. The descriptions are not only read: an erasure does what they
say, an export gives what they name, and old rows go by their `Keep`. A column without a description fails a test.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Table

from mercato.platform.database import Base

_INFO = "data_map"


class ColumnKind(StrEnum):
    """What a column holds."""

    ID = "id"
    PERSON = "id of a person"
    CONTACT = "name or address"
    PLACE = "network or device"
    SECRET = "secret"  # noqa: S105  (a kind, no secret)
    WORDS = "words of people"
    CONTENT = "content"
    FACT = "fact"
    MEASURE = "measure"
    TIME = "time"


class LegalBasis(StrEnum):
    """Why it may be processed (GDPR, Article 6(1))."""

    CONTRACT = "contract (b)"
    LAW = "legal obligation (c)"
    INTEREST = "legitimate interest (f)"


class Erased(StrEnum):
    """What an erasure does to a column."""

    NOTHING = "holds nothing of a person"
    STAYS = "stays: an id that leads to nobody afterwards"
    ROW = "the row is deleted"
    BLANKED = "overwritten in the person's rows"
    MASKED = "the person's name and address are masked where they are theirs"
    SHREDDED = "sealed with a key of the person, which is destroyed"


_ERASED = {
    ColumnKind.PERSON: Erased.STAYS,
    ColumnKind.CONTACT: Erased.BLANKED,
    ColumnKind.PLACE: Erased.BLANKED,
    ColumnKind.WORDS: Erased.MASKED,
}
PERSONAL = frozenset({ColumnKind.PERSON, ColumnKind.CONTACT, ColumnKind.PLACE, ColumnKind.WORDS})


@dataclass(frozen=True, slots=True)
class ColumnNote:
    """One column. `blank` is what an overwritten column holds afterwards; `{id}` in it is the person's id."""

    kind: ColumnKind
    purpose: str = ""
    erased: Erased | None = None
    blank: str | None = None

    @property
    def outcome(self) -> Erased:
        """What an erasure does to it."""
        return self.erased or _ERASED.get(self.kind, Erased.NOTHING)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long rows are kept: `days` after the time in the column `since`, or as long as `words` says.

    `chore` is the worker's chore that removes them, where a room has one of its own.
    """

    words: str = ""
    days: int = 0
    since: str = ""
    chore: str = ""
    longest: int = 0
    """The most days, for those that an operator may set otherwise; 0 where nobody may."""

    def __str__(self) -> str:
        return self.words or f"{self.days} days after `{self.since}`"


WITH_ACCOUNT = Keep("as long as the person's account")
WITH_ORGANISATION = Keep("as long as the organisation")
WITH_LISTING = Keep("as long as the service is listed, and for its consumers' records after that")
BOOKS = Keep("ten years after the end of the year, as books of account")
RECORD = Keep("for good: it proves what was done")
OPERATION = Keep("as long as the process that it describes")


@dataclass(frozen=True, slots=True)
class Described:
    """One table: what it is for, on which basis, how long rows stay, and every column."""

    purpose: str
    basis: LegalBasis
    keep: Keep
    columns: Mapping[str, ColumnNote]

    def columns_of(self, *kinds: ColumnKind) -> list[str]:
        """The names of columns of these kinds."""
        return [name for name, column in self.columns.items() if column.kind in kinds]

    def columns_that(self, outcome: Erased) -> list[str]:
        """The names of columns that an erasure treats so."""
        return [name for name, column in self.columns.items() if column.outcome is outcome]


def describe(
    model: type[Base],
    purpose: str,
    basis: LegalBasis,
    keep: Keep,
    *,
    ids: str = "",
    people: str = "",
    facts: str = "",
    measures: str = "",
    times: str = "",
    words: str = "",
    content: str = "",
    secrets: str = "",
    more: Mapping[str, ColumnNote] | None = None,
) -> None:
    """Describe a table: the names of its columns by kind, and under `more` those with a purpose of their own.

    Raises `ValueError` for a column that it does not have, or that is named twice.
    """
    table = model.metadata.tables[model.__tablename__]
    by_kind = {
        ColumnKind.ID: ids,
        ColumnKind.PERSON: people,
        ColumnKind.FACT: facts,
        ColumnKind.MEASURE: measures,
        ColumnKind.TIME: times,
        ColumnKind.WORDS: words,
        ColumnKind.CONTENT: content,
        ColumnKind.SECRET: secrets,
    }
    named = [(name, ColumnNote(kind)) for kind, names in by_kind.items() for name in names.split()]
    named += list((more or {}).items())
    columns = dict(named)
    if len(columns) != len(named) or columns.keys() - table.columns.keys():
        wrong = sorted(columns.keys() - table.columns.keys()) or sorted(name for name, _ in named)
        raise ValueError(f"{table.name}: unknown or named twice: {', '.join(wrong)}")
    table.info[_INFO] = Described(purpose, basis, keep, columns)


def description_of(table: Table) -> Described | None:
    """What is known of the table."""
    found = table.info.get(_INFO)
    assert found is None or isinstance(found, Described)
    return found


def described_tables() -> Iterator[tuple[Table, Described]]:
    """Every described table, by name."""
    for name in sorted(Base.metadata.tables):
        table = Base.metadata.tables[name]
        found = description_of(table)
        if found is not None:
            yield table, found


def undescribed() -> list[str]:
    """Tables and columns that nobody described."""
    missing = []
    for name, table in sorted(Base.metadata.tables.items()):
        found = description_of(table)
        if found is None:
            missing.append(name)
        else:
            missing += [f"{name}.{column}" for column in table.columns.keys() - found.columns.keys()]
    return missing
