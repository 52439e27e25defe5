"""Tokens: what the provider says, and what we count where it says nothing.

The estimate is one token for each four bytes of UTF-8 text, rounded up, over the texts of the request or the answer
(JSON syntax, names and data URLs left out; an inline file counts as 1,000 tokens). It needs no vocabulary, is the same
for every model, and lies within a third of real tokenizers on English prose.
"""

import zlib
from typing import Any

import msgspec
from msgspec import UNSET

from mercato_gateway.provider_wire import (
    AnswerSaid,
    ModelRequest,
    Nested,
    UsageSaid,
    decode_answer,
    decode_text,
    decode_usage,
)

_INLINE_FILE_TOKENS = 1000
_MOST_TOKENS = 10**12
_LARGEST_UNPACKED = 4 << 20


class Tokens:
    """Counts of one call; `cached` is a part of `into`. Never changed once made."""

    __slots__ = ("cached", "into", "out")

    def __init__(self, into: int, out: int, cached: int) -> None:
        self.into = into
        self.out = out
        self.cached = cached


NO_TOKENS = Tokens(0, 0, 0)


class _Absurd(Exception):
    """No count of tokens."""


def _count(value: Any) -> int:
    """A number of tokens, also where it is written as a whole float or as digits; 0 where there is none."""
    if value is None:
        return 0
    digits = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16
    if digits or (isinstance(value, float) and value.is_integer()):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_TOKENS:
        raise _Absurd
    return value


def merge(said: UsageSaid, before: Tokens | None) -> Tokens | None:
    """Counts of a usage object together with those that came before it in a stream; `None` where it makes no sense.

    Usage in streams is cumulative in every dialect, and each event may leave some of it out: the larger count stands.
    """
    before = before or NO_TOKENS
    try:
        into, out, cached = _counts(said)
    except _Absurd:
        return None
    into = max(into, before.into)
    return Tokens(into, max(out, before.out), min(max(cached, before.cached), into))


def _counts(said: UsageSaid) -> tuple[int, int, int]:
    read, written = _count(said.cache_read_input_tokens), _count(said.cache_creation_input_tokens)
    if said.prompt_tokens is not None:
        into = _count(said.prompt_tokens)
    elif said.input_tokens is not None or read or written:
        into = _count(said.input_tokens) + read + written
    elif said.completion_tokens is None and said.output_tokens is None:
        into = _count(said.total_tokens)
    else:
        into = 0
    out = _count(said.output_tokens if said.completion_tokens is None else said.completion_tokens)
    details = said.prompt_tokens_details or said.input_tokens_details
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    return into, out, read if cached is None else _count(cached)


def decode_loosely(data: bytes) -> AnswerSaid:
    """An answer or event of an unusual shape: its usage, and all that may be text. Raises as msgspec does."""
    found = msgspec.json.decode(data)
    if not isinstance(found, dict):
        return AnswerSaid(content=[found])
    kind = found.get("type")
    return AnswerSaid(
        type=kind if isinstance(kind, str) else None,
        usage=_usage_in(found),
        content=[found.get(name) for name in ("choices", "content", "output", "delta")],
        message=Nested(_usage_in(found.get("message"))),
        response=Nested(_usage_in(found.get("response"))),
        error=found.get("error"),
    )


def _usage_in(value: Any) -> UsageSaid | None:
    usage = value.get("usage") if isinstance(value, dict) else None
    return msgspec.convert(usage, UsageSaid) if isinstance(usage, dict) else None


class Reading:
    """Of a whole answer: `said` by the provider, bytes of `text` where it said nothing, whether it is an `error`."""

    __slots__ = ("error", "said", "text")

    def __init__(self, said: Tokens | None, text: int, error: bool = False) -> None:
        self.said = said
        self.text = text
        self.error = error


