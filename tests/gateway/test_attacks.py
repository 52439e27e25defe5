"""Attacks on a running gateway beyond its framing (`test_http`): paths, header fields both ways, bodies, good keys."""

import asyncio
import gzip
import json
import re

import pytest

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import Shop, StartGateway
from tests.fakes.marketplace import a_deployment, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Received, Script, Upstream, answer
from tests.gateway.conftest import Stage
from tests.gateway.test_http import exchange


def raw_answer(raw: bytes) -> Script:
    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    return script


def head(line: str, *fields: str) -> bytes:
    return "\r\n".join([line, "host: x", *fields, "connection: close", "", ""]).encode("latin-1")


# Framing that the strict parser must not let pass, with a good key, so that only the framing can be the reason.


@pytest.mark.parametrize(
    "fields",
    [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-encoding: cow",
        "Transfer-Encoding:\tchunked\r\nContent-Length: 5",
        " Transfer-Encoding: chunked",
        "X: y\r\n\tTransfer-Encoding: chunked",
        "Transfer-Encoding\r\n : chunked",
        "Transfer-Encoding : chunked",
        "Transfer\x00-Encoding: chunked",
        "Transfer-Encoding: chunked\x00",
        "Transfer-Encoding: \x0cchunked",
        'Transfer-Encoding: "chunked"',
        "Transfer-Encoding: chunked, chunked",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5,5",
        "Content-Length: 5 5",
        "Content-Length: 0x5",
        "Content-Length: 5\x0b",
        "Content-Length:",
        "Content-Length: 18446744073709551621",
        "Content-Length: 1e1",
    ],
)
async def test_no_framing_smuggles_a_call_behind_a_good_one(stage: Stage, fields: str) -> None:
    place = await stage.shop("embedder")
    inner = f"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nx-mercato-key: {place.key}\r\ncontent-length: 2\r\n\r\n" + "{}"
    for body in (f"0\r\n\r\n{inner}", f"5\r\nabcde\r\n0\r\n\r\n{inner}", f"abcde{inner}"):
        start = f"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nx-mercato-key: {place.key}\r\n{fields}\r\n\r\n"
        got = await exchange(stage.gateway, (start + body).encode("latin-1"), seconds=3)
        assert len(re.findall(rb"HTTP/1\.1 \d\d\d ", got)) <= 1, got
        assert got == b"" or got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 413", b"HTTP/1.1 501")), got
    assert stage.upstream.received == []


@pytest.mark.parametrize(
    "chunks",
    [
        "5;ext=1\r\n{\"a\":\r\n2;x=\"\r\n\"\r\n1}\r\n0\r\n\r\n",
        "5\n{\"a\":\r\n0\r\n\r\n",
        "+5\r\n{\"a\":\r\n0\r\n\r\n",
        "0x5\r\n{\"a\":\r\n0\r\n\r\n",
        "5 \r\n{\"a\":1\r\n0\r\n\r\n",
        "5\r\n{\"a\":1}\r\n0\r\n\r\n",
        "ffffffffffffffff\r\n",
        "00000000000000000000000000005\r\n{\"a\":\r\n",
        "5\r\r\n{\"a\":\r\n0\r\n\r\n",
        "5\r\n{\"a\":\r\r\n0\r\n\r\n",
        "5\x00\r\n{\"a\":\r\n0\r\n\r\n",
        "\r\n5\r\n{\"a\":\r\n0\r\n\r\n",
    ],
)  # fmt: skip
async def test_odd_chunks_reach_no_upstream(stage: Stage, chunks: str) -> None:
    place = await stage.shop("embedder")
    fields = f"x-mercato-key: {place.key}\r\ntransfer-encoding: chunked\r\n\r\n"
    start = f"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\n{fields}"
    got = await exchange(stage.gateway, (start + chunks).encode("latin-1"), seconds=2)
    assert got == b"" or got.startswith(b"HTTP/1.1 400"), got
    assert stage.upstream.received == []


