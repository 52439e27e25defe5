"""Reads answers chunk by chunk in bounded memory: those too large to keep, cut short, or of an unusual shape.

The scanner follows the structure of one JSON document and keeps a frame for each open object or list that can hold
usage, text or a failure (see `frames`); everything else is skipped. It does not validate: of a document that breaks
off, or that is no longer JSON after some point, what came before counts.
"""

import re
from typing import Any, Final

import msgspec

from mercato_contracts.answers import (
    BAD_NAMES,
    CODE_NAMES,
    ERROR_NAMES,
    GOOD_NAMES,
    NO_ERRORS,
    SAID_NAMES,
    is_failing_status,
    names_failure,
)
from mercato_gateway.frames import (
    CHOICE,
    CONTENT,
    COUNTING,
    ERROR,
    MESSAGE,
    MESSAGE_NAMES,
    NOTED_NAMES,
    NOWHERE,
    PASSED,
    REPLY,
    STATUS,
    STEPS,
    STRING_NAMES,
    TOP,
    USAGE,
    WRAPPER_NAMES,
    Frame,
    is_noted,
    place_of,
)
from mercato_gateway.texts import FILE_BYTES, FILE_NAMES, MARKER, TEXT_NAMES
from mercato_gateway.usage import Usage, is_count, number_of

# What the scanner does with a string.
_IGNORE: Final = 0
_NAME: Final = 1
_KEEP: Final = 2
_COUNT: Final = 3

_MOST_FRAMES: Final = 64
_LONGEST_KEPT: Final = 256
_LONGEST_SCALAR: Final = 64

_NO_ANSWERS: Final = (NOWHERE, ERROR, PASSED, STATUS)

# Groups are not possessive: before Python 3.11.5 a possessive group that fails does not restore its position.
_BODY = re.compile(rb'[^"\\]*(?:\\(?:u[0-9a-fA-F]{4}|[^u])[^"\\]*)*', re.DOTALL)
_SKIPPED = re.compile(rb'(?:[^"{}\[\]]+|"[^"\\]*(?:\\.[^"\\]*)*")*', re.DOTALL)
_SCALAR = re.compile(rb'[^"{}\[\],:]+')
_IN_LIST = re.compile(rb'[^"{}\[\]]+')
_ESCAPE = re.compile(rb"\\(?:u(....)|.)", re.DOTALL)
# Base64 as JSON may write it: PHP escapes slashes, .NET pluses.
_BASE64_PART = re.compile(rb"(?:[A-Za-z0-9+/=_\-]+|\\/|\\u002[bBfF]|\\u003[dD])*")
_BASE64_LINES = re.compile(rb"(?:[A-Za-z0-9+/=_\-]+|\\[/nr]|\\u002[bBfF]|\\u003[dD])*")


