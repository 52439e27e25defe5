"""Files of any length: written while they are read, a few lines of them in memory."""

import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from mercato.edge.wiring import Wiring
from mercato.metering import ExportsBusy
from mercato.platform import LineFormat, Session, csv_head

MOST_AT_ONCE = 4
"""Each export holds a connection of the database for as long as its reader reads."""
_running: set[object] = set()


def answer_export(
    wiring: Wiring,
    kind: LineFormat,
    name: str,
    columns: Sequence[str],
    lines: Callable[[Session], AsyncIterator[bytes]],
) -> Response:
    """The lines as a file, from a transaction of its own that ends with the answer. Raises `ExportsBusy`."""
    media = "text/csv; charset=utf-8; header=present" if kind == "csv" else "application/jsonl"
    headers = {"content-disposition": f'attachment; filename="{name}.{kind}"', "cache-control": "no-store"}
    head = csv_head(columns).encode() if kind == "csv" else b""
    return _Export(_write(wiring, head, lines), media_type=media, headers=headers)


def as_documented(example: str) -> dict[int | str, dict[str, Any]]:
    """The answer in the document, with the beginning of a file of CSV."""
    text = {"schema": {"type": "string"}}
    lines = text | {"example": '{"id": "…"}\n'}
    return {200: {"content": {"text/csv": text | {"example": example}, "application/jsonl": lines}}}


class _Export(StreamingResponse):
    """An answer that has its place among those that run from the moment it is made. Raises `ExportsBusy`."""

    def __init__(self, lines: AsyncGenerator[bytes, None], *, media_type: str, headers: dict[str, str]) -> None:
        if len(_running) >= MOST_AT_ONCE:
            raise ExportsBusy(f"{MOST_AT_ONCE} exports are running here.", retry_after_seconds=30)
        super().__init__(lines, media_type=media_type, headers=headers)
        self._lines = lines
        place = object()
        _running.add(place)
        # An answer that is dropped before it is sent, because its client left or its commit failed, only ends.
        self._leave = weakref.finalize(self, _running.discard, place)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # A client that left may have stopped it between two lines, with the transaction still open.
            await self._lines.aclose()
            self._leave()


async def _write(
    wiring: Wiring, head: bytes, lines: Callable[[Session], AsyncIterator[bytes]]
) -> AsyncGenerator[bytes, None]:
    yield head
    async with wiring.database.transaction() as session:
        async for some in lines(session):
            yield some
