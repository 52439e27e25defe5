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
_COLON = re.compile(rb'\s*:\s*"')


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


def rewrite(body: bytes, model: bytes | None, *, ask_usage: bool) -> bytes:
    """The body with another `model` (as written between quotes in JSON) and, with `ask_usage`, with
    `stream_options.include_usage`.

    Bytes are replaced in place where that is safe. A body with several `model` names, or with escapes that could hide
    one, is decoded and encoded again: upstream must not read another model than the gateway did. Raises `Refused` where
    that fails, because members that the gateway does not read (see `ModelRequest`) were not checked before.
    """
    if (body.find(b"\\u") >= 0) or (ask_usage and body.find(b'"stream_options"') >= 0):
        return _rewrite_decoded(body, model, ask_usage)
    parts = body.split(_NAME)
    if len(parts) > 2:
        return _rewrite_decoded(body, model, ask_usage)
    if len(parts) == 2:
        rest = parts[1]
        start = _value_start(rest)
        end = rest.find(b'"', start) if start else -1
        if end < 0 or rest[start:end].find(b"\\") >= 0:
            return _rewrite_decoded(body, model, ask_usage)
        if model is not None:
            body = b"".join((parts[0], _NAME, rest[:start], model, rest[end:]))
    if ask_usage:
        body = body.replace(b"{", b'{"stream_options":{"include_usage":true},', 1)
    return body


def _value_start(rest: bytes) -> int:
    """Where the string value after a name begins; 0 where something else follows."""
    if rest.startswith(b':"'):
        return 2
    if rest.startswith(b': "'):
        return 3
    match = _COLON.match(rest)
    return match.end() if match is not None else 0


def _rewrite_decoded(body: bytes, model: bytes | None, ask_usage: bool) -> bytes:
    try:
        request = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise _unreadable(error) from None
    if model is not None:
        request["model"] = msgspec.Raw(b'"' + model + b'"')
    if ask_usage:
        request["stream_options"] = {**(request.get("stream_options") or {}), "include_usage": True}
    return msgspec.json.encode(request)
