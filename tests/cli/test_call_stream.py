"""`mp call --stream`: the words as they come, and a failure within the stream on standard error, with an exit code."""

import json
from typing import Any

import pytest

from mercato_cli.events import StreamReader
from tests.cli.conftest import Mp
from tests.support.http_server import serve_bytes

HELLO = (
    'data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]}\n\ndata: {"choices":[{"delta":{"content":"lo"}}]}\n\n'
)
DONE = "data: [DONE]\n\n"
LISTING = {
    "id": "svc_1", "vendor_id": "org_1", "vendor": "acme", "vendor_name": "Acme", "vendor_verified": True,
    "name": "chat", "title": "Chat", "summary": "", "description": "", "protocol": "openai", "task": "chat",
    "paths": "published", "licence": "", "tags": [], "modalities": [], "regions": [], "context_window": None,
    "latest_version": "1.0.0", "created_at": "2026-11-02T09:00:00Z", "updated_at": "2026-11-02T09:00:00Z",
    "releases": [], "plans": [],
}  # fmt: skip


def call(mp: Mp, stream: str, *words: str, media_type: str = "text/event-stream") -> Any:
    """`mp call --stream` to a service that answers with this."""

    def answer(number: int, line: str) -> list[Any]:
        body, kind = (json.dumps(LISTING), "application/json") if "/api/" in line else (stream, media_type)
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body.encode())}\r\n\r\n"
        return [head.encode() + body.encode()]

    with serve_bytes(answer) as server:
        return mp(
            "call", "acme/chat", "--data", '{"messages":[]}', "--stream", *words,
            MERCATO_TOKEN="ck_test", MERCATO_URL=server.url, MERCATO_GATEWAY_URL=server.url,
        )  # fmt: skip


def test_words_are_printed_as_they_come(mp: Mp) -> None:
    done = call(mp, HELLO + DONE)
    assert (done.returncode, done.stdout) == (0, "Hello\n"), done.stderr


@pytest.mark.parametrize("before", ["", HELLO])
def test_a_failure_within_the_stream_is_an_error(mp: Mp, before: str) -> None:
    done = call(mp, before + 'event: error\ndata: {"message":"quota\\u001b[2J exceeded","code":429}\n\n' + DONE)
    assert done.returncode == 4
    assert "mp: The service failed: quota" in done.stderr
    assert "(429)" in done.stderr
    assert "\x1b" not in done.stderr
    assert done.stdout == ("Hello\n" if before else "")


def test_machines_get_the_events_and_the_failure_apart(mp: Mp) -> None:
    stream = HELLO + 'data: {"error":{"message":"overloaded"}}\n\n'
    done = call(mp, stream, "--json")
    assert done.returncode == 4
    assert done.stdout == stream
    assert json.loads(done.stderr)["error"]["detail"] == "The service failed: overloaded."


