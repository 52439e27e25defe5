"""Failures that call themselves a success: free without usage and text, in every dialect; and what is no failure."""

import json
from typing import Any

import pytest

from tests.gateway.metering import EVENTS, events, meter

TEXT = json.dumps({"choices": [{"delta": {"content": "w" * 40}}]})

FAILED: dict[str, Any] = {
    "OpenAI": {"error": {"message": "The server had an error", "type": "server_error", "code": None}},
    "a word": {"error": "overloaded"},
    "a list": [{"error": {"code": 429, "message": "Quota exceeded", "status": "RESOURCE_EXHAUSTED"}}],
    "Gemini": {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}},
    "Anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    "a type alone": {"type": "error", "code": "server_error", "message": "no", "param": None, "sequence_number": 3},
    "vLLM": {"object": "error", "message": "no", "type": "BadRequestError", "param": None, "code": 400},
    "responses": {
        "type": "response.failed",
        "response": {"status": "failed", "error": {"code": "server_error", "message": "no"}, "output": [],
            "usage": None},
    },
    "a status alone": {"type": "response.failed", "response": {"status": "failed", "output": [], "usage": None}},
    "a whole response": {"object": "response", "status": "failed", "output": [], "usage": None},
    "OpenRouter": {
        "id": "gen-1", "error": {"code": 502, "message": "Provider disconnected"},
        "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "error"}],
    },
    "a reason to finish": {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]},
    "a choice": {"choices": [{"index": 0, "delta": {}, "error": {"code": 502, "message": "no"}}]},
    "Cohere": {"type": "message-end", "delta": {"error": "", "finish_reason": "ERROR"}},
    "MiniMax": {"choices": None, "base_resp": {"status_code": 1004, "status_msg": "login fail"}},
    "Cloudflare": {"result": None, "success": False, "errors": [{"code": 5006, "message": "no"}], "messages": []},
    "a code": {"code": 429, "message": "quota"},
    "a status": {"timestamp": "now", "status": 500, "message": "no"},
    "Bedrock": {"modelStreamErrorException": {"message": "no", "originalStatusCode": 500}},
    "usage of nothing": {"error": {"message": "no"}, "usage": {"prompt_tokens": 0, "completion_tokens": 0}},
}  # fmt: skip
FREE = (0, 0, 0, "failed")


@pytest.mark.parametrize("name", FAILED)
@pytest.mark.parametrize("indent", [None, 2])
def test_a_failure_without_usage_and_text_is_free(name: str, indent: int | None) -> None:
    body = json.dumps(FAILED[name], indent=indent).encode()
    assert meter(body)[:4] == FREE
    stream = b"".join(b"data: %b\n" % line for line in body.split(b"\n")) + b"\n"
    for whole in (stream, stream + events("[DONE]"), b": OPENROUTER PROCESSING\n\n" + stream, stream[:-2]):
        metered = meter(whole, EVENTS, drop_usage=True)
        assert metered[:4] == FREE
        assert metered.passed_on == whole
    if indent is None:
        assert meter(body + b"\n", "application/x-ndjson")[:4] == FREE


@pytest.mark.parametrize("name", FAILED)
def test_a_failure_behind_text_leaves_the_text_to_pay(name: str) -> None:
    assert meter(events(TEXT, json.dumps(FAILED[name]), "[DONE]"), EVENTS)[:4] == (10, 10, 0, "partial")


NAMED = [
    b'event: error\ndata: {"message":"quota","code":429}\n\n',
    b'event:error\r\ndata:{"detail":"no","text":"Out of memory"}\r\n\r\n',
    b'data: {"message":"quota"}\rid: 5\revent: error\r\r',
    b"event: error\ndata: Service unavailable\n\n",
    b"event: error\n\n",
    b'event: response.failed\ndata: {"response":{"output":[]}}\n\n',
    b'event: Exception\ndata: {"message":"no"}\n\n',
    b"event: error\ndata: [1]\n\nevent: done\ndata: [DONE]\n\n",
    b'error: {"code":500,"message":"no"}\n\n',
]


@pytest.mark.parametrize("stream", NAMED)
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_an_event_that_is_named_an_error_is_one_whatever_it_holds(stream: bytes, size: int) -> None:
    metered = meter(stream, EVENTS, size=size)
    assert metered[:4] == FREE
    assert metered.passed_on == stream
    assert meter(stream, None, size=size)[:4] == FREE
    assert meter(events(TEXT) + stream, EVENTS, size=size)[:4] == (10, 10, 0, "partial")


@pytest.mark.parametrize(
    "document",
    [
        {"choices": [{"message": {"content": "", "tool_calls": []}, "finish_reason": "stop"}]},
        {"choices": [], "error": None, "errors": []},
        {"error": {}, "choices": []},
        {"error": False, "status": "completed"},
        {"code": 0, "message": "success"},
        {"code": 200, "status": 200, "status_code": 200},
        {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}, "output": []},
        {"choices": [{"finish_reason": "content_filter", "message": {"content": None}}]},
        {"object": "list", "data": [{"object": "embedding", "embedding": [0.5]}]},
        {"base_resp": {"status_code": 0, "status_msg": ""}, "success": True},
        {"output": [{"type": "mcp_call", "error": "no such page", "status": "failed"}]},
        {"content": [{"type": "tool_result", "is_error": True}]},
    ],
)
def test_an_answer_without_text_is_no_failure(document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    assert meter(body).source == "estimated"
    assert meter(events(body, "[DONE]"), EVENTS).source == "estimated"


def test_a_failure_beside_usage_is_charged_by_the_usage() -> None:
    failed = {"response": {"error": {"code": "x"}, "usage": {"input_tokens": 11, "output_tokens": 3}}}
    body = json.dumps({"type": "response.failed", **failed})
    assert meter(events(body), EVENTS, path="/v1/responses")[:4] == (11, 3, 0, "provider")
