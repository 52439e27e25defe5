"""The usage of every provider that is known: a case each, as their documentation has it."""

import json
from typing import Any

import pytest

from mercato_gateway.usage import Usage
from tests.gateway.metering import EVENTS, events, meter

# Of a whole answer or of the event that holds it: input, output and cached tokens.
SHAPES: dict[str, tuple[dict[str, Any], tuple[int, int, int]]] = {
    "OpenAI chat": (
        {"choices": [], "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29,
            "prompt_tokens_details": {"cached_tokens": 8, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 4}}},
        (19, 10, 8),
    ),
    "OpenAI responses": (
        {"output": [], "usage": {"input_tokens": 36, "input_tokens_details": {"cached_tokens": 6}, "output_tokens": 87,
            "output_tokens_details": {"reasoning_tokens": 80}, "total_tokens": 123}},
        (36, 87, 6),
    ),
    "OpenAI responses, streamed": (
        {"type": "response.completed", "response": {"usage": {"input_tokens": 36, "output_tokens": 87}}}, (36, 87, 0)
    ),
    "OpenAI completions": (
        {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12}}, (5, 7, 0)
    ),
    "OpenAI embeddings": ({"data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}, (8, 0, 0)),
    "OpenAI images": (
        {"data": [], "usage": {"total_tokens": 100, "input_tokens": 50, "output_tokens": 50}}, (50, 50, 0)
    ),
    "Anthropic": (
        {"content": [], "usage": {"input_tokens": 3, "output_tokens": 22, "cache_read_input_tokens": 6,
            "cache_creation_input_tokens": 5, "cache_creation": {"ephemeral_5m_input_tokens": 5}}},
        (14, 22, 6),
    ),
    "Anthropic, streamed": (
        {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 25, "output_tokens": 1}}},
        (25, 1, 0),
    ),
    "Gemini": (
        {"candidates": [], "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 5, "thoughtsTokenCount": 7,
            "cachedContentTokenCount": 4, "totalTokenCount": 23,
            "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 11}]}},
        (11, 12, 4),
    ),
    "Gemini without a total": (
        {"usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 5, "thoughtsTokenCount": 7}}, (11, 12, 0)
    ),
    "Gemini with tools": (
        {"usageMetadata": {"promptTokenCount": 11, "toolUsePromptTokenCount": 30, "candidatesTokenCount": 5,
            "totalTokenCount": 46}},
        (41, 5, 0),
    ),
    "Gemini's OpenAI surface": (
        {"choices": [], "usage": {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135}}, (32, 103, 0)
    ),
    "Gemini, wrapped": (
        {"response": {"candidates": [], "usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 2}}}, (4, 2, 0)
    ),
    "Moonshot": (
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop",
            "usage": {"prompt_tokens": 11, "completion_tokens": 7}}]},
        (11, 7, 0),
    ),
    "Moonshot, cached": (
        {"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7, "cached_tokens": 9}}, (11, 7, 9)
    ),
    "xAI": (
        {"choices": [], "usage": {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135,
            "prompt_tokens_details": {"text_tokens": 32, "cached_tokens": 6},
            "completion_tokens_details": {"reasoning_tokens": 94}, "num_sources_used": 0}},
        (32, 103, 6),
    ),
    "xAI without a total": (
        {"choices": [], "usage": {"prompt_tokens": 32, "completion_tokens": 9,
            "completion_tokens_details": {"reasoning_tokens": 94}}},
        (32, 103, 0),
    ),
    "DeepSeek": (
        {"choices": [], "usage": {"prompt_tokens": 320, "completion_tokens": 180, "total_tokens": 500,
            "prompt_cache_hit_tokens": 256, "prompt_cache_miss_tokens": 64}},
        (320, 180, 256),
    ),
    "DeepSeek without a prompt": (
        {"choices": [], "usage": {"completion_tokens": 20, "prompt_cache_hit_tokens": 10,
            "prompt_cache_miss_tokens": 5}},
        (15, 20, 10),
    ),
    "Ollama": (
        {"model": "m", "message": {"role": "assistant", "content": ""}, "done": True, "prompt_eval_count": 26,
            "prompt_eval_duration": 5, "eval_count": 290, "eval_duration": 9},
        (26, 290, 0),
    ),
    "llama.cpp": (
        {"content": "", "tokens_predicted": 200, "tokens_evaluated": 100, "tokens_cached": 299}, (100, 200, 0)
    ),
    "vLLM, usage in each event": (
        {"choices": [{"delta": {"content": "a"}}], "usage": {"prompt_tokens": 5, "completion_tokens": 1,
            "total_tokens": 6}},
        (5, 1, 0),
    ),
    "vLLM, embeddings": (
        {"data": [], "usage": {"prompt_tokens": 9, "completion_tokens": 0, "total_tokens": 9,
            "prompt_tokens_details": None}},
        (9, 0, 0),
    ),
    "Mistral": (
        {"choices": [{"delta": {"content": ""}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 16, "total_tokens": 50, "completion_tokens": 34}},
        (16, 34, 0),
    ),
    "Groq": (
        {"choices": [{"delta": {}, "finish_reason": "stop"}], "x_groq": {"id": "r", "usage": {"queue_time": 0.03,
            "prompt_tokens": 14, "prompt_time": 0.001, "completion_tokens": 11, "total_tokens": 25}}},
        (14, 11, 0),
    ),
    "Cohere": (
        {"text": "", "meta": {"api_version": {"version": "1"}, "billed_units": {"input_tokens": 5, "output_tokens": 12},
            "tokens": {"input_tokens": 71, "output_tokens": 13}}},
        (5, 12, 0),
    ),
    "Cohere, tokens only": ({"meta": {"tokens": {"input_tokens": 71, "output_tokens": 13}}}, (71, 13, 0)),
    "Cohere, second version, streamed": (
        {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": {
            "billed_units": {"input_tokens": 17, "output_tokens": 41},
            "tokens": {"input_tokens": 216, "output_tokens": 41}, "cached_tokens": 16}}},
        (17, 41, 16),
    ),
    "Perplexity": (
        {"choices": [], "usage": {"prompt_tokens": 33, "completion_tokens": 7163, "total_tokens": 7196,
            "citation_tokens": 20016, "num_search_queries": 18, "reasoning_tokens": 73995}},
        (33, 81158, 0),
    ),
    "OpenRouter": (
        {"choices": [], "usage": {"prompt_tokens": 194, "completion_tokens": 2, "total_tokens": 196, "cost": 0.95,
            "prompt_tokens_details": {"cached_tokens": 100, "cache_write_tokens": 10}}},
        (194, 2, 100),
    ),
    "OpenRouter's statistics": (
        {"data": {"id": "gen-1", "tokens_prompt": 10, "tokens_completion": 25, "native_tokens_prompt": 9,
            "native_tokens_completion": 20, "native_tokens_cached": 3}},
        (9, 20, 3),
    ),
    "TGI": (
        {"generated_text": "", "details": {"finish_reason": "length", "generated_tokens": 20, "input_length": 6,
            "tokens": [{"id": 1, "text": "a", "logprob": -1.0}]}},
        (6, 20, 0),
    ),
    "Bedrock": (
        {"output": {"message": {"content": []}}, "stopReason": "end_turn",
            "usage": {"inputTokens": 30, "outputTokens": 628, "totalTokens": 658}},
        (30, 628, 0),
    ),
    "Bedrock, cached": (
        {"metadata": {"usage": {"inputTokens": 9, "outputTokens": 50, "totalTokens": 1659,
            "cacheReadInputTokens": 1500, "cacheWriteInputTokens": 100}, "metrics": {"latencyMs": 5}}},
        (1609, 50, 1500),
    ),
    "Bedrock, metrics": (
        {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 8, "outputTokenCount": 42,
            "invocationLatency": 500}},
        (8, 42, 0),
    ),
    "Bedrock, Llama": (
        {"generation": "", "prompt_token_count": 12, "generation_token_count": 30, "stop_reason": "stop"}, (12, 30, 0)
    ),
    "Bedrock, Titan": (
        {"index": 0, "outputText": "", "totalOutputTextTokenCount": 22, "inputTextTokenCount": 4}, (4, 22, 0)
    ),
    "AI21": (
        {"choices": [], "usage": {"prompt_tokens": 107, "completion_tokens": 121, "total_tokens": 228}}, (107, 121, 0)
    ),
    "watsonx": ({"results": [{"generated_text": "", "generated_token_count": 20, "input_token_count": 6}]}, (6, 20, 0)),
    "DeepInfra": (
        {"results": [], "inference_status": {"tokens_input": 40, "tokens_generated": 50, "cost": 0.1}}, (40, 50, 0)
    ),
    "Cloudflare": (
        {"success": True, "result": {"response": "", "usage": {"prompt_tokens": 6, "completion_tokens": 3,
            "total_tokens": 9}}},
        (6, 3, 0),
    ),
    "DashScope": (
        {"output": {"text": "", "finish_reason": "stop"}, "usage": {"input_tokens": 12, "output_tokens": 98,
            "total_tokens": 110}, "request_id": "r"},
        (12, 98, 0),
    ),
    "MiniMax": (
        {"choices": [], "usage": {"total_tokens": 249, "total_characters": 0, "prompt_tokens": 26,
            "completion_tokens": 223}, "base_resp": {"status_code": 0}},
        (26, 223, 0),
    ),
    "Voyage": ({"data": [], "usage": {"total_tokens": 10}}, (10, 0, 0)),
    "Aleph Alpha": (
        {"completions": [], "num_tokens_prompt_total": 7, "num_tokens_generated": 9}, (7, 9, 0)
    ),
    "LangServe": (
        {"output": {}, "usage_metadata": {"input_tokens": 4, "output_tokens": 3, "total_tokens": 7,
            "input_token_details": {"cache_read": 2}}},
        (4, 3, 2),
    ),
    "Vercel": (
        {"usage": {"inputTokens": 13457, "inputTokenDetails": {"noCacheTokens": 273, "cacheReadTokens": 13184},
            "outputTokens": 564, "totalTokens": 14021, "cachedInputTokens": 13184}},
        (13457, 564, 13184),
    ),
    "a cache beside the input": (
        {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 1615,
            "cache_read_input_tokens": 1500, "cache_creation_input_tokens": 100}},
        (1610, 5, 1500),
    ),
    "a cache within the input": (
        {"choices": [], "usage": {"prompt_tokens": 1610, "completion_tokens": 5, "total_tokens": 1615,
            "cache_read_input_tokens": 1500, "cache_creation_input_tokens": 100}},
        (1610, 5, 1500),
    ),
    "a cache beside the input, in its details": (
        {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 1615,
            "prompt_tokens_details": {"cached_tokens": 1500, "cache_write_tokens": 100}}},
        (1610, 5, 1500),
    ),
    "a cache within the input, in its details": (
        {"choices": [], "usage": {"prompt_tokens": 1610, "completion_tokens": 5, "total_tokens": 1615,
            "prompt_tokens_details": {"cached_tokens": 1500, "cache_creation_tokens": 100}}},
        (1610, 5, 1500),
    ),
    "a cache that was only written, beside the input": (
        {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 1115,
            "prompt_tokens_details": {"cached_tokens": 0, "cache_creation_tokens": 1100}}},
        (1110, 5, 0),
    ),
    "Vercel, with a cache": (
        {"usage": {"inputTokens": 13457, "inputTokenDetails": {"noCacheTokens": 273, "cacheReadTokens": 13000,
            "cacheWriteTokens": 184}, "outputTokens": 564, "totalTokens": 14021}},
        (13457, 564, 13000),
    ),
    "OpenAI responses, with a cache": (
        {"output": [], "usage": {"input_tokens": 36, "input_tokens_details": {"cached_tokens": 6,
            "cache_write_tokens": 20}, "output_tokens": 7, "total_tokens": 43}},
        (36, 7, 6),
    ),
    "a larger cache than the input": (
        {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 1615,
            "prompt_tokens_details": {"cached_tokens": 1600}}},
        (1610, 5, 1600),
    ),
    "a cache that the total shows beside the input": (
        {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 155,
            "prompt_tokens_details": {"cached_tokens": 50}}},
        (150, 5, 50),
    ),
    "reasoning in the total, as much as was cached": (
        {"choices": [], "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 155,
            "prompt_tokens_details": {"cached_tokens": 50}, "completion_tokens_details": {"reasoning_tokens": 50}}},
        (100, 55, 50),
    ),
    "a cache that the total shows within the input": (
        {"usage": {"input_tokens": 9, "output_tokens": 22, "cache_read_input_tokens": 6, "total_tokens": 31}},
        (9, 22, 6),
    ),
    "YandexGPT": (
        {"result": {"alternatives": [], "usage": {"inputTextTokens": "37", "completionTokens": "10",
            "totalTokens": "47"}}},
        (37, 10, 0),
    ),
    "Hunyuan": (
        {"Choices": [], "Usage": {"PromptTokens": 3, "CompletionTokens": 8, "TotalTokens": 11}}, (3, 8, 0)
    ),
    "Hunyuan, wrapped": (
        {"Response": {"Choices": [], "Usage": {"PromptTokens": 3, "CompletionTokens": 8, "TotalTokens": 11}}}, (3, 8, 0)
    ),
    "LangServe, of the message": (
        {"output": {"content": "", "usage_metadata": {"input_tokens": 4, "output_tokens": 3, "total_tokens": 7}}},
        (4, 3, 0),
    ),
    "LangChain": (
        {"content": "", "response_metadata": {"token_usage": {"prompt_tokens": 8, "completion_tokens": 9,
            "total_tokens": 17}}},
        (8, 9, 0),
    ),
    "a field of the vendor's own": (
        {"choices": [{"delta": {}}], "x_acme": {"usage": {"prompt_tokens": 8, "completion_tokens": 9}}}, (8, 9, 0)
    ),
    "metadata of the message": (
        {"choices": [{"message": {"content": "", "metadata": {"usage": {"prompt_tokens": 8,
            "completion_tokens": 9}}}}]},
        (8, 9, 0),
    ),
    "embeddings of images": ({"data": [], "usage": {"prompt_tokens": 5, "total_tokens": 581}}, (581, 0, 0)),
    "old names": ({"usage": {"promptTokens": 3, "completionTokens": 4}}, (3, 4, 0)),
    "both names": (
        {"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15, "input_tokens": 0,
            "output_tokens": 0}},
        (10, 5, 0),
    ),
    "the input in the total": ({"choices": [], "usage": {"completion_tokens": 5, "total_tokens": 15}}, (10, 5, 0)),
    "the output in the total": ({"choices": [], "usage": {"prompt_tokens": 32, "total_tokens": 135}}, (32, 103, 0)),
    "a total that is none": (
        {"choices": [], "usage": {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 0}}, (32, 9, 0)
    ),
    "a senseless total": (
        {"choices": [], "usage": {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": "many"}}, (32, 9, 0)
    ),
}  # fmt: skip


@pytest.mark.parametrize("provider", SHAPES)
def test_usage_is_read_in_a_whole_answer_and_in_a_stream(provider: str) -> None:
    document, counts = SHAPES[provider]
    compact, spaced = json.dumps(document, separators=(",", ":")).encode(), json.dumps(document, indent=2).encode()
    for body in (compact, spaced, b'{"first":"%b",%b' % (b"n" * 1_100_000, compact[1:])):
        assert meter(body, path=_path(document))[:4] == (*counts, "provider")
    for last in (compact, b'{"first":"%b",%b' % (b"n" * 1_100_000, compact[1:])):
        stream = events('{"choices":[{"delta":{"content":"word"}}]}', last, "[DONE]")
        assert meter(stream, EVENTS, path=_path(document))[:4] == (*counts, "provider")
        lines = b'{"message":{"content":"word"}}\n' + last + b"\n"
        assert meter(lines, "application/x-ndjson", path=_path(document))[:4] == (*counts, "provider")


def _path(document: dict[str, Any]) -> str:
    return "/v1/embeddings" if "data" in document else "/v1/chat/completions"


USAGE = {"prompt_tokens": 900, "completion_tokens": 900, "total_tokens": 1800}


@pytest.mark.parametrize(
    "document",
    [
        {"choices": [{"message": {"tool_calls": [{"function": {"arguments": {"usage": USAGE}}}]}}]},
        {"content": [{"type": "tool_use", "input": {"usage": USAGE, "prompt_tokens": 900}}]},
        {"output": [{"type": "function_call", "arguments": {"usage": USAGE}}]},
        {"choices": [{"message": {"content": json.dumps({"usage": USAGE})}}]},
        {"choices": [], "tools": [{"parameters": {"usage": USAGE}}], "instructions": {"usage": USAGE}},
        {"choices": [{"logprobs": {"usage": USAGE}}], "metadata": {"prompt_tokens": 900}},
        {"data": [{"embedding": {"usage": USAGE}}], "results": [{"document": {"usage": USAGE}}]},
    ],
)
def test_what_models_and_people_write_is_no_usage(document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    for metered in (meter(body), meter(events(body), EVENTS)):
        assert (metered.into, metered.source) == (10, "estimated")
        assert metered.out < 100


@pytest.mark.parametrize(
    ("stated", "counts", "source"),
    [
        ({"prompt_tokens": 11}, (11, 10), "estimated"),
        ({"completion_tokens": 7}, (10, 7), "estimated"),
        ({"prompt_tokens": 11, "completion_tokens": 0}, (11, 0), "provider"),
        ({"seconds": 5}, (10, 10), "estimated"),
        ({"total_tokens": 18}, (8, 10), "estimated"),
        ({"total_tokens": 4}, (0, 4), "estimated"),
        ({}, (10, 10), "estimated"),
    ],
)
def test_what_usage_leaves_out_is_estimated(stated: dict[str, int], counts: tuple[int, int], source: str) -> None:
    chat = json.dumps({"choices": [{"message": {"content": "w" * 40}}], "usage": stated}).encode()
    metered = meter(chat)
    assert ((metered.into, metered.out), metered.source) == (counts, source)
    stream = events(json.dumps({"choices": [{"delta": {"content": "w" * 40}}], "usage": stated}), "[DONE]")
    metered = meter(stream, EVENTS)
    assert ((metered.into, metered.out), metered.source) == (counts, source)


def test_usage_stands_where_an_answer_is_cut_behind_it() -> None:
    text, usage = (
        '{"choices":[{"delta":{"content":"%s"}}]}' % ("w" * 400),
        '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":7}}',
    )
    assert meter(events(text, usage), EVENTS, cut=True)[:4] == (9, 7, 0, "partial")
    assert meter(events(usage, text), EVENTS, cut=True)[:4] == (9, 100, 0, "partial")
    start = '{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}'
    delta = '{"type":"content_block_delta","delta":{"type":"text_delta","text":"%s"}}' % ("w" * 400)
    assert meter(events(start, delta), EVENTS, path="/v1/messages", cut=True)[:4] == (9, 100, 0, "partial")
    whole = b'{"usage":{"prompt_tokens":9,"completion_tokens":7},"choices":[{"message":{"content":"' + b"w" * 400
    assert meter(whole, cut=True)[:4] == (9, 7, 0, "partial")


def test_a_usage_object_that_makes_no_sense_does_not_hide_another() -> None:
    usage = Usage()
    assert usage.tokens is None
    usage.read({"prompt_tokens": 5, "completion_tokens": -1})
    assert usage.tokens is None
    usage.read({"prompt_tokens": 5, "completion_tokens": 6})
    tokens = usage.tokens
    assert tokens is not None
    assert (tokens.into, tokens.out) == (5, 6)
