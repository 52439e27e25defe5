"""Server-sent events on their way through: counted, and freed from the usage event that only we had asked for.

Events are passed on whole and as they stand; what is not complete waits for its end, up to a bound.
"""

import re

import msgspec

from mercato_gateway.provider_wire import decode_answer
from mercato_gateway.tokens import Tokens, decode_loosely, is_error, merge, text_bytes, with_text

_LONGEST_EVENT = 1 << 20
# Two line ends, each of any of the three kinds; a CR and its LF are never taken for two.
_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_LONGEST_END = 4
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_LAST_TYPES = frozenset({"message_stop", "response.completed", "response.incomplete", "response.failed"})


class EventStream:
    """Reads a stream. `tokens` is what the provider said, `text_bytes` counts what it generated, `ended` its last
    event, `failed` one that says so. With `all_text` also `text` at the top counts, and events of plain text.
    """

    __slots__ = ("_drop_usage", "_partial", "_passed", "all_text", "ended", "failed", "text_bytes", "tokens")

    def __init__(self, *, drop_usage: bool) -> None:
        self._drop_usage = drop_usage
        self._partial = b""
        self._passed = b""  # the end of what was passed on of an event that is too long to keep
        self.all_text = False
        self.failed = False
        self.tokens: Tokens | None = None
        self.text_bytes = 0
        self.ended = False

    def feed(self, pieces: list[bytes]) -> bytes:
        """What goes on to the client now."""
        data = b"".join((self._partial, *pieces))
        out: list[bytes] = []
        if self._passed:
            data = self._pass(data, out)
        start = 0
        for match in _END.finditer(data, max(0, len(self._partial) - _LONGEST_END)):
            self._event(data[start : match.end()], out)
            start = match.end()
        self._partial = data[start:]
        if len(self._partial) > _LONGEST_EVENT:
            # Let it pass unread rather than grow; the events behind it are read again.
            self.text_bytes += len(self._partial)
            out.append(self._partial)
            self._passed, self._partial = self._partial[-_LONGEST_END:], b""
        return b"".join(out)

    def _pass(self, data: bytes, out: list[bytes]) -> bytes:
        """More of the event that is too long; gives what comes behind it."""
        seen = self._passed + data
        match = _END.search(seen, 1)
        end = len(data) if match is None else max(0, match.end() - len(self._passed))
        out.append(data[:end])
        self.text_bytes += end
        self._passed = seen[-_LONGEST_END:] if match is None else b""
        return data[end:]

    def finish(self) -> bytes:
        """What was left without an end; it still counts."""
        rest, self._partial = self._partial, b""
        out: list[bytes] = []
        if rest:
            self._event(rest, out)
        return b"".join(out)

    def _event(self, event: bytes, out: list[bytes]) -> None:
        data = _data_of(event)
        if data.startswith(b"{"):
            if self._drop_usage and b'"usage"' in event:
                if self._read(data):
                    return
                event = _NULL_USAGE.sub(b"", event)
            else:
                self._read(data)
        elif data == b"[DONE]":
            self.ended = True
        elif self.all_text:
            self.text_bytes += len(data)
        out.append(event)

    def _read(self, data: bytes) -> bool:
        """Counts an event; true when it is the usage event and nothing else."""
        try:
            said = decode_answer(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            try:
                said = decode_loosely(data)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                self.text_bytes += len(data)
                return False
        self.text_bytes += text_bytes(said)
        if self.all_text:
            self.text_bytes = with_text(data, self.text_bytes)
        if is_error(said):
            self.failed = True
        for nested in (said, said.message, said.response):
            if nested is not None and nested.usage is not None:
                self.tokens = merge(nested.usage, self.tokens) or self.tokens
        if said.type in _LAST_TYPES:
            self.ended = True
        return said.usage is not None and said.type is None and not (said.choices or said.content or said.error)


def _data_of(event: bytes) -> bytes:
    if event.startswith(b"data:") and event.count(b"\n") <= 2 and event.count(b"\r") <= 2:
        return event[5:].strip()
    lines = event.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
