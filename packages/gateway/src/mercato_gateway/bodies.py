"""The JSON bodies of model calls: reads them, and makes the smallest change that names the upstream's model."""

import re
from typing import Any

import msgspec
from msgspec import UNSET

from mercato_gateway.provider_wire import ModelRequest, decode_other_request, decode_request
from mercato_gateway.refusals import Refused

DEFAULT_OUTPUT_TOKENS = 1024
# Most answers to requests without a bound are shorter.
USUAL_OUTPUT_TOKENS = 4096
_MOST_OUTPUT_TOKENS = 10_000_000
_NAME = b'"model"'
_MOST_CHOICES = 128
_LEAST_THINKING = 1024
_BOUNDS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
_BOUND_OF = {"/responses": "max_output_tokens"}
_NUMBERS = (*_BOUNDS, "n", "best_of")
_NAMES = frozenset(ModelRequest.__struct_fields__)
_READ = re.compile(rb'"(%b)"' % "|".join(sorted(_NAMES)).encode())
_COLON = re.compile(rb"\s*:\s*")
_TEXTS = (("messages", b'"messages"'), ("prompt", b'"prompt"'), ("input", b'"input"'))
_MOST_REMEMBERED = 1024
_LONGEST_REMEMBERED = 1024

# What stands before and after the text of a body, its new `model`, and whether usage is asked for.
_Members = tuple[bytes, bytes, bytes | None, bool]
_rewritten: dict[_Members, tuple[bytes, bytes]] = {}


def escape(text: str) -> bytes:
    """The text as it is written between quotes in JSON."""
    return msgspec.json.encode(text)[1:-1]


def output_bound(request: ModelRequest | None) -> int:
    """Most output tokens that the request allows each answer; -1 where it sets no bound.

    Where a request sets several bounds, providers differ in which one counts: here the largest does. A negative one is
    no bound: servers that accept it (llama.cpp, Ollama) go on without end.
    """
    bound = -1
    if request is not None:
        for given in (request.max_completion_tokens, request.max_tokens, request.max_output_tokens):
            if given is not None and given < 0:
                return -1
            if given is not None:
                bound = max(bound, given)
    return min(bound, _MOST_OUTPUT_TOKENS)


def choices_of(request: ModelRequest | None) -> int:
    """How many answers are requested, each with tokens of its own."""
    return 1 if request is None else min(max(request.n or 1, request.best_of or 1, 1), _MOST_CHOICES)


def output_tokens(request: ModelRequest) -> int:
    """Most output tokens of this call; a modest default where it sets no bound."""
    bound = output_bound(request)
    return (DEFAULT_OUTPUT_TOKENS if bound < 0 else bound) * choices_of(request)


def limit_output(body: bytes, bound: int, path: str) -> bytes:
    """The body with every bound of output lowered to `bound`, or with this one where it has none. Raises `Refused`."""
    try:
        request = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(error) from None
    given = [name for name in _BOUNDS if request.get(name) is not None]
    for name in given or [_BOUND_OF.get(path, "max_tokens")]:
        value = request.get(name)
        request[name] = bound if value is None or value < 0 else min(value, bound)
    thinking = request.get("thinking")
    if isinstance(thinking, dict) and isinstance(thinking.get("budget_tokens"), int):
        request["thinking"] = _less_thinking(thinking, bound)
    return msgspec.json.encode(request)


def _less_thinking(thinking: dict[str, Any], bound: int) -> dict[str, Any]:
    """Anthropic rejects a thinking budget that is not below `max_tokens`, and one below 1,024 tokens."""
    if bound > _LEAST_THINKING:
        return {**thinking, "budget_tokens": min(thinking["budget_tokens"], bound - 1)}
    return {"type": "disabled"}