async def test_chunk_extensions_and_trailers_are_read_and_not_passed_on(stage: Stage) -> None:
    place = await stage.shop("embedder")
    body = json.dumps(place.body())
    chunks = f"{len(body):x};name=value\r\n{body}\r\n0\r\nx-trailer: 1\r\nx-mercato-key: other\r\n\r\n"
    fields = [f"x-mercato-key: {place.key}", "transfer-encoding: chunked"]
    got = await exchange(stage.gateway, head("POST /v1/embeddings HTTP/1.1", *fields) + chunks.encode())
    assert got.startswith(b"HTTP/1.1 200")
    (seen,) = stage.upstream.received
    assert seen.json["input"] == place.body()["input"]
    assert seen.header("content-length") == str(len(seen.body))
    assert {"transfer-encoding", "x-trailer", "x-mercato-key"}.isdisjoint(name for name, _ in seen.headers)


async def test_trailers_without_end_are_cut_off(stage: Stage) -> None:
    place = await stage.shop("embedder")
    fields = [f"x-mercato-key: {place.key}", "transfer-encoding: chunked"]
    trailers = b"x: y\r\n" * 200_000
    got = await exchange(stage.gateway, head("POST /v1/embeddings HTTP/1.1", *fields) + b"0\r\n" + trailers)
    assert got.startswith(b"HTTP/1.1 400")


# Paths.


TRAVERSALS = [
    "/public/../secret", "/public/..%2fsecret", "/public/%2e%2e/secret", "/public/%2e%2e%2fsecret", "/public/.%2e",
    "/public/%252e%252e%252fsecret", "/public/..;/secret", "/public/..;a=b/secret", "/public/%2e%2e;/secret",
    "/public/..\\secret", "/public/..%5csecret", "/public/%5c..%5csecret", "/./exact", "/public/.", "/public/%2e",
    "/public/a%00b", "/public/a%0d%0aX-Injected:%201", "/public/a%0ab", "/public/..", "/%2e%2e/%2e%2e/etc/passwd",
]  # fmt: skip


@pytest.mark.parametrize("path", TRAVERSALS)
@pytest.mark.parametrize("kind", ["files", "anything"])
async def test_paths_that_two_servers_may_read_differently_go_nowhere(
    stage: Stage, files: Shop, anything: Shop, path: str, kind: str
) -> None:
    place = {"files": files, "anything": anything}[kind]
    got = await exchange(stage.gateway, head(f"GET /s/{place.model}{path} HTTP/1.1", f"x-mercato-key: {place.key}"))
    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404")), got[:200]
    assert stage.upstream.received == []


@pytest.mark.parametrize(
    "path",
    [
        "/exact/", "//exact", "/exact//", "/EXACT", "/exact;a=b", "/public", "/public/", "/public/a/b", "/public//a",
        "/public/a%2Fb/c", "/secret", "/exact%20", "/s/acme/other/exact",
    ],
)  # fmt: skip
async def test_only_what_is_published_is_reached(stage: Stage, files: Shop, path: str) -> None:
    got = await exchange(stage.gateway, head(f"GET /s/{files.model}{path} HTTP/1.1", f"x-mercato-key: {files.key}"))
    assert got.startswith(b"HTTP/1.1 404"), got[:200]
    assert stage.upstream.received == []


@pytest.mark.parametrize(
    "target",
    [
        "/a%20b/%C3%A9?x=1&x=2&y[]=%5B%5D&z=a+b%2Bc&empty=&=", "/a:b@c!$&'()*+,;=~-._", "/%E2%80%8B", "/a//b/",
        "/..a/b..", "/a?b=../../c&d=%2e%2e", "/?q=%00", "/", "", "/a?http://other.example/", "/a??b",
    ],
)  # fmt: skip
async def test_targets_go_through_byte_for_byte(stage: Stage, anything: Shop, target: str) -> None:
    line = f"GET /s/{anything.model}{target} HTTP/1.1"
    got = await exchange(stage.gateway, head(line, f"x-mercato-key: {anything.key}"))
    assert got.startswith(b"HTTP/1.1 200"), got[:300]
    assert [seen.target for seen in stage.upstream.received] == [target or "/"]


