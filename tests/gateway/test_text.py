"""Text is counted under every name that providers give it, and files are no text however they are spelled."""

import base64
import json
from typing import Any

import pytest

from mercato_gateway.provider_wire import decode_request
from mercato_gateway.tokens import estimate_input
from tests.gateway.metering import EVENTS, events, meter

WORDS = "w" * 40


def chat(message: dict[str, Any]) -> list[bytes]:
    """A chat answer with this message, whole and as a stream."""
    whole = {"choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop"}]}
    return [
        json.dumps(whole).encode(),
        events(json.dumps({"choices": [{"index": 0, "delta": message, "finish_reason": None}]}), "[DONE]"),
    ]


def kind_of(body: bytes) -> str:
    return "application/json" if body.startswith(b"{") else EVENTS


MESSAGES: dict[str, tuple[dict[str, Any], int]] = {
    "content": ({"content": WORDS}, 10),
    "parts": ({"content": [{"type": "text", "text": WORDS}]}, 10),
    "thinking parts": ({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": WORDS}]}]}, 10),
    "reasoning_content": ({"content": None, "reasoning_content": WORDS}, 10),
    "reasoning": ({"content": None, "reasoning": WORDS}, 10),
    "reasoning_text": ({"reasoning_text": WORDS}, 10),
    "thinking": ({"thinking": WORDS}, 10),
    "thoughts": ({"thoughts": [WORDS]}, 10),
    "reasoning twice": ({"reasoning": WORDS, "reasoning_content": WORDS, "content": WORDS}, 20),
    "reasoning and its details": (
        {"reasoning": WORDS, "reasoning_details": [{"type": "reasoning.text", "text": WORDS, "format": "f",
            "signature": "s" * 400}]},
        10,
    ),
    "a name that nobody knows": ({"inner_monologue": WORDS}, 10),
    "a long text under a name that nobody knows": ({"inner_monologue": "word " * 1000}, 1250),
    "refusal": ({"refusal": WORDS, "content": None}, 10),
    "transcript": ({"audio": {"id": "a", "expires_at": 5, "data": "", "transcript": WORDS}}, 10),
    "tool calls": (
        {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "find", "arguments":
            '{"a":"' + "w" * 28 + '"}'}}]},
        10,
    ),
    "a function call": ({"function_call": {"name": "find", "arguments": "w" * 36}}, 10),
    "arguments as an object": ({"tool_calls": [{"function": {"name": "find", "arguments": {"city": "w" * 36}}}]}, 10),
    "what nobody generated": (
        {"content": WORDS, "obfuscation": "o" * 99, "annotations": [{"url_citation": {"title": "t" * 99}}],
            "provider_specific_fields": {"x": WORDS}, "logprobs": {"content": [{"token": WORDS}]}},
        10,
    ),
    "escapes": ({"content": '"\n\u00e9\U0001f30d' * 5}, 10),
}  # fmt: skip


@pytest.mark.parametrize("name", MESSAGES)
def test_text_is_counted_under_every_name(name: str) -> None:
    message, tokens = MESSAGES[name]
    for body in chat(message):
        for cut in (False, True):
            metered = meter(body, kind_of(body), cut=cut)
            assert (metered.into, metered.out, metered.source) == (10, tokens, "partial" if cut else "estimated")


