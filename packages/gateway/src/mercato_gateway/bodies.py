"""The JSON bodies of model calls: what is read of them, and the smallest change that names the upstream's model."""

import re
from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from mercato_gateway.refusals import Refused

DEFAULT_OUTPUT_TOKENS = 1024
_MOST_OUTPUT_TOKENS = 10_000_000
_MODEL = re.compile(rb'"model"(\s*:\s*)"[^"\\]*"')


class ModelRequest(Struct):
    """What is read of a request; everything else is passed on as it stands."""

    model: str | UnsetType = UNSET
    stream: bool | None = None
    stream_options: dict[str, Any] | UnsetType | None = UNSET
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    max_output_tokens: int | None = None
    n: int | None = None

    def output_tokens(self) -> int:
        """Most tokens that this call can give; a modest default where it sets no bound."""
        bound = next(
            (n for n in (self.max_completion_tokens, self.max_tokens, self.max_output_tokens) if n is not None), None
        )
        each = DEFAULT_OUTPUT_TOKENS if bound is None else min(max(bound, 0), _MOST_OUTPUT_TOKENS)
        return each * min(max(self.n or 1, 1), 128)


_decode = msgspec.json.Decoder(ModelRequest).decode


def read_request(body: bytes) -> ModelRequest:
    """Raises `Refused` for what is no JSON object with the right types."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Refused("bad_body", f"The body cannot be read: {str(error)[:200]}.") from None


def rewrite(body: bytes, model: str | None, *, ask_usage: bool) -> bytes:
    """The body with another `model` and, with `ask_usage`, with `stream_options.include_usage`.

    Bytes are replaced in place where that is safe; a body with several `model` names or escapes that could hide one is
    decoded and written anew, so that upstream cannot read another model than we did.
    """
    match = _MODEL.search(body)
    if b"\\u" in body or body.count(b'"model"') != (match is not None) or (ask_usage and b'"stream_options"' in body):
        return _rewrite_decoded(body, model, ask_usage)
    if model is not None and match is not None:
        body = b'%b"model"%b"%b"%b' % (body[: match.start()], match[1], _escaped(model), body[match.end() :])
    if ask_usage:
        body = body.replace(b"{", b'{"stream_options":{"include_usage":true},', 1)
    return body


def _escaped(text: str) -> bytes:
    return msgspec.json.encode(text)[1:-1]


def _rewrite_decoded(body: bytes, model: str | None, ask_usage: bool) -> bytes:
    request = msgspec.json.decode(body)
    if model is not None:
        request["model"] = model
    if ask_usage:
        request["stream_options"] = {**(request.get("stream_options") or {}), "include_usage": True}
    return msgspec.json.encode(request)