class Scanner:
    """Reads one JSON document. `usage`, `failed` and `type` (of the document) hold what was read so far. `text`,
    `snapshot` (text that repeats earlier events of a stream) and `files` are bytes, and final after `finish`; so is
    `complains`: the document has a message and nothing that answers have. `is_whole_message`: a choice has a message
    and no delta.
    """

    __slots__ = (
        "_answers", "_base64", "_depth", "_frame", "_in_string", "_is_base64", "_kept", "_mode", "_rest", "_run",
        "_says", "_size", "_stack", "_string_name", "_tail", "complains", "failed", "files", "is_whole_message",
        "snapshot", "text", "type", "usage",
    )  # fmt: skip

    def __init__(self) -> None:
        self.usage = Usage()
        self.failed = self.complains = self.is_whole_message = False
        self.type = ""
        self.text = self.snapshot = self.files = 0
        self._stack: list[Frame] = []
        self._frame = Frame(TOP, is_list=True, name="")  # the document is its only element
        self._depth = 0  # of what is skipped
        self._rest = b""
        self._in_string = False
        self._mode = _IGNORE
        self._string_name = ""
        self._kept = b""
        self._size = self._run = 0
        self._tail = b""
        self._base64 = self._is_base64 = False
        self._says = False  # the document has a message, as failures do
        self._answers = False  # it has a member that answers have, or the code of a success

    def feed(self, data: bytes) -> None:
        """Reads the next chunk of the document."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, end = 0, len(data)
        while at < end:
            if self._in_string:
                at = self._read_string(data, at)
            elif self._depth:
                at = self._skip(data, at)
            else:
                at = self._read_token(data, at)

    def finish(self) -> None:
        """The document ends here, complete or not."""
        if self._in_string and self._mode == _COUNT:
            self._end_string()
        elif self._rest and not self._in_string:
            self._take_scalar(self._rest.strip())
        while self._stack:
            self._close()
        self.text, self.snapshot = self._frame.text, self._frame.snapshot
        self.complains = self._says and not self._answers

    # Structure.

    def _read_token(self, data: bytes, at: int) -> int:
        byte, frame = data[at], self._frame
        if byte == 0x22:
            self._begin_string(frame)
        elif byte in (0x7B, 0x5B):
            self._open(frame, is_list=byte == 0x5B)
        elif byte in (0x7D, 0x5D):
            self._close()
        elif frame.is_list:
            # Numbers in lists (vectors, tokens) are skipped.
            end = self._end_of(_IN_LIST, data, at)
            self.failed = self.failed or (frame.place == ERROR and bool(data[at:end].strip()))
            return end
        elif byte == 0x2C:
            frame.expects_name = True
        elif byte != 0x3A:
            end = self._end_of(_SCALAR, data, at)
            text = data[at:end].strip()
            if text and end == len(data) and len(text) <= _LONGEST_SCALAR:
                self._rest = text  # a number may go on in the next chunk
            elif text:
                self._take_scalar(text)
            return end
        return at + 1

    def _end_of(self, pattern: "re.Pattern[bytes]", data: bytes, at: int) -> int:
        match = pattern.match(data, at)
        return match.end() if match is not None else at + 1

    def _skip(self, data: bytes, at: int) -> int:
        match = _SKIPPED.match(data, at)
        stop = match.end() if match is not None else at
        if stop == len(data):
            return stop
        byte = data[stop]
        if byte == 0x22:  # a string that goes on in the next chunk
            self._in_string, self._mode = True, _IGNORE
        elif byte in (0x7B, 0x5B):
            self._depth += 1
        else:
            self._depth -= 1
        return stop + 1

    def _open(self, frame: Frame, *, is_list: bool) -> None:
        if frame.place == ERROR:
            self.failed = True
        place = frame.place if frame.is_list else place_of(frame.place, frame.name)
        if frame.place in COUNTING and place == NOWHERE and is_count(frame.name):
            frame.own_statement().take(frame.name, b"")  # not a number
        if frame.place == TOP and len(self._stack) == 1:
            self._says = self._says or frame.name in SAID_NAMES
            self._answers = self._answers or place not in _NO_ANSWERS
        if place == STEPS and is_list == (frame.place == STEPS):
            place = NOWHERE  # steps are a list in a usage object, each of them an object
        if place == NOWHERE or (is_list and place == STATUS) or len(self._stack) >= _MOST_FRAMES:
            self._depth = 1
            return
        inner = Frame(place, is_list=is_list, name=frame.name if is_list else "")
        if frame.place in (USAGE, STEPS) and not frame.is_list and (place == STEPS or not is_list):
            inner.statement, inner.billed = frame.own_statement(), frame.name == "billed_units"
        self._stack.append(frame)
        self._frame = inner

    def _close(self) -> None:
        if not self._stack:
            return
        frame, outer = self._frame, self._stack.pop()
        self._frame = outer
        statement = frame.statement
        if statement is not None and statement is not outer.statement:
            if frame.place == STEPS and outer.statement is not None:
                outer.statement.take_step(statement)
            else:
                self.usage.add(statement)
        if frame.message >= 0 > frame.delta:
            self.is_whole_message = True
        outer.receive(outer.name, frame.total(), frame.snapshot, container=True)

    def _take_scalar(self, text: bytes) -> None:
        """A number, `true`, `false` or `null`."""
        frame = self._frame
        place, name = frame.place, frame.name
        if text == b"null" or frame.is_list:
            return
        if place in COUNTING and is_count(name):
            frame.own_statement().take(name, number_of(text), billed=frame.billed)
        elif place == TOP and name in GOOD_NAMES:
            self.failed = self.failed or text == b"false"
        elif place == TOP and name in BAD_NAMES:
            self.failed = self.failed or text == b"true"
        elif place == TOP and name in CODE_NAMES:
            self.failed = self.failed or is_failing_status(text.decode("latin-1"))
            self._answers = self._answers or text in (b"0", b"200")
        elif place == STATUS:
            self.failed = self.failed or (name == "status_code" and text != b"0")
        elif place in (TOP, CHOICE, REPLY) and name in ERROR_NAMES:
            self.failed = self.failed or text not in (b"false", b"0", b"0.0")

    # Strings.

    def _begin_string(self, frame: Frame) -> None:
        self._in_string = True
        self._kept, self._size, self._run, self._tail = b"", 0, 0, b""
        self._base64, self._is_base64 = False, True
        name, place = frame.name, frame.place
        self._string_name = name
        if frame.expects_name:
            self._mode = _NAME
            return
        inner = place if frame.is_list else place_of(place, name)
        if place == TOP and (name in MESSAGE_NAMES or name in WRAPPER_NAMES) and name not in STRING_NAMES:
            inner = NOWHERE
        if inner == ERROR or (place in COUNTING and is_count(name)) or is_noted(place, name):
            self._mode = _KEEP
        elif inner in (MESSAGE, REPLY, CONTENT) or (inner == TOP and (not self._stack or name in STRING_NAMES)):
            self._mode = _COUNT
            self._answers = True
        else:
            self._mode = _IGNORE

    def _read_string(self, data: bytes, at: int) -> int:
        match = _BODY.match(data, at)
        stop = match.end() if match is not None else at
        if stop > at:
            self._take_segment(data[at:stop])
        if stop == len(data):
            return stop
        if data[stop] == 0x22:
            self._end_string()
            return stop + 1
        if len(data) - stop < 6:  # an escape that goes on in the next chunk
            self._rest = data[stop:]
            return len(data)
        return stop + 2  # `\\u` without its digits

    def _take_segment(self, segment: bytes) -> None:
        """Takes a part of a string that does not begin or end inside an escape."""
        if self._mode == _COUNT:
            self._count(segment)
        elif self._mode in (_NAME, _KEEP) and len(self._kept) <= _LONGEST_KEPT:
            self._kept += segment[: _LONGEST_KEPT + 1]

    def _count(self, segment: bytes) -> None:
        if self._is_base64 and self._string_name not in TEXT_NAMES:
            # Not `fullmatch`: on a segment that does not match it would try every way to divide it.
            self._is_base64 = self._end_of(_BASE64_LINES, segment, 0) == len(segment)
        at, end = 0, len(segment)
        while at < end:
            if self._base64:
                stop = self._end_of(_BASE64_PART, segment, at)
                self._run += _length(segment[at:stop])
                at = stop
                if at < end:
                    self._end_run()
                continue
            window = self._tail + segment[at:]
            found = window.find(MARKER)
            if found < 0:
                self._size += _length(segment[at:])
                self._tail = window[1 - len(MARKER) :]
                return
            stop = at + found + len(MARKER) - len(self._tail)
            self._size += _length(segment[at:stop])
            at, self._tail, self._base64 = stop, b"", True

    def _end_run(self) -> None:
        self.files += min(self._run, FILE_BYTES)
        self._run, self._base64 = 0, False

    def _end_string(self) -> None:
        self._in_string = False
        mode, frame, name = self._mode, self._frame, self._string_name
        if mode == _NAME:
            frame.name, frame.expects_name = _unescape(self._kept), False
            self.failed = self.failed or frame.place == ERROR
        elif mode == _KEEP:
            self._note(frame, name, _unescape(self._kept))
        elif mode == _COUNT:
            if self._base64:
                self._end_run()
            size = self._size
            if self._is_base64 and name not in TEXT_NAMES and (name in FILE_NAMES or size > FILE_BYTES):
                self.files += min(size, FILE_BYTES)
                size = 0
            frame.receive(name, size, 0, container=False)

    def _note(self, frame: Frame, name: str, value: str) -> None:
        if frame.place in COUNTING and is_count(name):
            frame.own_statement().take(name, value, billed=frame.billed)
        elif frame.place == STEPS:
            frame.own_statement().kind = value
        elif name in NOTED_NAMES or (frame.place == TOP and name in CODE_NAMES):
            if name == "type" and len(self._stack) == 1:
                self.type = value
            self.failed = self.failed or names_failure(name, value.lower())
        elif name in SAID_NAMES:
            self._says = self._says or (bool(value) and len(self._stack) == 1 and value.lower() not in NO_ERRORS)
        elif frame.is_list or (self._kept and value.lower() not in NO_ERRORS):  # a list of errors that has one
            self.failed = True


def _length(segment: bytes) -> int:
    """Bytes of UTF-8 in a part of a JSON string, once decoded."""
    size = len(segment)
    if segment.find(b"\\") < 0:
        return size
    for match in _ESCAPE.finditer(segment):
        digits: Any = match[1]
        if digits is None:
            size -= 1
            continue
        code = int(digits, 16)
        # Each half of a surrogate pair is two of four bytes.
        size -= 5 if code < 0x80 else 4 if code < 0x800 or 0xD800 <= code < 0xE000 else 3
    return size


def _unescape(kept: bytes) -> str:
    """A short string, decoded; empty where it is longer than any name or word that matters."""
    if len(kept) > _LONGEST_KEPT:
        return ""
    if kept.find(b"\\") < 0:
        return kept.decode("utf-8", "replace")
    try:
        return str(msgspec.json.decode(b'"' + kept + b'"'))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
