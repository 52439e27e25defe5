"""Every column of every table is described: what it holds, why, how long, and what an erasure does to it."""

import psycopg
import pytest
from sqlalchemy import Date, DateTime, PrimaryKeyConstraint, UniqueConstraint

from mercato.app.tables import METADATA
from mercato.platform import (
    PERSONAL,
    Base,
    ColumnKind,
    ColumnNote,
    Erased,
    Keep,
    LegalBasis,
    describe,
    described_tables,
    undescribed,
)


def test_every_column_of_every_table_is_described() -> None:
    assert undescribed() == [], "describe it in the data_map.py of its room"


def test_the_tables_of_the_database_are_those_that_are_described(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
        ).fetchall()
    found = {(table, column) for table, column in rows if table != "alembic_version" and "_y20" not in table}
    assert found == {(table.name, name) for table, note in described_tables() for name in note.columns}


def test_personal_columns_are_erased_or_say_why_they_stay() -> None:
    for table, note in described_tables():
        for name, column in note.columns.items():
            if column.kind in PERSONAL:
                assert column.outcome is not Erased.NOTHING, f"{table.name}.{name}"
            if column.outcome is Erased.BLANKED:
                assert column.purpose, f"{table.name}.{name} says what for"


def test_what_is_deleted_or_overwritten_belongs_to_a_person() -> None:
    """Rows are found by a column with a person's id."""
    for table, note in described_tables():
        if note.columns_that(Erased.ROW) or note.columns_that(Erased.BLANKED):
            assert note.columns_of(ColumnKind.PERSON), table.name


def test_rows_that_go_by_age_have_the_time_that_they_go_by() -> None:
    for table, note in described_tables():
        if note.keep.days:
            assert isinstance(table.columns[note.keep.since].type, DateTime | Date), table.name


def test_a_column_that_is_not_there_cannot_be_described() -> None:
    user = next(mapper.class_ for mapper in Base.registry.mappers if mapper.class_.__tablename__ == "users")
    before = METADATA.tables["users"].info["data_map"]
    with pytest.raises(ValueError, match="nickname"):
        describe(
            user, "People.", LegalBasis.CONTRACT, Keep("for good"), more={"nickname": ColumnNote(ColumnKind.CONTACT)}
        )
    assert METADATA.tables["users"].info["data_map"] is before


def test_an_erasure_can_do_what_is_described() -> None:
    """What is overwritten may be empty or says with what; nobody needs a row that is deleted; masks never collide."""
    needed = {key.column.table.name for table, _ in described_tables() for key in table.foreign_keys}
    for table, note in described_tables():
        for name in note.columns_that(Erased.BLANKED):
            assert table.columns[name].nullable or note.columns[name].blank is not None, f"{table.name}.{name}"
        if note.columns_that(Erased.ROW):
            assert table.name not in needed, f"rows of {table.name} are needed by others"
        constraints = [each for each in table.constraints if isinstance(each, UniqueConstraint | PrimaryKeyConstraint)]
        indexes = [each for each in table.indexes if each.unique]
        unique = {column.name for each in (*constraints, *indexes) for column in each.columns}
        assert not unique & set(note.columns_that(Erased.MASKED)), table.name
