"""The bytes of an answer decide what it is: a wrong type, or none, changes neither its metering nor its bytes."""

import gzip
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato_gateway.heads import AnswerHead
from mercato_gateway.kinds import EVENTS as EVENTS_KIND
from mercato_gateway.kinds import JSON as JSON_KIND
from mercato_gateway.kinds import UNDECIDED, UNKNOWN, kind_of
from mercato_gateway.relay import Relay
from tests.gateway.metering import Metered, events, meter

DELTA = '{"choices":[{"index":0,"delta":{"content":"%s"}}]}' % ("w" * 28)
USAGE = '{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":7}}'
STREAM = events(DELTA, "[DONE]")
COUNTED = events(DELTA, USAGE, "[DONE]")
WHOLE = b'{"choices":[{"message":{"content":"%b"}}]}' % (b"w" * 28)
TYPES = [
    "text/event-stream", "application/json", "text/plain", "text/plain; charset=utf-8", "application/octet-stream",
    "text/html", "application/x-ndjson", "TEXT/EVENT-STREAM", "binary/octet-stream", "*/*", "", None,
]  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_stream_is_one_under_every_type(kind: str | None, size: int) -> None:
    for start in (b"", b"\xef\xbb\xbf", b"\n\n", b": ok\n\n", b"event: message\n", b"id: 5\nretry: 10\n"):
        metered = meter(start + STREAM, kind, size=size)
        assert metered == Metered(10, 7, 0, "estimated", True, start + STREAM)
        assert meter(start + COUNTED, kind, size=size) == Metered(9, 7, 0, "provider", True, start + COUNTED)
        assert meter(start + COUNTED, kind, size=size, drop_usage=True) == Metered(
            9, 7, 0, "provider", True, start + STREAM
        )


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_json_is_json_under_every_type(kind: str | None, size: int) -> None:
    for body in (WHOLE, b"\n \t" + WHOLE, b"\xef\xbb\xbf" + WHOLE, json.dumps(json.loads(WHOLE), indent=2).encode()):
        metered = meter(body, kind, size=size, drop_usage=True)
        assert (metered[:4], metered.passed_on) == ((10, 7, 0, "estimated"), body)


@pytest.mark.parametrize("kind", [*TYPES, "application/jsonl", "application/json-seq", "application/stream+json"])
@pytest.mark.parametrize("size", [1, 30, 1000])
def test_lines_are_a_stream_under_every_type(kind: str | None, size: int) -> None:
    lines = b'{"message":{"content":"wwwwwwwwwwwwww"},"done":false}\n' * 2
    last = b'{"message":{"content":""},"done":true,"prompt_eval_count":9,"eval_count":5}\n'
    for body, counts in ((lines, (10, 7, 0, "estimated")), (lines + last, (9, 5, 0, "provider"))):
        metered = meter(body, kind, size=size)
        assert (metered[:4], metered.passed_on) == (counts, body)
        assert meter(b"\x1e" + body, kind, size=size)[:4] == counts


@pytest.mark.parametrize("kind", TYPES)
def test_nothing_of_a_stream_is_held_back(kind: str | None) -> None:
    lines = b'{"message":{"content":"a"},"done":false}\n'
    for event in (STREAM[: STREAM.index(b"\n\n") + 2], lines):
        headers = [] if kind is None else [(b"content-type", kind.encode())]
        relay = Relay(AnswerHead(200, headers), b"", metered=True, head_only=False, http10=True, drop_usage=True)
        for _ in range(3):
            assert relay.feed([event], False) == event
            relay.head_sent = True


@pytest.mark.parametrize("kind", ["audio/mpeg", "image/png", "video/mp4", "audio/pcm"])
@pytest.mark.parametrize("body", [WHOLE, COUNTED, b"\0\1\2", b":ok\n\n", b'{"', b"d"])
def test_sound_and_images_go_through_untouched_and_at_once(kind: str, body: bytes) -> None:
    relay = Relay(
        AnswerHead(200, [(b"content-type", kind.encode())]), b"%d" % (2 * len(body)), metered=True, head_only=False,
        http10=False, drop_usage=True,
    )  # fmt: skip
    assert relay.feed([], False) == b""
    assert relay.feed([body], False) == body
    assert relay.head().endswith(b"content-length: %d\r\n" % (2 * len(body)))
    assert meter(body, kind, drop_usage=True)[1:] == (0, 0, "estimated", False, body)


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "text/plain"])
@pytest.mark.parametrize(
    "body", [b"\x89PNG\r\n\x1a\n\0\0", b"ID3\4\0" * 9, b"RIFF\xff\0", b"{\0\1", b"[\xff", b":\xfe\xff"]
)
def test_bytes_that_are_no_text_count_nothing_and_go_through(kind: str | None, body: bytes) -> None:
    for size in (1, 4, 1000):
        assert meter(body, kind, size=size, drop_usage=True)[1:] == (0, 0, "estimated", False, body)


@pytest.mark.parametrize(("kind", "tokens"), [("text/plain", 7), (None, 7), ("audio/wav", 0)])
def test_plain_text_is_text(kind: str | None, tokens: int) -> None:
    assert meter("Grüße an alle, die da sind".encode(), kind)[:4] == (10, tokens, 0, "estimated")


@pytest.mark.parametrize("kind", ["application/json", "text/plain", None])
@pytest.mark.parametrize("body", [WHOLE, COUNTED])
def test_a_compressed_answer_is_known_by_what_is_in_it(kind: str | None, body: bytes) -> None:
    packed = gzip.compress(body)
    metered = meter(packed, kind, content_encoding="gzip")
    assert (metered.out, metered.passed_on) == (7, packed)


def test_an_announced_length_is_dropped_where_the_usage_event_is() -> None:
    for kind in (b"text/plain", b"text/event-stream", b"application/json"):
        head = AnswerHead(200, [(b"content-type", kind)])
        relay = Relay(head, b"%d" % len(COUNTED), metered=True, head_only=False, http10=False, drop_usage=True)
        out = relay.feed([COUNTED], True)
        assert out == b"%x\r\n%b\r\n" % (len(STREAM), STREAM)
        assert relay.head().endswith(b"transfer-encoding: chunked\r\n")


@settings(max_examples=500, deadline=None)
@given(
    body=st.binary(max_size=60) | st.text(max_size=30).map(str.encode), sizes=st.lists(st.integers(1, 9), max_size=9)
)
def test_whatever_it_is_it_goes_through_as_it_came(body: bytes, sizes: list[int]) -> None:
    for kind in TYPES:
        for size in sizes or [100]:
            assert meter(body, kind, size=size).passed_on == body
    for end in range(len(body)):
        if kind_of(body[:end]) in (JSON_KIND, EVENTS_KIND, UNKNOWN):
            assert kind_of(body) == kind_of(body[:end])


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"", UNDECIDED), (b"  \n", UNDECIDED), (b"da", UNDECIDED), (b"{", UNDECIDED), (b"[ ", UNDECIDED),
        (b":", UNDECIDED), (b" " * 5000, UNKNOWN), (b"date: 5", UNKNOWN), (b"{a", UNKNOWN), (b"{}", JSON_KIND),
        (b"[]", JSON_KIND), (b'[ {"a"', JSON_KIND), (b"data:", EVENTS_KIND), (b": keep-alive", EVENTS_KIND),
        (b"<html>", UNKNOWN), (b"[INST] Say", UNKNOWN), (b"hello", UNKNOWN),
    ],
)  # fmt: skip
def test_first_bytes(start: bytes, kind: int) -> None:
    assert kind_of(start) == kind
