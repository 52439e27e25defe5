"""Streams on their way through: metered, and without the usage event that only the gateway requested.

They are server-sent events, or JSON in lines. Events are passed on whole and unchanged. An incomplete one waits for its
end, up to a bound; a longer one is passed on as it arrives, and a scanner reads it.
"""

import re

import msgspec

from mercato_gateway.long_events import LongEvent, names_error
from mercato_gateway.provider_wire import decode_answer
from mercato_gateway.scanner import Scanner
from mercato_gateway.texts import FILE_BYTES, is_audio
from mercato_gateway.tokens import Reading, Tokens, read_usual
from mercato_gateway.usage import Usage

_LONGEST_EVENT = 1 << 20
# Two line ends, each of any of the three kinds; CR LF is always one.
_END = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")
_END_OF_LINE = re.compile(rb"\n")
_LONGEST_END = 4
_NULL_USAGE = re.compile(rb',\s*"usage"\s*:\s*null')
_NO_TEXT = (b"null", b"true", b"false")
_LAST_TYPES = frozenset({"message_stop", "response.completed", "response.incomplete", "response.failed"})


class EventStream:
    """Reads a stream. `ended` once its last event arrived; `failed` once an event reports a failure. With `all_text`
    events of plain text count even beside others. With `lines` each line is an event (`application/x-ndjson`).
    """

    __slots__ = (
        "_complains", "_drop_usage", "_end", "_files", "_lines", "_long", "_messages", "_partial", "_passed",
        "_plain", "_since_usage", "_snapshot", "_text", "_usage", "all_text", "ended", "failed",
    )  # fmt: skip

    def __init__(self, *, drop_usage: bool, lines: bool = False) -> None:
        self._drop_usage = drop_usage
        self._lines = lines
        self._end = _END_OF_LINE if lines else _END
        self._partial = b""
        self._passed = b""  # the end of the part of an event, too long to keep, that was passed on
        self._long: LongEvent | None = None
        self._usage = Usage()
        self._text = self._since_usage = 0
        self._plain = 0  # bytes of text in events that are no JSON, while there are no others
        self._snapshot = self._files = 0
        self._messages = 0  # bytes of text in whole messages, which repeat the deltas where there are any
        self.all_text = False
        self._complains = False
        self.failed = False
        self.ended = False

    @property
    def tokens(self) -> Tokens | None:
        """The usage that the provider has stated so far."""
        return self._usage.tokens

    @property
    def has_events(self) -> bool:
        """Whether it consists of events, not of lines."""
        return not self._lines

    @property
    def text_bytes(self) -> int:
        """Bytes of text so far; events that repeat earlier text count once."""
        return max(self._text, self._snapshot, self._messages) + self._files + max(self._plain, 0)

    def reading(self) -> Reading:
        """The result; nothing may be fed afterwards."""
        self._end_long_event()
        text = self.text_bytes
        # Beside text a message is news, such as of one's place in a queue.
        failed = self.failed or (self._complains and not text)
        # `_plain` is negative once an event held JSON.
        return Reading(self._usage, text, failed, settled=not self._since_usage, blank=not (text or self._plain))

    def feed(self, chunks: list[bytes]) -> bytes:
        """Takes what arrived; returns what goes to the client now."""
        data = b"".join((self._partial, *chunks))
        out: list[bytes] = []
        if self._passed:
            data = self._pass(data, out)
        start = 0
        for match in self._end.finditer(data, max(0, len(self._partial) - _LONGEST_END)):
            self._event(data[start : match.end()], out)
            start = match.end()
        self._partial = data[start:]
        if len(self._partial) > _LONGEST_EVENT:
            self._long = LongEvent(lines=self._lines)
            self._long.feed(self._partial)
            out.append(self._partial)
            self._passed, self._partial = self._partial[-_LONGEST_END:], b""
        return b"".join(out)

    def _pass(self, data: bytes, out: list[bytes]) -> bytes:
        """Reads on in an event that is too long; returns what follows it."""
        seen = self._passed + data
        match = self._end.search(seen, 0 if self._lines else 1)
        end = len(data) if match is None else max(0, match.end() - len(self._passed))
        out.append(data[:end])
        if self._long is not None:
            self._long.feed(data[:end])
        if match is None:
            self._passed = seen[-_LONGEST_END:]
        else:
            self._passed = b""
            self._end_long_event()
        return data[end:]

    def _end_long_event(self) -> None:
        event, self._long = self._long, None
        if event is not None:
            before = self._usage.outputs
            self._take_scanned(event.scanner, event.is_error)
            if self._usage.outputs != before:
                self._since_usage = 0

    def finish(self) -> bytes:
        """Takes what was left without an end; it still counts."""
        rest, self._partial = self._partial, b""
        out: list[bytes] = []
        if rest:
            self._event(rest, out)
        return b"".join(out)

    def _event(self, event: bytes, out: list[bytes]) -> None:
        is_error = False
        if self._lines:
            data = event.strip(b"\x1e \t\r\n")
        else:
            data = event[5:].strip()
            if not event.startswith(b"data:") or data.find(b"\n") >= 0 or data.find(b"\r") >= 0:
                data, is_error = _data_of(event)
        if data.startswith(b"{") or (data.startswith(b"[") and data != b"[DONE]"):
            if self._drop_usage and b'"usage"' in event:
                if self._read(data, is_error) and not _has_text(data):
                    return
                if b'"choices"' in event:
                    event = _NULL_USAGE.sub(b"", event)
            else:
                self._read(data, is_error)
        elif data == b"[DONE]":
            self.ended = True
        elif is_error:
            self.failed = True
        elif self.all_text:
            self._text += len(data)
            self._since_usage += len(data)
        elif self._plain >= 0 and data not in _NO_TEXT:
            self._plain += len(data) - 2 * data.startswith(b'"')
        out.append(event)

    def _read(self, data: bytes, is_error: bool) -> bool:
        """Counts an event; true when it is the usage event and nothing else."""
        usage = self._usage
        self._plain = -1
        before = usage.outputs
        only_usage = False
        text = -1
        try:
            answer = decode_answer(data)
            only_usage = answer.usage is not None and answer.type is None and not (
                answer.choices or answer.content or answer.error or self._lines
            )  # fmt: skip
            if answer.type in _LAST_TYPES:
                self.ended = True
            if not is_error:
                text = read_usual(answer, data, usage, streamed=True)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
        if text >= 0:
            self._text += text
            self._since_usage += text
        else:
            scanner = Scanner()
            scanner.feed(data)
            self._take_scanned(scanner, is_error)
        if usage.outputs != before:
            self._since_usage = 0
        return only_usage

    def _take_scanned(self, scanner: Scanner, is_error: bool) -> None:
        """Takes what a scanner found in an event. The text of an event that reports a failure is not generated text."""
        scanner.finish()
        self._plain = -1
        self._usage.join(scanner.usage)
        if scanner.type in _LAST_TYPES:
            self.ended = True
        if is_error:
            self.failed = True
            return
        self.failed = self.failed or scanner.failed
        self._complains = self._complains or scanner.complains
        text, snapshot, files = scanner.text, scanner.snapshot, scanner.files
        if is_audio(scanner.type):
            text, files = 0, min(text, FILE_BYTES)
        if "." in scanner.type and not scanner.type.endswith("delta"):
            text, snapshot = 0, max(text, snapshot)
        if not scanner.is_whole_message:
            self._text += text
            self._since_usage += text
        else:
            self._messages += text
            self._since_usage += 0 if self._text else text
        self._snapshot = max(self._snapshot, snapshot)
        # Files often arrive in many events, or several times in rising quality.
        self._files = max(self._files, files)


def _has_text(data: bytes) -> bool:
    """Whether an event holds text anywhere."""
    scanner = Scanner()
    scanner.feed(data)
    scanner.finish()
    return scanner.text + scanner.snapshot + scanner.files > 0


def _data_of(event: bytes) -> tuple[bytes, bool]:
    """The data of an event, and whether its name reports an error."""
    found: list[bytes] = []
    is_error = False
    for line in event.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        if line.startswith(b"data:"):
            found.append(line[5:].strip())
        elif line.startswith(b"event:"):
            is_error = is_error or names_error(line[6:])
        elif line.startswith(b"error:"):  # llama.cpp
            is_error = True
            found.append(line[6:].strip())
    return b"\n".join(found) if len(found) != 1 else found[0], is_error
