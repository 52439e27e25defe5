"""Rows as lines of a file, formatted by the database: a process that exports millions of rows only passes them on."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, Literal

from sqlalchemy import Boolean, ColumnElement, Date, DateTime, Text, case, cast, func, literal

from mercato.platform.database import Session

LineFormat = Literal["csv", "jsonl"]

_AT_ONCE = 2_000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_head(names: Sequence[str]) -> str:
    """The header line of a CSV file."""
    return ",".join(names) + "\r\n"


def line_of(kind: LineFormat, columns: Sequence[tuple[str, ColumnElement[Any]]]) -> ColumnElement[str]:
    """One line of these named columns, with its line end.

    CSV follows RFC 4180: text is quoted, text that a spreadsheet would read as a formula gets a leading apostrophe, and
    null is empty. A JSON line holds one object.
    """
    if kind == "jsonl":
        pairs = [part for name, column in columns for part in (literal(name, Text), _plain(column))]
        return cast(func.json_build_object(*pairs), Text).concat("\n")
    cells: list[Any] = []
    for _, column in columns:
        cells += [literal(",", Text), _cell(column)]
    return func.concat(*cells[1:], literal("\r\n", Text))


def csv_line(cells: Sequence[object]) -> str:
    """One line of values at hand, as `line_of` writes it; `None` is empty."""
    return ",".join(_csv_cell(cell) for cell in cells) + "\r\n"


def _csv_cell(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, int):
        return str(cell)
    text = str(cell)
    safe = f"'{text}" if text.startswith(_FORMULA) else text
    return '"' + safe.replace('"', '""') + '"'


async def stream_lines(session: Session, query: Any) -> AsyncIterator[bytes]:
    """The lines of a query with one column of lines, in batches through a server-side cursor."""
    found = await session.stream_scalars(query, execution_options={"yield_per": _AT_ONCE})
    async for some in found.partitions():
        yield "".join(some).encode()


def _plain(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Times in RFC 3339, to the microsecond."""
    if isinstance(column.type, DateTime):
        return func.to_char(func.timezone("UTC", column), literal('YYYY-MM-DD"T"HH24:MI:SS.US"Z"', Text))
    return column


def _cell(column: ColumnElement[Any]) -> ColumnElement[Any]:
    if isinstance(column.type, Boolean):
        return case((column.is_(True), literal("true", Text)), (column.is_(False), literal("false", Text)))
    if isinstance(column.type, DateTime | Date) or not isinstance(column.type, Text):
        return _plain(column)
    mark = case((func.left(column, 1).in_(_FORMULA), literal("\"'", Text)), else_=literal('"', Text))
    # In SQL a null makes the whole concatenation null: an empty cell.
    return mark.concat(func.replace(column, '"', '""')).concat('"')