def read_answer(body: bytes) -> Reading:
    """What the provider counted in a whole JSON answer. One that cannot be read counts as text."""
    try:
        answer = decode_answer(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        try:
            answer = decode_loosely(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return Reading(None, len(body))
    said = merge(answer.usage, None) if answer.usage is not None else None
    if said is None and answer.usage is None and answer.input_tokens is not None:
        said = merge(UsageSaid(input_tokens=answer.input_tokens), None)
    return Reading(said, text_bytes(answer), is_error(answer))


def is_error(answer: AnswerSaid) -> bool:
    """Whether an answer or event says that something failed."""
    return bool(answer.error)


def unpack(data: bytes) -> bytes | None:
    """What gzip or deflate packed, where that is not larger than we keep of any answer; else `None`."""
    try:
        unpacker = zlib.decompressobj(wbits=47)
        whole = unpacker.decompress(data, _LARGEST_UNPACKED)
        return whole if unpacker.eof else None
    except zlib.error:
        return None


def read_tail(tail: bytes) -> Tokens | None:
    """The usage object in the last part of an answer too large to keep."""
    place = tail.rfind(b'"usage"')
    start = tail.find(b"{", place) if place >= 0 else -1
    depth = 0
    for end in range(start, min(len(tail), start + 4096)) if start >= 0 else ():
        depth += (tail[end] == 0x7B) - (tail[end] == 0x7D)
        if depth == 0:
            try:
                return merge(decode_usage(tail[start : end + 1]), None)
            except msgspec.MsgspecError:
                return None
    return None


def text_bytes(answer: AnswerSaid) -> int:
    """Bytes of generated text in an answer or an event."""
    count = 0
    for choice in answer.choices or ():
        part = choice.delta or choice.message
        count += len((choice.text or "").encode())
        if part is not None:
            count += _bytes_of(part.content) + _bytes_of(part.reasoning_content) + _bytes_of(part.tool_calls)
    delta = answer.delta
    if isinstance(delta, str):
        count += len(delta.encode())
    elif delta is not None:
        count += sum(len((text or "").encode()) for text in (delta.text, delta.partial_json, delta.thinking))
    return count + _bytes_of(answer.content) + _bytes_of(answer.output)


def with_text(data: bytes, before: int) -> int:
    """`before` and the bytes of `text` at the top of an answer or an event, where transcriptions have it; the last
    event (`transcript.text.done`) says again what was said before.
    """
    try:
        said = decode_text(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return before  # no object, and counted as such
    count = _bytes_of(said.text)
    return max(before, count) if isinstance(said.type, str) and said.type.endswith(".done") else before + count


def _bytes_of(value: Any) -> int:
    if isinstance(value, str):
        return 4 * _INLINE_FILE_TOKENS if value[:5] == "data:" else len(value.encode())
    if isinstance(value, dict):
        if value.get("type") == "base64":
            return 4 * _INLINE_FILE_TOKENS
        return sum(_bytes_of(part) for name, part in value.items() if name not in ("type", "role", "id"))
    if isinstance(value, list):
        if value and isinstance(value[0], int):
            return 4 * len(value)  # already tokens
        return sum(map(_bytes_of, value))
    return 0


def to_tokens(count: int) -> int:
    """Tokens of so many bytes of text."""
    return -(-count // 4)


def estimate_input(request: ModelRequest | None) -> int:
    """Tokens that a request puts in, by the estimate above."""
    if request is None:
        return 0
    count = 0
    for part in (
        request.messages, request.prompt, request.input, request.system, request.instructions, request.tools
    ):  # fmt: skip
        if part is not UNSET:
            count += _bytes_in(bytes(part))
    return to_tokens(count)


def _bytes_in(text: bytes) -> int:
    """Bytes of text in a piece of JSON. A plain string need not be decoded."""
    if text.startswith(b'"') and text.find(b"\\") < 0 and not text.startswith(b'"data:'):
        return len(text) - 2
    try:
        return _bytes_of(msgspec.json.decode(text))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return len(text)
