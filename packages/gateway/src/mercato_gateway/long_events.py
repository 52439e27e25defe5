"""A stream's event that is too long to keep: its data goes to a scanner as it arrives."""

import re

from mercato_gateway.scanner import Scanner

_LINE_END = re.compile(rb"[\r\n]")
_NAMES = re.compile(rb"(?:^|[\r\n])(?:event:([^\r\n]*)|(error:))")
_HEAD = 1024
_LONGEST_FIELD = 6


class LongEvent:
    """`scanner` reads its `data` lines, or all of it with `lines`; `is_error` follows from its name."""

    __slots__ = ("_begun", "_field", "_in_data", "_lines", "is_error", "scanner")

    def __init__(self, *, lines: bool) -> None:
        self.scanner = Scanner()
        self.is_error = False
        self._lines = lines
        self._begun = False
        self._field: bytes | None = b""  # the start of a line, until its field is known
        self._in_data = False

    def feed(self, data: bytes) -> None:
        """The next chunk of the event, with its line ends."""
        if self._lines:
            self.scanner.feed(data)
            return
        if not self._begun:
            self._begun = True
            data = data.removeprefix(b"\xef\xbb\xbf")
            for name, is_error in _NAMES.findall(data[:_HEAD]):
                self.is_error = self.is_error or bool(is_error) or names_error(name)
        at = 0
        while at < len(data):
            if self._field is not None:
                at = self._begin_line(self._field, data, at)
                continue
            match = _LINE_END.search(data, at)
            end = len(data) if match is None else match.start()
            if self._in_data and end > at:
                self.scanner.feed(data[at:end])
            if match is not None:
                self._field = b""
                end += 1
            at = end

    def _begin_line(self, field: bytes, data: bytes, at: int) -> int:
        byte = data[at : at + 1]
        if byte in b"\r\n":
            self._field = b""
        else:
            field += byte
            done = byte == b":" or len(field) >= _LONGEST_FIELD
            self._field = None if done else field
            self._in_data = field in (b"data:", b"error:")
        return at + 1


def names_error(name: bytes) -> bool:
    """Whether an event of this name reports a failure, whatever its data."""
    name = name.strip().lower()
    return name in (b"error", b"exception") or name.endswith((b".error", b".failed"))
