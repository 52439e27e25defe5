"""`mp call` that fails: who refused, with which status and code, and the request's id; for people and for programs."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from mercato_contracts.keys import make_key
from tests.cli.conftest import Mp
from tests.support.http_server import serve_bytes

_KEY = make_key("ck", "key_01a22482794d7136ac1cebb97f8cd532", bytes(range(32)))
_REQUEST = "req_019ab3c1f2d47e0b8a6d5c4b3a291807"
_SERVICE = {
    "id": "svc_1", "vendor_id": "org_1", "vendor": "acme", "vendor_name": "Acme", "vendor_verified": True,
    "name": "embedder", "title": "Vectors", "summary": "", "description": "", "protocol": "openai",
    "task": "embeddings", "paths": "published", "licence": "MIT", "tags": [], "modalities": [], "regions": [],
    "context_window": None, "latest_version": "1.0.0", "created_at": "2026-11-02T09:00:00Z",
    "updated_at": "2026-11-02T09:00:00Z", "releases": [], "plans": [],
}  # fmt: skip


def _http(status: str, body: object, *headers: str, media_type: str = "application/json") -> bytes:
    content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", f"content-type: {media_type}", f"content-length: {len(content)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content


@contextmanager
def _market(answer: bytes) -> Iterator[dict[str, str]]:
    """Control plane and gateway in one, as the environment names them: every call through the gateway gets `answer`."""
    with serve_bytes(lambda _, line: [_http("200 OK", _SERVICE) if "/api/" in line else answer]) as server:
        yield {"MERCATO_URL": server.url, "MERCATO_GATEWAY_URL": server.url, "MERCATO_TOKEN": _KEY}


_OURS = {
    "error": {"message": "The plan's calls of this minute are used up. Wait for `Retry-After` seconds, then go on more "
              "slowly.", "type": "rate_limit_error", "code": "rate_limit_exceeded"},
    "request_id": _REQUEST,
}  # fmt: skip
_UNKNOWN = {"error": {"message": "Unknown key.", "code": "key_invalid"}, "request_id": _REQUEST}
_THEIRS = {"error": {"message": "`input` is missing", "type": "invalid_request_error", "code": None}}


@pytest.mark.parametrize(
    ("answer", "code", "said", "known"),
    [
        (
            _http("429 Too Many Requests", _OURS, f"x-request-id: {_REQUEST}", "retry-after: 7"), 1,
            "mp: The gateway refused the call (429 rate_limit_exceeded): The plan's calls of this minute are used up. "
            f"Try again in 7 s. Request {_REQUEST}.",
            {"status": 429, "refused_by": "gateway", "request_id": _REQUEST},
        ),
        (
            _http("400 Bad Request", _THEIRS, f"x-request-id: {_REQUEST}"), 1,
            "mp: acme/embedder answered with an error (400 invalid_request_error): `input` is missing. "
            f"Request {_REQUEST}.",
            {"status": 400, "refused_by": "service", "request_id": _REQUEST},
        ),
        (
            _http("500 Server Error", "<html>oops</html>", f"x-request-id: {_REQUEST}", media_type="text/html"), 1,
            f"mp: acme/embedder answered with an error (500): <html>oops</html>. Request {_REQUEST}.",
            {"status": 500, "refused_by": "service"},
        ),
        (
            _http("302 Found", "", f"x-request-id: {_REQUEST}", "location: https://elsewhere.example/"), 1,
            "mp: acme/embedder answered with an error (302): it redirects to https://elsewhere.example/. "
            f"Request {_REQUEST}.",
            {"status": 302},
        ),
        (
            _http("401 Unauthorized", _UNKNOWN, f"x-request-id: {_REQUEST}"), 3,
            "mp: The gateway refused the call (401 key_invalid): Unknown key. Make a new key with `mp keys make` and "
            f"log in with it: `mp login --token -`. Request {_REQUEST}.",
            {"status": 401, "refused_by": "gateway"},
        ),
    ],
    ids=["gateway", "service", "no JSON", "redirect", "key"],
)  # fmt: skip
def test_who_refused_a_call_and_why(mp: Mp, answer: bytes, code: int, said: str, known: dict[str, object]) -> None:
    with _market(answer) as environment:
        done = mp("call", "acme/embedder", "--data", "{}", **environment)
        as_json = mp("call", "acme/embedder", "--data", "{}", "--json", **environment)
    assert done.stderr == said + "\n"
    assert (done.returncode, as_json.returncode) == (code, code)
    error = json.loads(as_json.stderr)["error"]
    assert {name: error[name] for name in known} == known


def test_what_is_no_gateway_is_said_so(mp: Mp) -> None:
    with _market(_http("404 Not Found", "nothing", media_type="text/plain")) as environment:
        done = mp("call", "acme/embedder", "--data", "{}", **environment)
    assert done.returncode == 4
    assert "not in the form of a gateway" in done.stderr


def test_a_long_list_is_whole_in_a_pipe(mp: Mp) -> None:
    vector = [n / 1000 for n in range(384)]
    with _market(_http("200 OK", {"data": [{"embedding": vector}]}, f"x-request-id: {_REQUEST}")) as environment:
        done = mp("call", "acme/embedder", "--data", "{}", **environment)
    assert json.loads(done.stdout)["data"][0]["embedding"] == vector
