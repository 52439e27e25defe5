"""Checks whether a service's counts can be true. Counts that cannot are replaced by our own, and the claim is recorded.

Output is limited by the request: its bound, times `n`, and 16 tokens more for each answer, because servers differ in
whether they count end markers. A summary of the conversation that a request asks for (Anthropic's compaction) comes
on top of the bound, with a token for each byte of the answer. Hidden reasoning tokens are within that limit. Without
a bound the limit is a token for each byte of the answer, at least 1,024, and never more than the published context
window. Input is limited to a token for each byte of text, under whatever name (a suffix, documents, the schema of the
answer), and 1,024 for the service's own templates and instructions; a file counts as 4,000, or a token for each 16 of
its bytes. Where a request lets the service add text of its own (a stored conversation, a search, a document or video
that is only named), input may fill the context.
"""

import re
from typing import NamedTuple

import msgspec

from mercato_gateway.bodies import DEFAULT_OUTPUT_TOKENS, choices_of, output_bound
from mercato_gateway.provider_wire import ModelRequest
from mercato_gateway.relay import Relay
from mercato_gateway.settle import own_count
from mercato_gateway.targets import MODEL_PATHS, ModelOperation
from mercato_gateway.texts import input_bytes
from mercato_gateway.tokens import Tokens, estimate_input

INPUT_BEYOND_REQUEST = b"input_beyond_request"
OUTPUT_BEYOND_BOUND = b"output_beyond_bound"
OUTPUT_BEYOND_ANSWER = b"output_beyond_answer"

_TOLERANCE = 16
_TEMPLATE_TOKENS = 1024
_FILE_TOKENS = 4000
_BYTES_PER_FILE_TOKEN = 16
# For pictures, sound and vectors that an answer only refers to.
_REFERRED_TOKENS = 10_000
_LARGEST_CONTEXT = 1_000_000
_PACKED = 20
_REFERENCES = (b'"image_url"', b'"url"', b'"input_audio"')
# Tools that are only named: the service describes them to the model itself, in some hundreds of tokens each.
_BUILT_IN_TOOLS = (b'"computer_', b'"bash_', b'"text_editor_', b'"memory_')
_BRINGS_TEXT = (
    b'"previous_response_id"', b'"conversation"', b'"container"', b'"web_search', b'"web_fetch', b'"file_id"',
    b'"file_url"', b'"video_url"', b'"document_url"', b'"file_search', b'"code_interpreter', b'"code_execution',
    b'"mcp', b'"data_sources"', b'"plugins"',
)  # fmt: skip
_COMPACTS = b'"compact_'
_STORED_PROMPT = re.compile(rb'"prompt"\s*:\s*\{')
_ESTIMATED = frozenset({"messages", "prompt", "input", "system", "instructions", "tools", "model"})


class Bounds(NamedTuple):
    """What limits a call's tokens. `bound` is the bound that the request's own was lowered to; 0 for none."""

    operation: ModelOperation
    request: ModelRequest | None
    body: bytes
    relay: Relay | None
    bound: int
    context_window: int | None


class Believed(NamedTuple):
    """The tokens that count, who counted them, and why the service's own count is doubted; empty where it is not."""

    tokens: Tokens
    source: bytes
    doubt: bytes


def believe(tokens: Tokens, source: bytes, bounds: Bounds) -> Believed:
    """The service's counts where they can be true; else our own."""
    doubt, room = _doubt(tokens, bounds)
    if not doubt:
        return Believed(tokens, source, b"")
    own = own_count(bounds.operation, bounds.relay, bounds.request)
    # Our own count may exceed the bound too: text beyond the bound is not charged, and was not claimed.
    claimed = tokens.into > own.into or tokens.out > own.out
    own = Tokens(own.into, min(own.out, room), 0)
    return Believed(own, source if source == b"partial" else b"estimated", doubt if claimed else b"")


def _doubt(tokens: Tokens, bounds: Bounds) -> tuple[bytes, int]:
    """Why these counts cannot be true (or nothing), and the most output tokens that can be."""
    room, reason = _output_room(bounds)
    if tokens.out > room:
        return reason, room
    if tokens.into > _TEMPLATE_TOKENS and _is_beyond_input(tokens.into, bounds):
        return INPUT_BEYOND_REQUEST, room
    return b"", room


def _output_room(bounds: Bounds) -> tuple[int, bytes]:
    operation, request = bounds.operation, bounds.request
    if not operation.gives_tokens:
        return _TOLERANCE, OUTPUT_BEYOND_ANSWER
    choices = choices_of(request)
    bound = bounds.bound or output_bound(request)
    relay = bounds.relay
    text = 0 if relay is None else relay.bytes_out * (_PACKED if relay.packed else 1)
    if bound >= 0:
        room = (bound + _TOLERANCE) * choices
        return room + (text if bounds.body.find(_COMPACTS) >= 0 else 0), OUTPUT_BEYOND_BOUND
    room = max(text, DEFAULT_OUTPUT_TOKENS * choices)
    if operation.path not in MODEL_PATHS:
        room += _REFERRED_TOKENS * choices
    if bounds.context_window is not None:
        room = min(room, bounds.context_window * choices)
    return room, OUTPUT_BEYOND_ANSWER


def _is_beyond_input(into: int, bounds: Bounds) -> bool:
    room = _TEMPLATE_TOKENS + 4 * estimate_input(bounds.request)
    if into <= room:
        return False  # as nearly every count: a token has four bytes or so
    body = bounds.body
    is_document = body.find(b'"document"') >= 0 and body.find(b'"url"') >= 0
    if is_document or any(body.find(mark) >= 0 for mark in _BRINGS_TEXT) or _STORED_PROMPT.search(body):
        return into > (bounds.context_window or _LARGEST_CONTEXT)
    references = sum(body.count(mark) for mark in (*_REFERENCES, *_BUILT_IN_TOOLS))
    room += _FILE_TOKENS * references + len(body) // _BYTES_PER_FILE_TOKEN
    return into > room and into > room + _other_text(body)


def _other_text(body: bytes) -> int:
    """Bytes of text in members of the request that the estimate leaves out."""
    if not body.lstrip().startswith(b"{"):
        return 0
    try:
        members = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0
    return sum(input_bytes(value, name) for name, value in members.items() if name not in _ESTIMATED)