@pytest.mark.parametrize("target", ["/exact#x", "/public/\xe9", "/exact?\xff", "/public/a\x7fb", "/exact?a=\x01"])
async def test_addresses_that_are_no_addresses_are_refused(stage: Stage, files: Shop, target: str) -> None:
    got = await exchange(stage.gateway, head(f"GET /s/{files.model}{target} HTTP/1.1", f"x-mercato-key: {files.key}"))
    assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404")), got[:200]
    assert b"internal_error" not in got
    assert stage.upstream.received == []


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET http://evil.example/s/{model}/exact HTTP/1.1", 200),
        ("GET http://evil.example HTTP/1.1", 404),
        ("GET //evil.example/s/{model}/exact HTTP/1.1", 404),
        ("GET ftp://evil.example/exact HTTP/1.1", 404),
        ("OPTIONS * HTTP/1.1", 404),
        ("GET @evil.example/ HTTP/1.1", 400),
        ("GET /s/{model}@evil.example:80/exact HTTP/1.1", 400),
        ("GET /s/acme/%2e%2e/exact HTTP/1.1", 404),
        ("GET /s/../v1/models HTTP/1.1", 404),
    ],
)
async def test_absolute_and_odd_targets_lead_nowhere_else(stage: Stage, files: Shop, line: str, status: int) -> None:
    got = await exchange(stage.gateway, head(line.format(model=files.model), f"x-mercato-key: {files.key}"))
    assert got.startswith(b"HTTP/1.1 %d" % status), got[:300]
    assert {seen.target for seen in stage.upstream.received} <= {"/exact"}


# Header fields, both ways.


async def test_hop_by_hop_fields_are_dropped_however_they_are_named(stage: Stage, files: Shop) -> None:
    fields = [
        f"x-mercato-key: {files.key}", "Connection: x-first, X-Second", "Connection: close", "x-first: 1",
        "x-second: 2", "Keep-Alive: timeout=5", "TE: trailers", "Proxy-Connection: keep-alive", "Trailer: x",
        "Proxy-Authorization: Basic x", "Upgrade: h2c", "HTTP2-Settings: x", "X_Forwarded_For: 1.1.1.1",
        "x-forwarded-host: evil", "X-Real-IP: 1.1.1.1", "Forwarded: for=1.1.1.1", "True-Client-IP: 1.1.1.1",
        "x-mercato_key: other", "X-HTTP-Method-Override: DELETE", "X-Original-URL: /secret", "X-Rewrite-URL: /secret",
        "x-kept: yes",
    ]  # fmt: skip
    raw = head(f"GET /s/{files.model}/exact HTTP/1.1", *fields).replace(b"connection: close\r\n", b"")
    got = await exchange(stage.gateway, raw, seconds=1)
    assert got.startswith(b"HTTP/1.1 200"), got
    (seen,) = stage.upstream.received
    assert {name for name, _ in seen.headers} == {"host", "x-kept", "x-request-id"}


async def test_a_service_with_any_path_gets_overrides_too(stage: Stage, anything: Shop) -> None:
    fields = [f"x-mercato-key: {anything.key}", "X-HTTP-Method-Override: GET"]
    await exchange(stage.gateway, head(f"GET /s/{anything.model}/x HTTP/1.1", *fields), seconds=2)
    assert stage.upstream.received[0].header("x-http-method-override") == "GET"


