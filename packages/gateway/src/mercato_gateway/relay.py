"""How an answer goes through: as it stands, whole (to read its usage first), or event by event."""

from mercato_gateway.heads import AnswerHead
from mercato_gateway.streams import EventStream

_LARGEST_WHOLE = 1 << 20
_TAIL = 16 << 10


class Relay:
    """One answer. `feed` says what goes to the client now, `None` while the answer is still being gathered."""

    __slots__ = (
        "_chunked", "_head", "_length", "_no_body", "all_text", "bytes_out", "closes", "head_sent", "json",
        "overflowed", "packed", "status", "stream", "tail", "whole",
    )  # fmt: skip

    def __init__(
        self, head: AnswerHead, length: bytes, *, metered: bool, head_only: bool, http10: bool, drop_usage: bool
    ) -> None:
        self.status = head.status
        self.head_sent = False
        self.all_text = False
        self.bytes_out = 0
        self.whole = b""
        self.tail = b""
        self.overflowed = False
        self.stream: EventStream | None = None
        self._head = head
        self._no_body = head_only or head.status in (204, 304)
        self._length = length
        self.json = metered and head.json and not self._no_body
        self.packed = head.packed
        if metered and head.event_stream and not self._no_body:
            self.stream = EventStream(drop_usage=drop_usage)
            if drop_usage:
                self._length = b""
        self._chunked = not self._length and not self._no_body
        self.closes = self._chunked and http10

    def read_all_text(self) -> None:
        """The answer to a form: also text outside of the places where models put it counts."""
        self.all_text = True
        if self.stream is not None:
            self.stream.all_text = True

    @property
    def location(self) -> bytes:
        """Where the answer sends the client on; empty where it does not."""
        return self._head.location

    @property
    def plain(self) -> bool:
        """Whether a body that is neither JSON nor events may be text."""
        kind = self._head.fields.get(b"content-type", b"").lower()
        return not kind.startswith((b"audio/", b"image/", b"video/", b"application/octet-stream"))

    @property
    def last_event_seen(self) -> bool:
        """The client will take the answer for whole now, whatever follows."""
        return self.stream is not None and self.stream.ended

    def head(self) -> bytes:
        """Status line and the fields that go on, with our own framing; the caller adds its fields and the empty
        line.
        """
        start = self._head.start
        if self.status == 204:
            return start  # RFC 9110, 8.6
        if self._length:
            return b"".join((start, b"content-length: ", self._length, b"\r\n"))
        if self._chunked and not self.closes:
            return start + b"transfer-encoding: chunked\r\n"
        return start

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

    def last_words(self, event: bytes) -> bytes | None:
        """An event of our own and the end of the answer; `None` where nothing can be added to it."""
        return None if self.packed or self._length else self._framed(event) + self.terminator()

    def terminator(self) -> bytes:
        """What ends the answer."""
        return b"0\r\n\r\n" if self._chunked and not self.closes else b""
