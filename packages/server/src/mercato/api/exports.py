"""Files of any length: written while they are read, a few lines of them in memory."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse

from mercato.edge.wiring import Wiring
from mercato.metering import ExportsBusy
from mercato.platform import LineFormat, Session, csv_head

MOST_AT_ONCE = 4
"""Each export holds a connection of the database for as long as its reader reads."""
_running = 0


def answer_export(
    wiring: Wiring,
    kind: LineFormat,
    name: str,
    columns: Sequence[str],
    lines: Callable[[Session], AsyncIterator[bytes]],
) -> Response:
    """The lines as a file, from a transaction of its own that ends with the answer. Raises `ExportsBusy`."""
    if _running >= MOST_AT_ONCE:
        raise ExportsBusy(f"{MOST_AT_ONCE} exports are running here.", retry_after_seconds=30)
    media = "text/csv; charset=utf-8; header=present" if kind == "csv" else "application/jsonl"
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"', "cache-control": "no-store"}
    head = csv_head(columns).encode() if kind == "csv" else b""
    return StreamingResponse(_write(wiring, head, lines), media_type=media, headers=headers)


def as_documented(example: str) -> dict[int | str, dict[str, Any]]:
    """The answer in the document, with the beginning of a file of CSV."""
    text = {"schema": {"type": "string"}}
    lines = text | {"example": '{"id": "…"}\n'}
    return {200: {"content": {"text/csv": text | {"example": example}, "application/jsonl": lines}}}


async def _write(wiring: Wiring, head: bytes, lines: Callable[[Session], AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    global _running
    _running += 1
    try:
        yield head
        async with wiring.database.transaction() as session:
            async for some in lines(session):
                yield some
    finally:
        _running -= 1
