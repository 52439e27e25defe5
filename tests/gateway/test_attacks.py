"""Attacks on a running gateway beyond its framing (`test_http`): paths, headers both ways, keys, tenants, memory."""

import asyncio
import gzip
import json
import os
import re
from collections import Counter
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercato_contracts.keys import make_key
from mercato_gateway.guesses import Guesses
from mercato_gateway.headers import for_client, retry_after
from tests.fakes.control_plane import ControlPlane, new_id
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.marketplace import a_deployment, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Received, Script, Upstream, answer
from tests.gateway.conftest import Stage
from tests.gateway.test_http import exchange
from tests.support.waiting import until


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


@pytest.fixture
async def files(stage: Stage) -> Shop:
    return await stage.shop("files", protocol="openapi", operations=[("GET", "/public/{name}"), ("GET", "/exact")])


@pytest.fixture
async def anything(stage: Stage) -> Shop:
    return await stage.shop("anything", protocol="openapi", paths="any")


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


# Keys and tenants.


async def test_guessed_keys_cost_the_control_plane_little_and_known_ones_go_on(
    shop: MakeShop, start_gateway: StartGateway
) -> None:
    place = shop()
    gateway = await start_gateway(unknown_keys_per_minute=30)
    guesses = [make_key("ck", new_id("key"), os.urandom(32)) for _ in range(300)]
    async with gateway.client(limits=httpx.Limits(max_connections=50)) as client:
        known = {"authorization": f"Bearer {place.key}"}
        assert (await client.post("/v1/embeddings", json=place.body(), headers=known)).status_code == 200
        answers = await asyncio.gather(
            *(client.get("/v1/models", headers={"authorization": f"Bearer {guess}"}) for guess in guesses)
        )
        codes = Counter(each.json()["error"]["code"] for each in answers)
        assert set(codes) == {"key_invalid", "too_many_unknown_keys"}
        # In half a second each more comes back at 30 a minute, whatever the machine does meanwhile.
        assert 30 <= codes["key_invalid"] <= 60
        late = next(each for each in answers if each.status_code == 429)
        assert int(late.headers["retry-after"]) >= 1
        assert gateway.control.introspections == codes["key_invalid"] + 1
        for _ in range(20):
            assert (await client.post("/v1/embeddings", json=place.body(), headers=known)).status_code == 200


def test_the_memory_of_guesses_is_bounded_and_forgets_what_came_back() -> None:
    guesses = Guesses(60)
    for number in range(50_000):
        assert guesses.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1.0) == 0.0
    assert len(guesses._levels) == 20_000
    for _ in range(60):
        assert guesses.take("2001:db8::1", 2.0) == 0.0
    assert guesses.take("2001:db8::ffff", 2.0) == pytest.approx(1.0), "one network of a customer is one"
    guesses.give_back("2001:db8::1", 2.0)
    assert guesses.take("2001:db8::1", 2.0) == 0.0
    assert guesses.take("2001:db8::1", 10.0) == 0.0
    assert Guesses(0).take("10.0.0.1", 1.0) == 0.0


async def test_a_subscription_pays_for_its_own_organisation_only(stage: Stage) -> None:
    place = await stage.shop("embedder")
    other = a_subscriber(stage.control, subscribe(place.service))
    stranger = a_subscriber(stage.control)
    mine = {"x-mercato-subscription": place.subscription.id}
    async with stage.gateway.client() as client:

        async def call(key: str, **more: str) -> httpx.Response:
            return await client.post(
                "/v1/embeddings", json=place.body(), headers={"authorization": f"Bearer {key}", **more}
            )

        for _ in range(3):  # the second time everything that is cached is
            assert (await call(place.key, **mine)).status_code == 200
            assert (await call(other)).status_code == 200
            stolen = await call(other, **mine)
            assert (stolen.status_code, stolen.json()["error"]["code"]) == (403, "not_subscribed")
            assert (await call(stranger, **mine)).status_code == 403

    def payers() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for event in stage.control.events.values():
            if event.service_id == place.service.id:
                found.setdefault(event.subscription_id, set()).add(event.consumer_id)
        return found

    await until(lambda: len(payers()) == 2)
    assert payers()[place.subscription.id] == {stage.control.grants[place.key].consumer_id}


