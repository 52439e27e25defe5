"""Server-sent events on their way through: counted, and freed from the usage event that only we had asked for.

Events are passed on whole and as they stand; what is not complete waits for its end, up to a bound.
"""

import re

import msgspec

from mercato_gateway.provider_wire import decode_answer
from mercato_gateway.tokens import Tokens, merge, text_bytes

_LONGEST_EVENT = 1 << 20
_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_LAST_TYPES = frozenset({"message_stop", "response.completed", "response.incomplete", "response.failed"})


class EventStream:
    """Reads a stream. `tokens` is what the provider said, `text_bytes` counts what it generated, `ended` its last
    event.
    """

    __slots__ = ("_drop_usage", "_partial", "_raw", "ended", "text_bytes", "tokens")

    def __init__(self, *, drop_usage: bool) -> None:
        self._drop_usage = drop_usage
        self._partial = b""
        self._raw = False
        self.tokens: Tokens | None = None
        self.text_bytes = 0
        self.ended = False

    def feed(self, pieces: list[bytes]) -> bytes:
        """What goes on to the client now."""
        data = b"".join((self._partial, *pieces))
        if self._raw:
            return data
        out: list[bytes] = []
        start = 0
        for match in _END.finditer(data):
            self._event(data[start : match.end()], out)
            start = match.end()
        self._partial = data[start:]
        if len(self._partial) > _LONGEST_EVENT:
            # No stream of events: let it pass uncounted rather than grow.
            self._raw = True
            out.append(self._partial)
            self._partial = b""
        return b"".join(out)

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
        out.append(event)

    def _read(self, data: bytes) -> bool:
        """Counts an event; true when it is the usage event and nothing else."""
        try:
            said = decode_answer(data)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return False
        self.text_bytes += text_bytes(said)
        for nested in (said, said.message, said.response):
            if nested is not None and nested.usage is not None:
                self.tokens = merge(nested.usage, self.tokens) or self.tokens
        if said.type in _LAST_TYPES:
            self.ended = True
        return said.usage is not None and said.choices == []


def _data_of(event: bytes) -> bytes:
    if event.startswith(b"data:") and event.count(b"\n") <= 2:
        return event[5:].strip()
    lines = event.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return b"\n".join(line[5:].strip() for line in lines if line.startswith(b"data:"))