@pytest.mark.parametrize(
    "raw",
    [
        b"x: a\r\n b\r\n", b"x: a\nset-cookie: b=1\r\n", b"x: a\rset-cookie: b=1\r\n", b"x: a\x00b\r\n",
        b"x : a\r\n", b"x\x0b: a\r\n", b": a\r\n", b"x\r\n", b"content-length: 2\r\n", b"transfer-encoding: gzip\r\n",
        b"transfer-encoding: chunked\r\n", b"x: \x7f\r\n",
    ],
)  # fmt: skip
async def test_an_upstream_cannot_split_our_answer(stage: Stage, files: Shop, raw: bytes) -> None:
    body = b"HTTP/1.1 200 OK\r\nx-smuggled: 1\r\ncontent-length: 4\r\n\r\nevil"
    stage.upstream.script = raw_answer(b"HTTP/1.1 200 OK\r\n" + raw + b"content-length: %d\r\n\r\n" % len(body) + body)
    asked = head(f"GET /s/{files.model}/exact HTTP/1.1", f"x-mercato-key: {files.key}")
    got = await exchange(stage.gateway, asked)
    first, _, rest = got.partition(b"\r\n\r\n")
    assert first.startswith((b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 502 "))
    names = [line.partition(b":")[0] for line in first.split(b"\r\n")[1:]]
    assert len(names) == len(set(names))
    assert b"set-cookie" not in first.lower()
    assert not re.search(rb"[\x00\x0b]|\r[^\n]|[^\r]\n", first)
    assert rest == body or first.startswith(b"HTTP/1.1 502 ")


async def test_a_redirect_is_an_answer_and_is_not_followed(stage: Stage, files: Shop) -> None:
    inside = Upstream()
    await inside.start()
    try:
        for status in (301, 302, 303, 307, 308):
            stage.upstream.script = raw_answer(answer(status, b"{}", extra=f"location: {inside.url}/secret\r\n"))
            got = await exchange(
                stage.gateway, head(f"GET /s/{files.model}/exact HTTP/1.1", f"x-mercato-key: {files.key}")
            )
            assert got.startswith(b"HTTP/1.1 %d" % status)
        assert inside.connections == 0
    finally:
        await inside.stop()


def embedder_at(control: ControlPlane, url: str, addresses: list[str]) -> str:
    """A service whose deployment has this address; gives a key that may call it."""
    service = a_service("acme/embedder", [a_release("1.0.0", [a_deployment(url, addresses=addresses)])])
    control.put_service(service)
    return a_subscriber(control, subscribe(service))


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "0.0.0.0", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"]
)
async def test_a_name_that_leads_inside_is_not_connected_to(
    control: ControlPlane, start_gateway: StartGateway, upstream: Upstream, host: str
) -> None:
    key = embedder_at(control, f"http://{host}:{upstream.port}/v1", [])
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        got = await client.post("/v1/embeddings", json={"model": "acme/embedder", "input": "x"})
    assert (got.status_code, got.json()["error"]["code"]) == (502, "upstream_unreachable")
    assert upstream.connections == 0


async def test_an_address_that_was_checked_is_used_whatever_the_name_says_now(
    control: ControlPlane, start_gateway: StartGateway, upstream: Upstream
) -> None:
    key = embedder_at(control, f"http://rebound.invalid:{upstream.port}/v1", ["127.0.0.1"])
    gateway = await start_gateway()
    async with gateway.client(key) as client:
        got = await client.post("/v1/embeddings", json={"model": "acme/embedder", "input": "x"})
    assert got.status_code == 200
    assert upstream.received[0].header("host") == f"rebound.invalid:{upstream.port}"


# Bodies that are not what they say.


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x+json", "", "multipart/form-data; boundary=x"]
)
@pytest.mark.parametrize(
    "body",
    [
        gzip.compress(gzip.compress(b'{"model":"other","messages":[]}')), '{"model":"other"}'.encode("utf-16"),
        b"\xef\xbb\xbf" + b'{"model":"other"}', b" [1]", b"model=other", b"x" * 100,
    ],
    ids=["gzip twice", "utf-16", "bom", "list", "form", "text"],
)  # fmt: skip
async def test_a_model_service_gets_no_body_that_was_not_read(stage: Stage, kind: str, body: bytes) -> None:
    place = await stage.shop("chat", paths="any")
    async with stage.gateway.client(place.key) as client:
        headers = {"content-type": kind, "content-encoding": "gzip"} if kind else {}
        for path in ("/v1/chat/completions", f"/s/{place.model}/chat/completions"):
            got = await client.post(path, content=body, headers=headers)
            assert (got.status_code, "bad_body" in got.text) == (400, True)
        got = await client.put(f"/s/{place.model}/chat/completions", content=body, headers=headers)
        assert got.status_code == 400
    assert stage.upstream.received == []


async def test_a_packed_request_is_never_unpacked(stage: Stage, anything: Shop) -> None:
    bomb = gzip.compress(bytes(200 << 20), 9)
    before = stage.gateway.rss_mb()
    async with stage.gateway.client(anything.key) as client:
        got = await client.post(f"/s/{anything.model}/x", content=bomb, headers={"content-encoding": "gzip"})
    assert got.status_code == 200
    assert stage.upstream.received[0].body == bomb
    assert stage.gateway.rss_mb() - before < 20
