"""Which bytes a request wants: `Range` and `If-Range` of RFC 9110, sections 14.2 and 13.1.5."""

import re
from dataclasses import dataclass

_ONE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Span:
    """The bytes from `start` up to and without `stop`; `is_part` unless it is everything because nothing was asked."""

    start: int
    stop: int
    is_part: bool


@dataclass(frozen=True, slots=True)
class Outside:
    """The range lies outside the file: 416."""


def wanted(asked: str | None, condition: str | None, etag: str, size: int) -> Span | Outside:
    """What to send of a file of `size` bytes.

    A range that cannot be read, several at once, and one whose `If-Range` names another version are ignored: the whole
    is sent, as the RFC allows and a client must bear.
    """
    whole = Span(0, size, is_part=False)
    if asked is None or (condition is not None and condition.strip() != etag):
        return whole
    read = _ONE.fullmatch(asked.strip().lower())
    if read is None or read.group(1) == read.group(2) == "":
        return whole
    first, last = read.groups()
    if first == "":
        return _last_bytes(int(last), size)
    start, stop = int(first), min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return whole
    return Outside() if start >= size else Span(start, stop, is_part=True)


def _last_bytes(count: int, size: int) -> Span | Outside:
    return Outside() if count == 0 or size == 0 else Span(max(0, size - count), size, is_part=True)
