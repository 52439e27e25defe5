"""How an answer goes through: as it stands, whole (to read its usage first), or event by event."""

from http import HTTPStatus

from mercato_gateway import headers as fields
from mercato_gateway.headers import Headers
from mercato_gateway.streams import EventStream

_LARGEST_WHOLE = 1 << 20
_TAIL = 16 << 10
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}


class Relay:
    """One answer. `feed` says what goes to the client now, `None` while the answer is still being gathered."""

    __slots__ = (
        "_chunked", "_fields", "_headers", "_length", "_no_body", "bytes_out", "closes", "head_sent", "json",
        "overflowed", "status", "stream", "tail", "whole",
    )  # fmt: skip

    def __init__(
        self, status: int, headers: Headers, *, metered: bool, head_only: bool, http10: bool, drop_usage: bool
    ) -> None:
        self.status = status
        self.head_sent = False
        self.bytes_out = 0
        self.whole = b""
        self.tail = b""
        self.overflowed = False
        self.stream: EventStream | None = None
        self.json = False
        self._headers = headers
        self._fields = found = dict(headers)
        self._no_body = head_only or status in (204, 304)
        self._length = found.get(b"content-length", b"")
        if metered and not self._no_body:
            self._read_kind(drop_usage)
        self._chunked = not self._length and not self._no_body
        self.closes = self._chunked and http10

    def _read_kind(self, drop_usage: bool) -> None:
        kind = self._fields.get(b"content-type", b"").lower()
        if self._fields.get(b"content-encoding", b"identity") != b"identity":
            return  # never unpacked here: what is counted is estimated
        if kind.startswith(b"text/event-stream"):
            self.stream = EventStream(drop_usage=drop_usage)
            if drop_usage:
                self._length = b""
        elif b"json" in kind:
            self.json = True

    @property
    def last_event_seen(self) -> bool:
        """The client will take the answer for whole now, whatever follows."""
        return self.stream is not None and self.stream.ended

    def head(self) -> bytes:
        """Status line and the fields that go on, with our own framing; the caller adds its fields and the empty
        line.
        """
        line = _STATUS_LINES.get(self.status) or b"HTTP/1.1 %d Unknown\r\n" % self.status
        lines = fields.for_client(self._headers, self._fields)
        if self._length:
            return b"%b%bcontent-length: %b\r\n" % (line, lines, self._length)
        if self._chunked and not self.closes:
            return line + lines + b"transfer-encoding: chunked\r\n"
        return line + lines

    def feed(self, pieces: list[bytes], complete: bool) -> bytes | None:
        """Takes what came; gives framed bytes for the client."""
        stream = self.stream
        if stream is not None:
            data = stream.feed(pieces)
            if complete:
                data += stream.finish()
        else:
            data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            if self.json:
                return self._gather(data, complete)
        self.bytes_out += len(data)
        return self._framed(data)

    def _gather(self, data: bytes, complete: bool) -> bytes | None:
        self.bytes_out += len(data)
        if self.overflowed:
            self.tail = (self.tail + data)[-_TAIL:]
            return self._framed(data)
        self.whole = self.whole + data if self.whole else data
        if complete:
            if not self._length:
                self._length, self._chunked, self.closes = b"%d" % len(self.whole), False, False
            return self.whole
        if len(self.whole) > _LARGEST_WHOLE:
            self.overflowed = True
            data, self.whole = self.whole, b""
            self.tail = data[-_TAIL:]
            return self._framed(data)
        return None

    def _framed(self, data: bytes) -> bytes:
        if not data or not self._chunked or self.closes:
            return data
        return b"%x\r\n%b\r\n" % (len(data), data)

    def terminator(self) -> bytes:
        """What ends the answer."""
        return b"0\r\n\r\n" if self._chunked and not self.closes else b""
