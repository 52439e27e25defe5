"""An answer read as the gateway reads it, without a gateway: relayed, counted, and what the client gets."""

from typing import Any, NamedTuple

from mercato_gateway.heads import AnswerHead
from mercato_gateway.provider_wire import ModelRequest, decode_request
from mercato_gateway.relay import Relay
from mercato_gateway.settle import tokens_of
from mercato_gateway.targets import MODEL_OPERATIONS, ModelOperation

ASKED = decode_request(b'{"model":"m","messages":[{"role":"user","content":"%b"}]}' % (b"q" * 40))
"""A request of 10 tokens."""
JSON = "application/json"
EVENTS = "text/event-stream"


class Metered(NamedTuple):
    """What was counted, by whom, and the bytes that the client got, without their framing."""

    into: int
    out: int
    cached: int
    source: str
    streamed: bool
    passed_on: bytes


def meter(
    body: bytes,
    kind: str | None = JSON,
    *,
    path: str = "/v1/chat/completions",
    size: int = 1 << 16,
    cut: bool = False,
    drop_usage: bool = False,
    asked: ModelRequest = ASKED,
    **fields: str,
) -> Metered:
    """Meters an answer that comes in packets of `size` bytes."""
    headers = [(name.replace("_", "-").encode(), value.encode()) for name, value in fields.items()]
    if kind is not None:
        headers.append((b"content-type", kind.encode()))
    relay = Relay(
        AnswerHead(200, headers), b"%d" % len(body), metered=True, head_only=False, http10=True, drop_usage=drop_usage
    )
    passed_on = b""
    packets = [body[at : at + size] for at in range(0, len(body), size)]
    for number, packet in enumerate(packets, 1):
        out: Any = relay.feed([packet], number == len(packets) and not cut)
        if out is not None:
            relay.head_sent = True
            passed_on += out
    other = ModelOperation("openai", path, f"POST {path}", idempotent=False, ask_usage=False, gives_tokens=True)
    tokens, source = tokens_of(MODEL_OPERATIONS.get(path.encode(), other), relay, 200, asked, cut)
    return Metered(tokens.into, tokens.out, tokens.cached, source.decode(), relay.stream is not None, passed_on)


def events(*data: bytes | str) -> bytes:
    """A stream of events with these data."""
    return b"".join(b"data: %b\n\n" % (each.encode() if isinstance(each, str) else each) for each in data)