async def test_two_keys_on_one_connection_do_not_mix(stage: Stage) -> None:
    one, two = await stage.shop("embedder"), await stage.shop("embedder")
    async with stage.gateway.client() as client:
        for _ in range(5):
            for mine, other in ((one, two), (two, one)):
                headers = {"authorization": f"Bearer {mine.key}"}
                assert (await client.post("/v1/embeddings", json=mine.body(), headers=headers)).status_code == 200
                assert (await client.post("/v1/embeddings", json=other.body(), headers=headers)).status_code == 403
    subscriptions = {one.subscription.id: one, two.subscription.id: two}

    def events() -> list[Any]:
        return [event for event in stage.control.events.values() if event.subscription_id in subscriptions]

    await until(lambda: len(events()) == 10)
    for event in events():
        assert event.consumer_id == stage.control.grants[subscriptions[event.subscription_id].key].consumer_id


async def test_a_head_question_for_models_has_no_body(stage: Stage) -> None:
    place = await stage.shop("chat")
    asked = f"HEAD /v1/models HTTP/1.1\r\nhost: x\r\nx-mercato-key: {place.key}\r\n\r\n".encode()
    got = await exchange(stage.gateway, asked * 3, seconds=1)
    parts = got.split(b"\r\n\r\n")
    assert [part[:15] for part in parts] == [b"HTTP/1.1 200 OK"] * 3 + [b""]


# Slow and many.


async def test_many_slow_connections_hold_up_nobody_and_are_closed(shop: MakeShop, start_gateway: StartGateway) -> None:
    place = shop()
    gateway = await start_gateway(header_timeout=2, body_timeout=2)
    before = gateway.rss_mb()
    slow = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(600)]
    for number, (_, writer) in enumerate(slow):
        start = b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\n"
        writer.write(start if number % 2 else start + b"content-length: 1000\r\n\r\n{")

    async def drip(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"x" if writer is slow[0][1] else b"x: y\r\n")
            await asyncio.sleep(0.3)

    drips = [asyncio.create_task(drip(slow[place][1])) for place in (0, 1)]
    async with gateway.client(place.key) as client:
        for _ in range(20):
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    async with asyncio.timeout(60):
        ended = await asyncio.gather(*(reader.read() for reader, _ in slow))
    assert all(got.startswith(b"HTTP/1.1 408") for got in ended)
    for task in drips:
        task.cancel()
    for _, writer in slow:
        writer.close()
    assert gateway.rss_mb() - before < 30


async def test_connections_beyond_the_limit_are_told_and_closed(shop: MakeShop, start_gateway: StartGateway) -> None:
    place = shop()
    gateway = await start_gateway(max_connections=20)
    held = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(20)]
    got = await exchange(gateway, b"")
    assert got.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in got
    for _, writer in held:
        writer.close()

    async def served() -> bool:
        async with gateway.client(place.key) as client:
            return (await client.post("/v1/embeddings", json=place.body())).status_code == 200

    await until(served)


