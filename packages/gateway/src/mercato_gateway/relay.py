"""How an answer is passed on: as it arrives, as a whole (to read its usage first), or event by event.

That depends on its first bytes, then on its type: see `kinds`.
"""

import msgspec

from mercato_gateway.heads import AnswerHead
from mercato_gateway.kinds import EVENTS, JSON, UNDECIDED, TextCheck, kind_of
from mercato_gateway.scanner import Scanner
from mercato_gateway.streams import EventStream
from mercato_gateway.unpacking import PackedAnswer

_LARGEST_WHOLE = 1 << 20


class Relay:
    """One answer. `feed` returns what goes to the client now, `None` while the answer is still being collected."""

    __slots__ = (
        "_chunked", "_decided", "_drop_usage", "_head", "_http10", "_length", "_no_body", "_one_line", "_text",
        "all_text", "bytes_out", "closes", "head_sent", "json", "overflowed", "packed", "packed_answer", "scanner",
        "status", "stream", "whole",
    )  # fmt: skip

    def __init__(
        self, head: AnswerHead, length: bytes, *, metered: bool, head_only: bool, http10: bool, drop_usage: bool
    ) -> None:
        self.status = head.status
        self.head_sent = False
        self.all_text = False
        self.bytes_out = 0
        self.whole = b""
        self.overflowed = False
        self.scanner: Scanner | None = None  # of an answer too large to keep
        self.stream: EventStream | None = None
        self._text: TextCheck | None = None
        self.packed_answer: PackedAnswer | None = None  # only read: it is passed on compressed, as it arrived
        self._one_line = True  # so far
        self._head = head
        self._http10 = http10
        self._drop_usage = drop_usage
        self._no_body = head_only or head.status in (204, 304)
        self._length = length
        self.packed = head.packed
        self._decided = not metered or self._no_body or head.binary
        self.json = not self._decided and head.json and not head.packed
        if not self._decided and head.packed:
            self.packed_answer = PackedAnswer(head.coding, counts_text=head.is_text or head.json)
        elif not self._decided and head.event_stream:
            self._become_stream(lines=False)
        self._chunked = not self._length and not self._no_body
        self.closes = self._chunked and http10

    def _become_stream(self, *, lines: bool) -> None:
        stream = self.stream = EventStream(drop_usage=self._drop_usage, lines=lines)
        stream.all_text = self.all_text
        self.json = False
        if self._drop_usage and not self.head_sent:
            self._length = b""
            self._chunked = True
            self.closes = self._http10

    def read_all_text(self) -> None:
        """Counts text anywhere in the answer, not only where models put it: for the answer to a form."""
        self.all_text = True
        if self.stream is not None:
            self.stream.all_text = True
        if self.packed_answer is not None:
            self.packed_answer.all_text = True

    @property
    def location(self) -> bytes:
        """The address of a redirect; empty for other answers."""
        return self._head.location

    @property
    def is_text(self) -> bool:
        """Whether it is text, but neither JSON nor events."""
        return self._text is not None and self._text.holds

    @property
    def is_blank(self) -> bool:
        """Whether it holds nothing although it could, or is a page for people, as proxies and sign-ins send."""
        return not self._no_body and (not self.bytes_out or (self._head.is_page and not self.all_text))

    @property
    def last_event_seen(self) -> bool:
        """Whether the client takes the answer for complete now, whatever follows."""
        return self.stream is not None and self.stream.ended

    def head(self) -> bytes:
        """Status line and the fields that are passed on, with our own framing; the caller adds its fields and the empty
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

    def feed(self, chunks: list[bytes], complete: bool) -> bytes | None:
        """Takes what arrived; returns framed bytes for the client."""
        if self.packed_answer is not None:
            for chunk in chunks:
                self.packed_answer.feed(chunk)
        if not self._decided:
            data = b"".join((self.whole, *chunks))
            if not self._decide(data, complete):
                self.whole = data
                return b"" if self.stream is not None else None
            self.whole, chunks = b"", [data]
        stream = self.stream
        if stream is not None:
            data = stream.feed(chunks)
            if complete:
                data += stream.finish()
        else:
            data = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            if self.json:
                return self._gather(data, complete)
        self.bytes_out += len(data)
        if self._text is not None:
            self._text.feed(data)
        return self._framed(data)

    def _decide(self, data: bytes, complete: bool) -> bool:
        """Decides what the answer is, by its first bytes; false where more are needed."""
        packed = self.packed_answer
        kind = packed.kind if packed is not None else kind_of(data)
        if kind == UNDECIDED and not complete:
            return False
        self._decided = True
        head = self._head
        if packed is not None:
            self.json = kind == JSON
        elif kind == EVENTS:
            if self.stream is None:
                self._become_stream(lines=False)
        elif kind == JSON:
            self.stream, self.json = None, True
            if self.head_sent:
                self._overflow()
        elif self.stream is None and not self.json:
            self._text = TextCheck() if head.is_text or (self.all_text and head.plain) else None
        return True

    def _gather(self, data: bytes, complete: bool) -> bytes | None:
        self.bytes_out += len(data)
        if self.overflowed:
            self._scan(data)
            return self._framed(data)
        self.whole = self.whole + data if self.whole else data
        if complete:
            if not self._length:
                self._length, self._chunked, self.closes = b"%d" % len(self.whole), False, False
            return self.whole
        if self._one_line and not self.packed and data.find(b"\n") >= 0:
            self._one_line = False
            if _begins_with_line(self.whole):
                data, self.whole, self.bytes_out = self.whole, b"", 0
                self._become_stream(lines=True)
                return self.feed([data], complete)
        if len(self.whole) > _LARGEST_WHOLE:
            data, self.whole = self.whole, b""
            self._overflow()
            self._scan(data)
            return self._framed(data)
        return None

    def _overflow(self) -> None:
        """Passes the answer on as it arrives from here on."""
        self.overflowed = True
        if self.packed_answer is None:
            self.scanner = Scanner()

    def _scan(self, data: bytes) -> None:
        if self.scanner is not None:
            self.scanner.feed(data)

    def _framed(self, data: bytes) -> bytes:
        if not data or not self._chunked or self.closes:
            return data
        return b"%x\r\n%b\r\n" % (len(data), data)

    def last_words(self, event: bytes) -> bytes | None:
        """An event of our own and the end of the answer; `None` where no event can be added to it."""
        if self.packed or self._length or self.stream is None or not self.stream.has_events:
            return None
        return self._framed(event) + self.terminator()

    def terminator(self) -> bytes:
        """The bytes that end the answer."""
        return b"0\r\n\r\n" if self._chunked and not self.closes else b""


def _begins_with_line(data: bytes) -> bool:
    """Whether the first line is a JSON object of its own, as in a stream of lines."""
    line = data[: data.index(b"\n")].strip(b"\xef\xbb\xbf\x1e \t\r\n")
    if not (line.startswith(b"{") and line.endswith(b"}")):
        return False
    try:
        msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True
