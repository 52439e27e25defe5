"""Answers and events too large to keep: their usage is read wherever it lies, and only text is estimated."""

import gzip
import json
import tracemalloc
from typing import Any

import pytest

from tests.gateway.metering import EVENTS, JSON, events, meter

LARGE = 1_600_000
IMAGE = "iVBORw0KGgo" * (LARGE // 11)
WORDS = "word " * (LARGE // 5)
CHAT_USAGE = {"prompt_tokens": 13, "completion_tokens": 21, "prompt_tokens_details": {"cached_tokens": 5}}
USAGE = {"input_tokens": 13, "output_tokens": 21, "input_tokens_details": {"cached_tokens": 5}}

PARTS: dict[str, Any] = {
    "image of the responses API": {"output": [{"type": "image_generation_call", "result": IMAGE}]},
    "text of the responses API": {"output": [{"content": [{"type": "output_text", "text": WORDS}]}]},
    "chat": {"choices": [{"index": 0, "message": {"role": "assistant", "content": WORDS}}]},
    "image in a chat": {
        "choices": [{"message": {"images": [{"image_url": {"url": "data:image/png;base64," + IMAGE}}]}}]
    },
    "image in the text of a chat": {"choices": [{"message": {"content": f"![](data:image/png;base64,{IMAGE})"}}]},
    "audio": {"choices": [{"message": {"audio": {"id": "a", "data": IMAGE, "transcript": "Hello."}}}]},
    "images API": {"created": 7, "data": [{"b64_json": IMAGE}]},
    "vectors": {"data": [{"embedding": [0.123456789] * (LARGE // 13)}]},
    "many small parts": {"content": [{"type": "text", "text": "ab"}] * (LARGE // 30)},
    "escapes": {"choices": [{"message": {"content": '\n"\u00e9\U0001f30d' * (LARGE // 10)}}]},
}


def pretty(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=1).encode()


def plain(document: dict[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("order", ["first", "middle", "last"])
@pytest.mark.parametrize("write", [plain, pretty])
def test_a_large_answer_is_charged_by_its_usage(part: str, order: str, write: Any) -> None:
    usage, rest = {"usage": CHAT_USAGE}, {"id": "a", **PARTS[part]}
    padding = {"notes": "n" * 40_000, "more": [{"usage": "none"}] * 900}
    orders = {"first": usage | rest | padding, "middle": padding | usage | rest, "last": rest | padding | usage}
    if order == "middle":
        orders["middle"] = {"notes": IMAGE, **usage, "more": IMAGE} | rest
    for size in (1 << 16, 4093):
        metered = meter(write(orders[order]), size=size)
        assert metered[:4] == (13, 21, 5, "provider")
        assert metered.passed_on == write(orders[order])


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_large_event_is_charged_by_its_usage(part: str, end: str) -> None:
    completed = {"type": "response.completed", "response": {**PARTS[part], "usage": USAGE, "error": None}}
    for size in (1 << 16, 4093):
        body = f"event: response.completed{end}data: {json.dumps(completed)}{end}{end}".encode()
        metered = meter(body, EVENTS, path="/v1/responses", size=size)
        assert metered[:4] == (13, 21, 5, "provider")
        assert metered.passed_on == body


def test_a_large_event_in_several_data_lines_is_read() -> None:
    lines = pretty({"choices": [{"delta": {"content": WORDS}}], "usage": CHAT_USAGE}).split(b"\n")
    body = b": a comment\n" + b"".join(b"data: %b\n" % line for line in lines) + b"\n" + events("[DONE]")
    metered = meter(body, EVENTS)
    assert metered[:4] == (13, 21, 5, "provider")
    assert metered.passed_on == body


TOKENS = {
    "image of the responses API": 1000, "text of the responses API": LARGE // 4, "chat": LARGE // 4,
    "image in a chat": 1006, "image in the text of a chat": 1006.75, "audio": 1002, "images API": 1000, "vectors": 0,
    "many small parts": 2 * (LARGE // 30) / 4, "escapes": 8 * (LARGE // 10) / 4,
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("write", [plain, pretty])
def test_an_estimate_counts_text_alone_and_each_file_once(part: str, write: Any) -> None:
    whole, small = meter(write(PARTS[part])), meter(write(PARTS[part])[: 1 << 19], cut=True)
    assert (whole.into, whole.source) == (10, "estimated")
    assert whole.out == -(-int(TOKENS[part] * 4) // 4)
    assert small.out <= whole.out
    if "choices" in PARTS[part]:
        event = plain({"choices": [{"delta": choice["message"]} for choice in PARTS[part]["choices"]]})
        assert meter(events(event, "[DONE]"), EVENTS).out == whole.out
        assert meter(events(event)[:-2], EVENTS, cut=True).out == whole.out


def test_a_large_compressed_answer_is_read_all_the_same() -> None:
    for part in PARTS:
        packed = gzip.compress(plain({**PARTS[part], "usage": CHAT_USAGE}), 1)
        padded = packed + gzip.compress(b"")
        for body in (packed, padded):
            assert meter(body, content_encoding="gzip")[:4] == (13, 21, 5, "provider")


@pytest.mark.parametrize("size", [1, 100, 1 << 16])
def test_usage_in_a_compressed_stream_is_read(size: int) -> None:
    words = plain({"choices": [{"delta": {"content": "word " * 80}}]})
    for stream in (events(words, plain({"choices": [], "usage": CHAT_USAGE}), "[DONE]"),):
        packed = gzip.compress(stream)
        metered = meter(packed, EVENTS, size=size, content_encoding="gzip", drop_usage=True)
        assert (metered[:4], metered.passed_on) == ((13, 21, 5, "provider"), packed)
    packed = gzip.compress(events(words, "[DONE]"))
    metered = meter(packed, EVENTS, size=size, content_encoding="gzip")
    assert metered[:4] == (10, -(-len(packed) // 4), 0, "estimated")
    image = gzip.compress(events(plain(PARTS["image of the responses API"])))
    assert meter(image, EVENTS, size=size, content_encoding="gzip").out <= 1000
    failed = gzip.compress(events('{"error":"no"}'))
    assert meter(failed, EVENTS, size=size, content_encoding="gzip")[:4] == (0, 0, 0, "failed")


def test_a_failure_in_a_large_answer_is_free() -> None:
    body = plain({"response": {"instructions": WORDS}, "error": {"message": "no"}})
    assert meter(body)[:4] == (0, 0, 0, "failed")
    assert meter(events(body), EVENTS)[:4] == (0, 0, 0, "failed")
    named = b"event: error\n" + events(plain({"message": WORDS}))
    assert meter(named, EVENTS)[:4] == (0, 0, 0, "failed")


def test_memory_does_not_grow_with_an_answer() -> None:
    body = plain({"data": [{"b64_json": IMAGE}] * 10 + [{"embedding": [0.5] * 10**5}] * 10, "usage": CHAT_USAGE})
    packets = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]
    from mercato_gateway.heads import AnswerHead
    from mercato_gateway.relay import Relay

    relay = Relay(
        AnswerHead(200, [(b"content-type", JSON.encode())]), b"", metered=True, head_only=False, http10=True,
        drop_usage=False,
    )  # fmt: skip
    tracemalloc.start()
    for packet in packets:
        relay.feed([packet], False)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The part that is kept before an answer is too large, while it is copied; a sum of all pieces would be 20 MB.
    assert peak < 6 << 20
