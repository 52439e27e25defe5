"""The kind of a body, by its first bytes: some upstreams name the wrong type, or none."""

import codecs
import re
from typing import Final

UNKNOWN: Final = 0
JSON: Final = 1
EVENTS: Final = 2
UNDECIDED: Final = 3
"""More bytes are needed."""

_BLANK = b"\xef\xbb\xbf\x1e \t\r\n"
_FIELDS = (b"data:", b"event:", b"retry:", b"error:", b"id:")
_COMMENT = re.compile(rb":[\x20-\x7e\r\n]")
_JSON = re.compile(rb'\{\s*+["}]|\[\s*+[\[\]{"0-9tfn\-]')
_MAYBE_JSON = re.compile(rb"[\[{]\s*+\Z")
_LONGEST_START: Final = 4096


def kind_of(start: bytes) -> int:
    """The kind of a body that begins like this."""
    if start.startswith(b'{"'):
        return JSON
    text = start.lstrip(_BLANK)
    if _JSON.match(text):
        return JSON
    if text.startswith(_FIELDS) or _COMMENT.match(text):
        return EVENTS
    if len(start) > _LONGEST_START:
        return UNKNOWN
    if not text or text == b":" or _MAYBE_JSON.match(text) or any(field.startswith(text) for field in _FIELDS):
        return UNDECIDED
    return UNKNOWN


class TextCheck:
    """Whether a body that arrives in chunks is text in UTF-8 so far."""

    __slots__ = ("_decoder", "holds")

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.holds = True

    def feed(self, data: bytes) -> None:
        try:
            self.holds = self.holds and "\0" not in self._decoder.decode(data)
        except UnicodeDecodeError:
            self.holds = False


def is_text(whole: bytes) -> bool:
    """Whether a body is text in UTF-8."""
    check = TextCheck()
    check.feed(whole)
    return check.holds