def read_request(body: bytes) -> ModelRequest:
    """Raises `Refused` for anything but a JSON object with the right types."""
    try:
        return decode_request(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(error) from None


def read_other_request(body: bytes) -> ModelRequest:
    """The same for an unknown operation: a number of another type (`"max_output_tokens": "inf"` of a voice call) is
    passed on, and bounds nothing here. Raises `Refused` where `model` is not a name.
    """
    try:
        request = decode_other_request(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(error) from None
    request.stream, request.stream_options = None, UNSET
    for name in _NUMBERS:
        if type(getattr(request, name)) is not int:
            setattr(request, name, None)
    return request


def _unreadable(error: Exception) -> Refused:
    return Refused("bad_body", f"The body cannot be read: {str(error)[:200]}.")


def rewrite(body: bytes, request: ModelRequest, model: bytes | None, *, ask_usage: bool) -> bytes:
    """The body with another `model` (as written between quotes in JSON) and, with `ask_usage`, with
    `stream_options.include_usage`. `request` is what was read of it.

    Bytes are replaced in place where that is safe. A body that upstream could read in another way than the gateway
    did, as one with two `model` or with escapes that could hide one, is decoded and encoded again, so that it has each
    name once. Raises `Refused` where that fails, because members that the gateway does not read (see `ModelRequest`)
    were not checked before, and for names that differ from one that is read in their case only.
    """
    start, end = _text_place(body, request)
    if start < 0:
        return _rewrite_decoded(body, model, ask_usage)
    given = (body[:start], body[end:], model, ask_usage)
    sent = _rewritten.get(given)
    if sent is None:
        sent = _rewrite_members(given, request)
        if sent is None:
            return _rewrite_decoded(body, model, ask_usage)
        _remember(given, sent)
    return b"".join((sent[0], body[start:end], sent[1]))


def _text_place(body: bytes, request: ModelRequest) -> tuple[int, int]:
    """Where the request's text begins and ends, which is usually most of the body and holds no member of it. The end
    of the body where the request has no text; -1 where the place is not certain.
    """
    for name, quoted in _TEXTS:
        part = getattr(request, name)
        if part is not UNSET:
            at, text = body.find(quoted), bytes(part)
            match = _COLON.match(body, at + len(quoted))
            if at < 0 or match is None or not body.startswith(text, match.end()):
                return -1, -1
            return match.end(), match.end() + len(text)
    return len(body), len(body)


def _rewrite_members(given: _Members, request: ModelRequest) -> tuple[bytes, bytes] | None:
    """What stands before and after the text, rewritten; `None` where that is not safe."""
    head, tail, model, ask_usage = given
    if not _is_plain(head + tail, request) or (ask_usage and request.stream_options is not UNSET):
        return None
    if model is not None:
        in_head = head.find(_NAME) >= 0
        named = _with_model(head if in_head else tail, model)
        if not named:
            return None
        head, tail = (named, tail) if in_head else (head, named)
    if ask_usage:
        head = head.replace(b"{", b'{"stream_options":{"include_usage":true},', 1)
    return head, tail


def _remember(given: _Members, sent: tuple[bytes, bytes]) -> None:
    """Callers seldom vary what stands around their texts. A body without a text has nothing after it."""
    if not given[1] or len(given[0]) + len(given[1]) > _LONGEST_REMEMBERED:
        return
    if len(_rewritten) >= _MOST_REMEMBERED:
        _rewritten.clear()
    _rewritten[given] = sent


def _is_plain(members: bytes, request: ModelRequest) -> bool:
    """Whether the names that are read, other than that of the text, can be found in one way only."""
    if not members.isascii() or members.find(b"\\u") >= 0:
        return False
    found: list[bytes] = _READ.findall(members.lower())
    if len(set(found)) < len(found):
        return False
    for name in found:
        given = getattr(request, name.decode())
        # A name that was not read stands in an inner object, in another spelling, or before null.
        if given is None or given is UNSET:
            return False
    return True


def _with_model(part: bytes, model: bytes) -> bytes:
    """This part of the body with another `model`; empty where its value is not a plain string."""
    before, name, rest = part.partition(_NAME)
    match = _COLON.match(rest)
    start = match.end() + 1 if match is not None and rest.startswith(b'"', match.end()) else 0
    end = rest.find(b'"', start) if start else -1
    if end < 0 or rest[start:end].find(b"\\") >= 0:
        return b""
    return b"".join((before, name, rest[:start], model, rest[end:]))


def _rewrite_decoded(body: bytes, model: bytes | None, ask_usage: bool) -> bytes:
    try:
        request = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(error) from None
    for name in request:
        # Servers in Go read `Model` as `model`, and a long s as an s.
        if name not in _NAMES and name.casefold() in _NAMES:
            raise Refused("bad_body", f"The body has `{name[:50]}`, which some services read as `{name.casefold()}`.")
    if model is not None:
        request["model"] = msgspec.Raw(b'"' + model + b'"')
    if ask_usage:
        request["stream_options"] = {**(request.get("stream_options") or {}), "include_usage": True}
    return msgspec.json.encode(request)