async def test_an_address_with_many_connections_makes_room_for_the_others(
    shop: MakeShop, start_gateway: StartGateway
) -> None:
    place = shop()
    gateway = await start_gateway(max_connections=40)
    async with gateway.client(place.key) as inside:
        assert (await inside.post("/v1/embeddings", json=place.body())).status_code == 200
    held = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(40)]
    for _, writer in held[20:]:
        writer.write(b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-le")
    assert (await exchange(gateway, b"")).startswith(b"HTTP/1.1 503"), "the address itself gets no more"
    for number in range(2, 12):
        transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{number}")
        async with gateway.client(place.key, transport=transport) as other:
            for _ in range(3):
                assert (await other.post("/v1/embeddings", json=place.body())).status_code == 200
    ended = [reader.at_eof() for reader, _ in held]
    assert 0 < sum(ended) < 40
    for _, writer in held:
        writer.close()


# Fuzz of what reads other people's bytes.


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_any_retry_after_is_a_time_or_nothing(value: bytes) -> None:
    assert retry_after({b"retry-after": value}) >= 0.0


@given(st.lists(st.tuples(st.from_regex(rb"[a-z-]{1,12}", fullmatch=True), st.binary(max_size=12)), max_size=8))
def test_fields_for_the_client_never_name_the_framing(headers: list[tuple[bytes, bytes]]) -> None:
    lines = for_client([*headers, (b"connection", b"x-a"), (b"x-a", b"1"), (b"connection", b"close")], dict(headers))
    for name in (b"connection", b"transfer-encoding", b"content-length", b"x-a", b"set-cookie"):
        assert not lines.startswith(name + b":")
        assert b"\r\n" + name + b":" not in lines.replace(b"\r\n\r\n", b"")


_TARGET = st.from_regex(rb"/(s/[!-~]{1,12}/[!-~]{1,20}|v1/[!-~]{0,20})/?[!-~\x80-\xff]{0,20}", fullmatch=True)
_FIELD = st.from_regex(rb"[A-Za-z-]{1,12}:[ -~\x80-\xff]{0,20}", fullmatch=True)


async def call_of(
    gateway: GatewayProcess, key: str, method: bytes, target: bytes, fields: list[bytes], body: bytes
) -> bytes:
    rows = [method + b" " + target + b" HTTP/1.1", b"host: x", b"x-mercato-key: " + key.encode(), *fields]
    rows += [b"content-length: %d" % len(body), b"connection: close", b"", b""]
    return await exchange(gateway, b"\r\n".join(rows) + body, seconds=20)


_FUZZ = {
    "method": st.sampled_from([b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH"]),
    "target": _TARGET,
    "fields": st.lists(_FIELD, max_size=4),
    "body": st.binary(max_size=60) | st.from_regex(rb'\{"model":"[!-~]{0,30}"[ -~]{0,40}\}', fullmatch=True),
}


async def check_call(stage: Stage, place: Shop, method: bytes, target: bytes, fields: list[bytes], body: bytes) -> None:
    mine = place.model.encode()
    for aimed in (target, b"/s/" + mine + target):
        got = await call_of(stage.gateway, place.key, method, aimed, fields, body)
        assert got == b"" or got.startswith(b"HTTP/1.1 "), got
        assert b"internal_error" not in got, (method, aimed, fields, body)
    assert stage.gateway.events("call_broke") == []


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(**_FUZZ)
async def test_no_call_with_a_good_key_breaks_the_gateway(
    stage: Stage, anything: Shop, method: bytes, target: bytes, fields: list[bytes], body: bytes
) -> None:
    await check_call(stage, anything, method, target, fields, body)


@pytest.mark.slow
@settings(max_examples=3_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(**_FUZZ)
async def test_no_call_with_a_good_key_breaks_the_gateway_for_long(
    stage: Stage, anything: Shop, method: bytes, target: bytes, fields: list[bytes], body: bytes
) -> None:
    await check_call(stage, anything, method, target, fields, body)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(
    noise=st.binary(max_size=200)
    | st.from_regex(rb"HTTP/1\.1 [0-9]{3} [A-Z]{0,4}\r\n([A-Za-z-]{1,18}:[ -~]{0,12}\r\n){0,4}\r\n.{0,60}")
)
async def test_no_answer_of_an_upstream_breaks_the_gateway(stage: Stage, anything: Shop, noise: bytes) -> None:
    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(noise)
        await writer.drain()
        writer.close()

    stage.upstream.script = script
    got = await call_of(stage.gateway, anything.key, b"GET", f"/s/{anything.model}/x".encode(), [], b"")
    assert got == b"" or got.startswith(b"HTTP/1.1 ")
    assert stage.gateway.events("call_broke") == []
    assert stage.gateway.events("not_json") == [], "an exception of the event loop"
