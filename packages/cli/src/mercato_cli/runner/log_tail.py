"""The end of a process's log, with its position in the whole."""

import asyncio
from collections.abc import Callable
from typing import Any

from mercato_contracts.masking import mask

_KEPT = 64 * 1024
_LONGEST_LINE = 16 * 1024
_CHUNK_BYTES = 64 * 1024


class LogTail:
    """The last characters of a log, in whole lines, and how many came before them."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._text = ""
        self._place = 0

    @property
    def end(self) -> int:
        """Characters written so far."""
        return self._place + len(self._text)

    def add(self, line: str) -> None:
        """Append one line."""
        self._text += f"{line}\n"
        if len(self._text) > self._kept:
            cut = self._text.find("\n", len(self._text) - self._kept) + 1
            self._place, self._text = self._place + cut, self._text[cut:]

    def to_json(self) -> dict[str, Any]:
        """`place` counts the characters before `text`."""
        return {"place": self._place, "text": self._text}


async def read_lines(stream: asyncio.StreamReader, tail: LogTail, hear: Callable[[str], None]) -> None:
    """Every line of the stream to `hear`, and masked into `tail`; one longer than 16 KiB is cut into several."""
    rest = b""
    while chunk := await stream.read(_CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            lines, rest = [*lines, rest], b""
        for line in lines:
            text = line.decode(errors="replace")
            hear(text)
            for start in range(0, max(len(text), 1), _LONGEST_LINE):
                tail.add(mask(text[start : start + _LONGEST_LINE]))
    if rest:
        tail.add(mask(rest.decode(errors="replace")))
