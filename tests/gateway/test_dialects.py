"""Answers in odd dialects: text and failures under other names, events in other frames, other codings."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from tests.gateway.metering import EVENTS, JSON, events, meter

WORDS = "w" * 28
DELTA = json.dumps({"choices": [{"index": 0, "delta": {"content": WORDS}}]})
USAGE = '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":7}}'
STREAM = events(DELTA, USAGE, "[DONE]")
WHOLE = b'{"choices":[{"message":{"content":"%b"}}],"usage":{"prompt_tokens":9,"completion_tokens":7}}' % WORDS.encode()
FREE = (0, 0, 0, "failed")
COUNTS = (
    "prompt_tokens", "input_tokens", "completion_tokens", "output_tokens", "total_tokens", "cached_tokens",
    "cache_read_input_tokens", "cache_creation_input_tokens", "prompt_cache_hit_tokens", "prompt_cache_miss_tokens",
    "reasoning_tokens", "thoughtsTokenCount", "toolUsePromptTokenCount", "native_tokens_prompt",
    "native_tokens_completion",
)  # fmt: skip
"""Names of counts in providers' usage, of all kinds."""


@pytest.mark.parametrize(
    "document",
    [
        {"choices": [{"delta": {"analysis": WORDS}}]},
        {"choices": [{"text": "", "reasoning": WORDS}]},
        {"choices": [{"thinking": WORDS}]},
        {"response": "", "thinking": WORDS, "done": False},
        {"reasoning_content": WORDS},
        {"message": {"thinking": WORDS, "content": ""}},
        {"answer": WORDS, "event": "message"},
        {"outputs": [{"text": WORDS}]},
        {"outputs": [WORDS]},
    ],
)
def test_text_counts_under_other_names(document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    assert meter(body)[:4] == (10, 7, 0, "estimated")
    assert meter(events(body, "[DONE]"), EVENTS)[:4] == (10, 7, 0, "estimated")
    assert meter(body + b"\n", "application/x-ndjson")[:4] == (10, 7, 0, "estimated")


def test_events_of_plain_text_count_where_there_are_no_others() -> None:
    assert meter(events("w" * 14, json.dumps("w" * 14), "[DONE]"), EVENTS)[:4] == (10, 7, 0, "estimated")
    assert meter(events("ping", "null", DELTA, "ping", "[DONE]"), EVENTS)[:4] == (10, 7, 0, "estimated")


@pytest.mark.parametrize(
    "document",
    [
        {"code": "429", "message": "quota"},
        {"code": "InvalidApiKey", "message": "No key provided.", "request_id": "r"},
        {"code": 1113, "msg": "Insufficient balance"},
        {"status": "429"},
        {"detail": "Rate limit"},
        {"detail": [{"loc": ["body"], "msg": "missing"}]},
        {"message": "quota", "data": None},
        {"error_code": 17, "error_msg": "Daily limit reached"},
        {"errcode": "E17"},
        {"fault": {"faultstring": "quota"}},
        {"type": "rate_limit_error", "message": "quota"},
        {"type": "exception"},
        {"event": "error", "data": {"message": "quota"}},
        {"state": "failed"},
        {"status": "fail", "data": {"title": "too long"}},
        {"Message": "Rate exceeded"},
        {"Response": {"Error": {"Code": "LimitExceeded", "Message": "quota"}}},
        {"ok": False},
        {"is_error": True},
        {"choices": [{"delta": {"content": "", "error": {"message": "quota"}}}]},
        {"type": "message-end", "delta": {"finish_reason": "ERROR", "error": "quota"}},
    ],
)
def test_failures_under_other_names_are_free(document: dict[str, Any]) -> None:
    body = json.dumps(document).encode()
    assert meter(body)[:4] == FREE
    assert meter(events(body), EVENTS)[:4] == FREE
    assert meter(body + b"\n", "application/x-ndjson")[:4] == FREE
    assert meter(gzip.compress(body), content_encoding="gzip")[:4] == FREE


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/embeddings"])
@pytest.mark.parametrize(
    ("kinds", "body"),
    [
        ([JSON, EVENTS, "application/x-ndjson", "text/plain", None], b" {}\n"),
        ([JSON, EVENTS, "application/x-ndjson", "text/plain", None], b"[]"),
        ([JSON, EVENTS, "application/x-ndjson"], b"\n"),
        ([JSON, EVENTS, "application/x-ndjson"], b"null"),
    ],
)
def test_an_answer_that_holds_nothing_is_free(kinds: list[str | None], body: bytes, path: str) -> None:
    for kind in kinds:
        assert meter(body, kind, path=path)[:4] == FREE
        assert meter(gzip.compress(b""), kind, path=path, content_encoding="gzip")[:4] == FREE
    kind = kinds[0]
    assert meter(body, kind, path=path, cut=True)[:4] == (10, 0, 0, "partial")  # the service may have begun its work


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null"])
def test_an_operation_that_is_not_known_may_have_nothing_to_say(body: bytes) -> None:
    assert meter(body, path="/feedback")[:4] == (10, 0, 0, "estimated")
    assert meter(b"<p>Done", "text/html", path="/feedback")[:4] == (10, 0, 0, "estimated")


def test_a_stream_without_events_is_free() -> None:
    for stream in (b": wait\n\n", b"data: [DONE]\n\n", b": wait\n\nevent: end\ndata:\n\n", b"retry: 5\n\n"):
        assert meter(stream, EVENTS)[:4] == FREE
        assert meter(stream, EVENTS, cut=True)[:4] == (10, 0, 0, "partial")
    assert meter(events('{"type":"ping"}', "[DONE]"), EVENTS)[:4] == (10, 0, 0, "estimated")


@pytest.mark.parametrize("body", [b"<!doctype html><p>Sign in", b"<html>502 Bad Gateway</html>"])
def test_a_page_for_people_is_no_answer(body: bytes) -> None:
    assert meter(body, "text/html; charset=utf-8")[:4] == FREE
    assert meter(WHOLE, "text/html")[:4] == (9, 7, 0, "provider")


def test_news_between_the_events_of_a_stream_is_no_failure() -> None:
    news = ('{"message":"You are third in the queue."}', '{"type":"ping"}')
    assert meter(events(*news, DELTA, "[DONE]"), EVENTS)[:4] == (10, 7, 0, "estimated")
    assert meter(events(DELTA, *news, USAGE, "[DONE]"), EVENTS)[:4] == (9, 7, 0, "provider")


@pytest.mark.parametrize(
    "more",
    [
        {"error": None}, {"error": False}, {"error": ""}, {"errors": []}, {"error_code": 0}, {"error_msg": ""},
        {"errmsg": "ok"}, {"code": 0}, {"code": "200", "message": "success"}, {"status": "completed"}, {"status": 200},
        {"success": True}, {"is_error": False}, {"message": "ok"}, {"state": "done"},
    ],
)  # fmt: skip
def test_an_answer_that_reports_no_failure_is_none(more: dict[str, Any]) -> None:
    for document in ({**more, "choices": [{"message": {"content": WORDS}}]}, {"data": {"text": WORDS}, **more}):
        assert meter(json.dumps(document).encode())[:4] == (10, 7, 0, "estimated")
    vectors = {**more, "data": [{"embedding": [0.5]}]}
    assert meter(json.dumps(vectors).encode(), path="/v1/embeddings")[:4] == (10, 0, 0, "estimated")


@example(usage={"total_tokens": 12, "cached_tokens": 11}, text=28, streamed=False)
@given(
    usage=st.dictionaries(st.sampled_from(COUNTS), st.integers(0, 40), max_size=6),
    text=st.integers(0, 60),
    streamed=st.booleans(),
)
def test_a_cache_is_a_part_of_the_input_whatever_is_stated(usage: dict[str, int], text: int, streamed: bool) -> None:
    body = json.dumps({"choices": [{"message": {"content": "w" * text}}], "usage": usage}).encode()
    into, out, cached, *_ = meter(events(body, "[DONE]"), EVENTS) if streamed else meter(body)
    assert 0 <= cached <= into
    assert out >= 0
    if usage.keys() == {"total_tokens"} and usage["total_tokens"]:
        assert into + out == usage["total_tokens"]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("size", [1, 3, 1 << 16])
def test_the_name_of_an_event_may_follow_its_data(end: str, size: int) -> None:
    for second in (end, "\n"):
        failed = f'data: {{"content":"quota"}}{end}event: error{second}{second}'.encode()
        assert meter(failed, EVENTS, size=size)[:4] == FREE


@pytest.mark.parametrize(
    ("event", "kept"),
    [
        (USAGE, False),
        ('{"usage":{"prompt_tokens":9,"completion_tokens":7}}', False),
        ('{"choices":null,"usage":{"prompt_tokens":9,"completion_tokens":7}}', False),
        ('{"delta":"more","usage":{"prompt_tokens":9,"completion_tokens":7}}', True),
        ('{"message":{"content":"more"},"usage":{"prompt_tokens":9,"completion_tokens":7}}', True),
        ('{"response":"more","usage":{"prompt_tokens":9,"completion_tokens":7}}', True),
        ('{"candidates":[{"content":"more"}],"usage":{"prompt_tokens":9,"completion_tokens":7}}', True),
    ],
)
def test_an_event_with_text_stays_where_the_usage_event_is_removed(event: str, kept: bool) -> None:
    metered = meter(events(DELTA, event, "[DONE]"), EVENTS, drop_usage=True)
    assert metered[:4] == (9, 7, 0, "provider")
    assert (event.encode() in metered.passed_on) is kept


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def members(data: bytes) -> bytes:
    return b"".join(gzip.compress(data[at : at + 20]) for at in range(0, len(data), 20))


def frames(data: bytes) -> bytes:
    return b"".join(zstandard.compress(data[at : at + 20]) for at in range(0, len(data), 20))


CODINGS: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("gzip", gzip.compress), ("X-GZIP", gzip.compress), ("gzip, identity", gzip.compress), ("gzip", members),
    ("gzip", lambda data: gzip.compress(data) + bytes(9)), ("deflate", zlib.compress), ("deflate", raw_deflate),
    ("zstd", zstandard.compress), ("zstd", frames), ("gzip", bytes), ("deflate", bytes), ("zstd", bytes), ("br", bytes),
]  # fmt: skip