FAILURES = {
    'data: {"error":{"message":"overloaded","type":"server_error"}}\n\n': "overloaded (server_error)",
    'data: {"error":"overloaded"}\n\n': "overloaded",
    'data: [{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}]\n\n':
        "Quota exceeded (429)",
    'event: error\ndata: {"message":"quota","code":429}\n\n': "quota (429)",
    "event: error\ndata: Service\ndata: unavailable.\n\n": "Service unavailable",
    "event: error\n\n": "It gave no reason",
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n':
        "Overloaded (overloaded_error)",
    'data: {"type":"response.failed","response":{"status":"failed","error":{"code":"server_error","message":"no"}}}':
        "no (server_error)",
    'data: {"type":"response.failed","response":{"status":"failed","error":null}}\n\n': "It gave no reason",
    'data: {"id":"g","error":{"code":502,"message":"gone"},"choices":[{"delta":{},"finish_reason":"error"}]}\n\n':
        "gone (502)",
    'data: {"choices":[{"index":0,"delta":{},"finish_reason":"error"}]}\n\n': "It gave no reason",
    'data: {"type":"message-end","delta":{"finish_reason":"ERROR"}}\n\n': "It gave no reason",
    'data: {"object":"error","message":"too long","code":400}\n\n': "too long (400)",
    'data: {"code":429,"message":"quota"}\n\n': "quota (429)",
    'event: response.failed\ndata: {"response":{"output":[]}}\n\n': "It gave no reason",
    'error: {"code":500,"message":"no slot"}\n\n': "no slot (500)",
    '{"error":{"message":"overloaded"}}': "overloaded",
    '{\n "error": {\n  "message": "overloaded"\n }\n}': "overloaded",
    '[{"error":{"message":"overloaded"}}]': "overloaded",
    '{"message":{"content":"a"}}\n{"error":"overloaded"}\n': "overloaded",
    'data: {"code":"InvalidApiKey","message":"No key.","request_id":"r"}\n\n': "No key. (InvalidApiKey)",
    'data: {"code":"429","message":"quota"}\n\n': "quota (429)",
    'data: {"detail":"Rate limit"}\n\n': "Rate limit",
    '{"detail":[{"loc":["body"],"msg":"missing"}]}': "missing",
    'data: {"error_code":17,"error_msg":"Daily limit reached"}\n\n': "Daily limit reached",
    'data: {"fault":{"faultstring":"quota"}}\n\n': "quota",
    'data: {"type":"rate_limit_error","message":"quota"}\n\n': "quota (rate_limit_error)",
    'data: {"event":"error","data":{"message":"quota"}}\n\n': "It gave no reason",
    'data: {"choices":[{"delta":{"error":{"message":"quota"}}}]}\n\n': "quota",
    'data: {"ok":false}\n\n': "It gave no reason",
}  # fmt: skip


@pytest.mark.parametrize("stream", FAILURES)
def test_failures_are_known_in_every_dialect(stream: str) -> None:
    reader = StreamReader()
    words = "".join(map(reader.feed, stream.splitlines())) + reader.finish()
    assert (reader.failure, words) == (FAILURES[stream], "")


WORDS = {
    HELLO + DONE: "Hello",
    'data: {"choices":[{"delta":{"reasoning":"Hm. ","content":null}}]}\n\n': "Hm. ",
    'data: {"choices":[{"delta":{"reasoning":"Hm. ","reasoning_content":"Hm. "}}]}\n\n': "Hm. ",
    'data: {"choices":[{"text":"Hello"}]}\n\n': "Hello",
    'data: {"choices":[{"delta":{"content":[{"type":"text","text":"Hello"}]}}]}\n\n': "Hello",
    'data: {"choices":[],"usage":{}}\n\n': "",
    'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}\n\n':
        "Hi",
    'data: {"type":"response.output_text.delta","delta":"Hi"}\n\ndata: {"type":"response.text.done","text":"Hi"}\n\n':
        "Hi",
    'data: {"type":"content-delta","delta":{"message":{"content":{"text":"Hi"}}}}\n\n': "Hi",
    'data: {"type":"response.audio.delta","delta":"UklGRg=="}\n\n': "",
    ": a comment\n\nid: 1\nretry: 5\ndata: plain words\n\n": "plain words\n",
    'data: {"message":{"content":"Hi"},"error":null}\n\n': "Hi",
    '\ufeffdata:{"response":"Hi"}\n\n': "Hi",
    'data: {"code":0,"message":"success","choices":[{"delta":{"content":"Hi"}}]}\n\n': "Hi",
    'data: {"code":0,"message":"done","error_code":0,"errmsg":"ok"}\n\n': "",
}  # fmt: skip


@pytest.mark.parametrize("stream", WORDS)
def test_words_are_known_in_every_dialect(stream: str) -> None:
    reader = StreamReader()
    words = "".join(map(reader.feed, stream.splitlines())) + reader.finish()
    assert (words, reader.failure, reader.is_events) == (WORDS[stream], None, True)
