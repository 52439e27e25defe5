"""Files of any length: written while they are read, a few lines of them in memory. CSV is safe to open in a table."""

import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any, Literal

import msgspec
from fastapi import Response
from fastapi.responses import StreamingResponse

from mercato.edge.wiring import Wiring
from mercato.metering import ExportsBusy
from mercato.platform import Session

ExportFormat = Literal["csv", "jsonl"]
Rows = AsyncIterator[Sequence[Sequence[Any]]]

MOST_AT_ONCE = 4
"""Each export holds a connection of the database for as long as its reader reads."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_running = 0


def answer_export(
    wiring: Wiring, kind: ExportFormat, name: str, columns: Sequence[str], rows: Callable[[Session], Rows]
) -> Response:
    """The rows as a file, from a transaction of its own that ends with the answer. Raises `ExportsBusy`."""
    if _running >= MOST_AT_ONCE:
        raise ExportsBusy(f"{MOST_AT_ONCE} exports are running here.", retry_after_seconds=30)
    media = "text/csv; charset=utf-8; header=present" if kind == "csv" else "application/jsonl"
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"', "cache-control": "no-store"}
    return StreamingResponse(_write(wiring, kind, columns, rows), media_type=media, headers=headers)


def as_documented(example: str) -> dict[int | str, dict[str, Any]]:
    """The answer in the document, with the beginning of a file of CSV."""
    text = {"schema": {"type": "string"}}
    lines = text | {"example": '{"id": "…"}\n'}
    return {200: {"content": {"text/csv": text | {"example": example}, "application/jsonl": lines}}}


async def _write(
    wiring: Wiring, kind: ExportFormat, columns: Sequence[str], rows: Callable[[Session], Rows]
) -> AsyncIterator[bytes]:
    global _running
    _running += 1
    try:
        if kind == "csv":
            yield as_csv([columns])
        async with wiring.database.transaction() as session:
            async for some in rows(session):
                yield as_csv(some) if kind == "csv" else as_json_lines(columns, some)
    finally:
        _running -= 1


def as_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """RFC 4180. A text that a table would take for a formula gets an apostrophe before it."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows([[_cell(value) for value in row] for row in rows])
    return file.getvalue().encode()


def as_json_lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """One object a line."""
    encode = msgspec.json.encode
    return b"".join(encode(dict(zip(columns, row, strict=True))) + b"\n" for row in rows)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value
