"""Tokens: what the provider says, and what we count where it says nothing.

The estimate is one token for each four bytes of UTF-8 text, rounded up, over the texts of the request or the answer
(JSON syntax, names and data URLs left out; an inline file counts as 1,000 tokens). It needs no vocabulary, is the same
for every model, and lies within a third of real tokenizers on English prose.
"""

from typing import Any

import msgspec
from msgspec import UNSET

from mercato_gateway.provider_wire import AnswerSaid, ModelRequest, UsageSaid, decode_answer, decode_usage

_INLINE_FILE_TOKENS = 1000
_MOST_TOKENS = 10**12


class Tokens:
    """Counts of one call; `cached` is a part of `into`. Never changed once made."""

    __slots__ = ("cached", "into", "out")

    def __init__(self, into: int, out: int, cached: int) -> None:
        self.into = into
        self.out = out
        self.cached = cached


NO_TOKENS = Tokens(0, 0, 0)


def merge(said: UsageSaid, before: Tokens | None) -> Tokens | None:
    """Counts of a usage object; those it leaves out are taken from the one before. `None` where it makes no sense."""
    before = before or NO_TOKENS
    into, out, cached = before.into, before.out, before.cached
    details = said.prompt_tokens_details or said.input_tokens_details
    if said.prompt_tokens is not None:
        into = said.prompt_tokens
    elif said.input_tokens is not None:
        into = said.input_tokens + (said.cache_read_input_tokens or 0) + (said.cache_creation_input_tokens or 0)
    elif said.total_tokens is not None and said.completion_tokens is None and said.output_tokens is None:
        into = said.total_tokens
    if said.completion_tokens is not None:
        out = said.completion_tokens
    elif said.output_tokens is not None:
        out = said.output_tokens
    if details is not None and details.cached_tokens is not None:
        cached = details.cached_tokens
    elif said.cache_read_input_tokens is not None:
        cached = said.cache_read_input_tokens
    if not (0 <= into <= _MOST_TOKENS and 0 <= out <= _MOST_TOKENS):
        return None
    return Tokens(into, out, min(max(cached, 0), into))


def read_answer(body: bytes) -> tuple[Tokens | None, int]:
    """What the provider counted in a whole JSON answer, and the bytes of text in it where it did not count."""
    try:
        answer = decode_answer(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None, 0
    if answer.usage is not None:
        return merge(answer.usage, None), 0
    if answer.input_tokens is not None:
        return Tokens(max(0, answer.input_tokens), 0, 0), 0
    return None, text_bytes(answer)


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
