"""Which counts of input a service may claim, by what the request lets it add."""

import json
from typing import Any

import pytest

from mercato_gateway.heads import AnswerHead
from mercato_gateway.plausible import INPUT_BEYOND_REQUEST, OUTPUT_BEYOND_BOUND, Bounds, believe
from mercato_gateway.provider_wire import decode_request
from mercato_gateway.relay import Relay
from mercato_gateway.targets import MODEL_OPERATIONS
from mercato_gateway.tokens import Tokens

SEPARATORS = [(",", ":"), (", ", ": ")]


def doubt(request: dict[str, Any], into: int, path: str, separators: tuple[str, str]) -> bytes:
    """Why a claim of that many input tokens is doubted, of a service with a context of 50,000."""
    body = json.dumps({"model": "m", **request}, separators=separators).encode()
    bounds = Bounds(MODEL_OPERATIONS[path.encode()], decode_request(body), body, None, 0, 50_000)
    return believe(Tokens(into, 1, 0), b"provider", bounds).doubt


@pytest.mark.parametrize("separators", SEPARATORS)
@pytest.mark.parametrize(
    "request_",
    [
        {"prompt": {"id": "pmpt_1", "variables": {"a": "b"}}},
        {"prompt": {"id": "pmpt_1"}, "input": "hello"},
        {"previous_response_id": "resp_1", "input": "hello"},
        {"conversation": "conv_1", "input": "hello"},
        {"input": "hello", "tools": [{"type": "web_search"}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file_1"}]}]},
        {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x.example/a.pdf"}]}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "video_url", "video_url": {"url": "https://x.example/v"}}]}
            ]
        },
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}}],
                }
            ]
        },
        {"input": "hello", "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
    ],
)
def test_what_a_request_lets_the_service_add_counts(request_: dict[str, Any], separators: tuple[str, str]) -> None:
    assert doubt(request_, 40_000, "/v1/responses", separators) == b""
    assert doubt(request_, 50_001, "/v1/responses", separators) == INPUT_BEYOND_REQUEST


@pytest.mark.parametrize("separators", SEPARATORS)
def test_tools_that_are_only_named_have_descriptions_of_their_own(separators: tuple[str, str]) -> None:
    message = {"messages": [{"role": "user", "content": "Open it."}], "max_tokens": 9}
    tools = [{"type": kind, "name": kind} for kind in ("computer_20250124", "bash_20250124", "text_editor_20250728")]
    assert doubt({**message, "tools": tools}, 3_000, "/v1/messages", separators) == b""
    assert doubt({**message, "tools": tools}, 30_000, "/v1/messages", separators) == INPUT_BEYOND_REQUEST
    assert doubt(message, 3_000, "/v1/messages", separators) == INPUT_BEYOND_REQUEST


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": "def f(", "suffix": "x = 1\n" * 1000},
        {"functions": [{"name": "find", "description": "d" * 6000}]},
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {"description": "d" * 6000}}}},
        {"documents": [{"data": {"text": "word " * 1200}}]},
    ],
)
def test_text_under_any_name_may_be_input(more: dict[str, Any]) -> None:
    for separators in SEPARATORS:
        assert doubt(more, 6_000, "/v1/completions", separators) == b""
        assert doubt(more, 9_000, "/v1/completions", separators) == INPUT_BEYOND_REQUEST


def test_a_summary_on_the_way_has_output_beyond_the_bound() -> None:
    message = {"messages": [{"role": "user", "content": "word " * 2_000}], "max_tokens": 100}
    compacting = message | {"context_management": {"edits": [{"type": "compact_20260112"}]}}
    for request, out, expected in (
        (message, 117, OUTPUT_BEYOND_BOUND),
        (compacting, 117, b""),
        (compacting, 116 + 3_000, b""),
        (compacting, 116 + 3_001, OUTPUT_BEYOND_BOUND),
    ):
        body = json.dumps({"model": "m", **request}).encode()
        relay = answered(b'{"content":[],"id":"%b"}' % (b"x" * 2_978))
        assert relay.bytes_out == 3_000
        bounds = Bounds(MODEL_OPERATIONS[b"/v1/messages"], decode_request(body), body, relay, 0, None)
        assert believe(Tokens(2_000, out, 0), b"provider", bounds).doubt == expected, (request.keys(), out)


def answered(body: bytes) -> Relay:
    """The relay of an answer that has arrived."""
    head = AnswerHead(200, [(b"content-type", b"application/json")])
    relay = Relay(head, b"%d" % len(body), metered=True, head_only=False, http10=False, drop_usage=False)
    relay.feed([body], True)
    return relay


def test_a_link_to_an_image_is_bounded_by_what_images_take() -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    request = {"messages": [{"role": "user", "content": [image]}]}
    for separators in SEPARATORS:
        assert doubt(request, 5_000, "/v1/chat/completions", separators) == b""
        assert doubt(request, 40_000, "/v1/chat/completions", separators) == INPUT_BEYOND_REQUEST


def test_a_prompt_that_is_text_lets_nothing_be_added() -> None:
    for separators in SEPARATORS:
        assert doubt({"prompt": "hello"}, 3_000, "/v1/completions", separators) == INPUT_BEYOND_REQUEST