@pytest.mark.parametrize(("coding", "pack"), CODINGS)
@pytest.mark.parametrize("kind", [EVENTS, JSON, "text/plain", "application/octet-stream", None])
def test_usage_is_read_under_every_coding(coding: str, pack: Callable[[bytes], bytes], kind: str | None) -> None:
    for body in (STREAM, WHOLE):
        packed = pack(body)
        for size in (1, 7, 1 << 16):
            metered = meter(packed, kind, size=size, content_encoding=coding)
            assert metered[:4] == (9, 7, 0, "provider")
            assert metered.passed_on == packed


@pytest.mark.parametrize("body", [STREAM, WHOLE])
@pytest.mark.parametrize(("pack", "coding"), [(gzip.compress, "gzip"), (zlib.compress, "deflate")])
def test_usage_in_a_compressed_answer_that_breaks_off_stands(
    body: bytes, pack: Callable[[bytes], bytes], coding: str
) -> None:
    packed = pack(body)[:-4]
    assert meter(packed, content_encoding=coding, cut=True)[:4] == (9, 7, 0, "partial")
    assert meter(packed, content_encoding=coding)[:4] == (9, 7, 0, "provider")


def test_a_compressed_stream_of_the_wrong_type_is_not_held_back() -> None:
    packer = zlib.compressobj(wbits=31)
    first = packer.compress(events(DELTA)) + packer.flush(zlib.Z_SYNC_FLUSH)
    for kind in (EVENTS, JSON, "text/plain"):
        assert meter(first, kind, content_encoding="gzip", cut=True).passed_on == first