ANSWERS: dict[str, tuple[dict[str, Any], int]] = {
    "completions": ({"choices": [{"text": WORDS}]}, 10),
    "two choices": ({"choices": [{"message": {"content": WORDS}}, {"message": {"content": WORDS}}]}, 20),
    "Anthropic": ({"type": "message", "role": "assistant", "content": [{"type": "text", "text": WORDS}]}, 10),
    "Anthropic's thinking": (
        {"content": [{"type": "thinking", "thinking": WORDS, "signature": "s" * 400}, {"type": "text", "text": WORDS}]},
        20,
    ),
    "Anthropic's tools": ({"content": [{"type": "tool_use", "name": "find", "input": {"place": "w" * 36}}]}, 10),
    "responses": (
        {"instructions": "i" * 400, "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": WORDS}], "encrypted_content": "e" * 400},
            {"type": "message", "id": "msg_1", "role": "assistant", "content": [{"type": "output_text", "text": WORDS,
                "annotations": []}]},
            {"type": "function_call", "call_id": "call_1", "name": "find", "arguments": "w" * 36}]},
        30,
    ),
    "Gemini": (
        {"candidates": [{"content": {"role": "model", "parts": [{"text": WORDS, "thoughtSignature": "s" * 400}]},
            "finishReason": "STOP", "safetyRatings": [{"category": "c" * 99}]}], "modelVersion": "v" * 99},
        10,
    ),
    "Ollama": ({"model": "m", "message": {"role": "assistant", "content": WORDS, "thinking": WORDS}}, 20),
    "Ollama's generate": ({"model": "m", "response": WORDS, "context": [1, 2, 3]}, 10),
    "Cohere": ({"id": "c", "message": {"role": "assistant", "content": [{"type": "text", "text": WORDS}]}}, 10),
    "TGI": ({"generated_text": WORDS}, 10),
    "llama.cpp": ({"content": WORDS, "generation_settings": {"grammar": "g" * 99}, "prompt": "p" * 99}, 10),
    "Bedrock": ({"output": {"message": {"role": "assistant", "content": [{"text": WORDS}]}}}, 10),
    "Titan": ({"results": [{"outputText": WORDS}]}, 10),
    "Llama API": ({"completion_message": {"role": "assistant", "content": {"type": "text", "text": WORDS}}}, 10),
    "Llama API, streamed": ({"event": {"event_type": "progress", "delta": {"type": "text", "text": WORDS}}}, 10),
    "wrapped": ({"code": 0, "data": {"choices": [{"message": {"content": WORDS}}]}}, 10),
    "Cloudflare": ({"result": {"response": WORDS}, "success": True}, 10),
    "a transcription": ({"text": WORDS, "segments": [{"text": WORDS}], "words": [{"word": WORDS}]}, 10),
    "a search": ({"results": [{"index": 0, "document": {"text": WORDS}}]}, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", ANSWERS)
def test_text_is_counted_in_the_answers_of_every_provider(name: str) -> None:
    answer, tokens = ANSWERS[name]
    body = json.dumps(answer).encode()
    assert meter(body)[:4] == (10, tokens, 0, "estimated")
    assert meter(events(body), EVENTS)[:4] == (10, tokens, 0, "estimated")


def test_what_a_stream_repeats_counts_once() -> None:
    deltas = [
        {"type": "response.output_text.delta", "delta": "w" * 20, "obfuscation": "o" * 30},
        {"type": "response.output_text.delta", "delta": "w" * 20},
        {"type": "response.output_text.done", "text": WORDS},
        {"type": "response.content_part.done", "part": {"type": "output_text", "text": WORDS}},
        {"type": "response.output_item.done", "item": {"content": [{"text": WORDS}]}},
        {"type": "response.completed", "response": {"output": [{"content": [{"text": WORDS}]}], "usage": None}},
    ]
    for last in range(2, len(deltas) + 1):
        stream = events(*(json.dumps(delta) for delta in deltas[:last]))
        assert meter(stream, EVENTS, path="/v1/responses").out == 10
    both = {"choices": [{"delta": {"content": "w" * 20}, "message": {"content": WORDS}}]}
    assert meter(events(json.dumps(both), json.dumps(both)), EVENTS).out == 10
    tgi = [{"token": {"text": "w" * 20}}, {"token": {"text": "w" * 20}, "generated_text": WORDS}]
    assert meter(events(*map(json.dumps, tgi)), EVENTS).out == 10


@pytest.mark.parametrize("padding", [0, 1_100_000])
def test_a_whole_message_after_its_deltas_is_not_counted_again(padding: int) -> None:
    deltas = [json.dumps({"choices": [{"index": 0, "delta": {"content": "w" * 20}}]})] * 2
    whole = json.dumps({"pad": "p" * padding, "choices": [{"index": 0, "message": {"content": WORDS}}]})
    assert meter(events(*deltas, whole, "[DONE]"), EVENTS).out == 10
    assert meter(events(whole, "[DONE]"), EVENTS).out == 10
    parts = [json.dumps({"choices": [{"index": 0, "message": {"content": "w" * 20}}]})] * 2
    assert meter(events(*parts, "[DONE]"), EVENTS).out == 10


def test_what_a_model_quotes_is_not_text_of_its_own() -> None:
    text = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": WORDS}}
    quote = {"type": "web_search_result_location", "cited_text": "c" * 400, "title": "t" * 99, "url": "u" * 99}
    quotes = {"type": "content_block_delta", "delta": {"type": "citations_delta", "citation": quote}}
    stream = events(*map(json.dumps, (text, quotes)))
    assert meter(stream, EVENTS, path="/v1/messages").out == 10


FILE = base64.b64encode(bytes(range(256)) * 120).decode()  # 40 kB


def url(kind: str) -> str:
    return f"data:{kind};base64,{FILE}"


INPUTS: dict[str, Any] = {
    "image_url": {"type": "image_url", "image_url": {"url": url("image/png"), "detail": "low"}},
    "image_url, plain": {"type": "input_image", "image_url": url("image/png")},
    "input_audio": {"type": "input_audio", "input_audio": {"data": FILE, "format": "wav"}},
    "input_audio without a format": {"type": "input_audio", "input_audio": {"data": FILE}},
    "file_data": {"type": "input_file", "filename": "a.pdf", "file_data": FILE},
    "file_data, nested": {"type": "file", "file": {"filename": "a.pdf", "file_data": FILE}},
    "file_data as a URL": {"type": "file", "file": {"filename": "a.pdf", "file_data": url("application/pdf")}},
    "Anthropic": {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": FILE}},
    "Gemini": {"inline_data": {"mime_type": "image/png", "data": FILE}},
    "Gemini, camel": {"inlineData": {"mimeType": "image/png", "data": FILE}},
    "Bedrock": {"image": {"format": "png", "source": {"bytes": FILE}}},
    "Ollama": {"images": [FILE]},
    "video": {"type": "video_url", "video_url": {"url": url("video/mp4")}},
    "b64_json": {"b64_json": FILE},
    "earlier image": {"type": "image_generation_call", "result": FILE},
    "lines of 76": {"file_data": "\r\n".join(FILE[at : at + 76] for at in range(0, len(FILE), 76))},
    "for URLs": {"file_data": FILE.replace("+", "-").replace("/", "_")},
    "a name that nobody knows": {"scan_of_passport": FILE},
    "encrypted": {"type": "reasoning", "encrypted_content": FILE},
    "a URL in capitals": {"type": "input_image", "image_url": " " + url("image/png").replace("data", "DATA")},
    "a URL in lines": {
        "type": "text",
        "text": "![](data:image/png;base64," + "\r\n".join(FILE[at : at + 76] for at in range(0, len(FILE), 76)) + ")",
    },
    "in a text": {"type": "text", "text": f"![]({url('image/png')})"},
}


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("where", ["messages", "input", "prompt"])
def test_a_file_in_a_request_is_a_thousand_tokens_however_it_is_spelled(name: str, where: str) -> None:
    part = INPUTS[name]
    content = [{"type": "text", "text": "w" * 400}, part]
    asked = {"messages": [{"role": "user", "content": content}], "input": content, "prompt": content}[where]
    for body in (json.dumps({where: asked}), json.dumps({where: asked}).replace("/", "\\/")):
        tokens = estimate_input(decode_request(body.encode()))
        assert 1100 <= tokens <= 1125


def test_a_document_of_text_is_no_file() -> None:
    source = {"type": "text", "media_type": "text/plain", "data": WORDS}
    content = [{"type": "document", "source": source}]
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()
    assert estimate_input(decode_request(body)) == 13  # with its media type


def test_text_in_a_request_stays_text_whatever_it_looks_like() -> None:
    for part in ({"type": "text", "text": FILE}, {"content": FILE}, {"arguments": FILE}):
        request = decode_request(json.dumps({"messages": [part]}).encode())
        assert estimate_input(request) == len(FILE) // 4
    assert estimate_input(decode_request(json.dumps({"input": FILE}).encode())) == len(FILE) // 4
    schema = {"tools": [{"function": {"name": "a", "parameters": {"const": "b" * 96, "result": "short"}}}]}
    assert estimate_input(decode_request(json.dumps(schema).encode())) == 26


def test_text_that_begins_like_a_file_is_text() -> None:
    for text in ("data: " + "w " * 4000, "data:\n" + "w " * 4000, "Data:7,8,9" + ", 7" * 4000, "data:word, " * 999):
        request = decode_request(json.dumps({"input": text}).encode())
        assert estimate_input(request) == -(-len(text) // 4)
    part = {"data": "w " * 4000, "format": "text"}
    assert estimate_input(decode_request(json.dumps({"input": [part]}).encode())) == 2001


OUTPUTS: dict[str, dict[str, Any]] = {
    "image": {"output": [{"type": "image_generation_call", "id": "ig_1", "result": FILE * 10}]},
    "images": {"created": 7, "data": [{"b64_json": FILE * 10}]},
    "audio": {"choices": [{"message": {"audio": {"id": "a", "data": FILE}}}]},
    "Gemini": {"candidates": [{"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": FILE}}]}}]},
    "a name that nobody knows": {"choices": [{"message": {"drawing": FILE}}]},
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_file_in_an_answer_is_a_thousand_tokens(name: str) -> None:
    for body in (json.dumps(OUTPUTS[name]), json.dumps(OUTPUTS[name]).replace("/", "\\/").replace("+", "\\u002B")):
        assert meter(body.encode())[:4] == (10, 1000, 0, "estimated")
        assert meter(events(body), EVENTS)[:4] == (10, 1000, 0, "estimated")


def test_a_file_that_comes_in_pieces_is_one() -> None:
    pieces = [FILE[at : at + 3000] for at in range(0, len(FILE), 3000)]
    chats = [json.dumps({"choices": [{"delta": {"audio": {"data": piece}}}]}) for piece in pieces]
    assert meter(events(*chats), EVENTS).out <= 1000
    voices = [json.dumps({"type": "response.audio.delta", "delta": piece}) for piece in pieces]
    assert meter(events(*voices), EVENTS, path="/v1/responses").out <= 1000
    images = [json.dumps({"type": "response.image_generation_call.partial_image", "partial_image_b64": FILE})] * 3
    assert meter(events(*images), EVENTS, path="/v1/responses").out == 1000
