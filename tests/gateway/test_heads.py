"""A head that is recognised by its bytes means what the parser would have said, and nothing else is recognised."""

import asyncio
import json
from typing import Any

import httptools
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mercato_gateway.heads import take_print
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, StartGateway
from tests.fakes.upstream import Upstream
from tests.support.waiting import until


class Reading:
    """What the strict parser makes of some bytes; `whole` counts the messages that ended."""

    def __init__(self, data: bytes) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.url = b""
        self.body = b""
        self.begun = self.whole = 0
        self.broken = False
        parser: Any = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.broken = True

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.whole += 1

    @property
    def length(self) -> bytes | None:
        return dict(self.headers).get(b"content-length")

    def but_length(self) -> list[tuple[bytes, bytes]]:
        return [(name, value) for name, value in self.headers if name != b"content-length"]


HEADS = [
    b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\nauthorization: Bearer k\r\n\r\n",
    b"POST /v1/embeddings?content-length:1 HTTP/1.1\r\nHost: x\r\nx: content-length: 1\r\nContent-Length:%d\r\n\r\n",
    b"PUT /s/a/b HTTP/1.1\r\ncontent-length:  %d\r\nhost: x\r\nx-content-length: 5\r\n\r\n",
    b"POST / HTTP/1.0\r\ncontent-length: %d\r\n\r\n",
]


@given(
    st.sampled_from(HEADS), st.binary(max_size=40), st.binary(max_size=40), st.integers(min_value=-1, max_value=400),
    st.binary(max_size=6), st.integers(min_value=0, max_value=3),
)  # fmt: skip
@example(HEADS[0], b"{}", b"{}", 200, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", 0)
@example(HEADS[0], b"", b"x", 62, b"0", 0)
def test_what_is_recognised_is_what_the_parser_reads(
    head: bytes, first: bytes, second: bytes, place: int, put: bytes, drop: int
) -> None:
    taken = head % len(first) + first
    before = Reading(taken)
    assert before.whole == 1
    print_ = take_print(taken, before.length)
    assert print_ is not None
    message = head % len(second) + second
    assert print_.body_of(message) == second
    if place >= 0:
        message = message[:place] + put + message[place + drop :]
    body = print_.body_of(message)
    if body is not None:
        now = Reading(message)
        assert (now.broken, now.begun, now.whole) == (False, 1, 1)
        assert (now.url, now.but_length(), now.body) == (before.url, before.but_length(), body)


@pytest.mark.parametrize("size", [0, 8, 9, 10, 98, 99, 100, 999, 9_999])
@pytest.mark.parametrize("head", HEADS)
def test_a_byte_more_than_the_length_is_left_to_the_parser(head: bytes, size: int) -> None:
    print_ = take_print(head % 3 + b"abc", b"3")
    assert print_ is not None
    whole = head % size + b"x" * size
    assert print_.body_of(whole) == b"x" * size
    assert print_.body_of(whole + b"x") is None
    assert print_.body_of(whole[:-1]) is None


@given(st.binary(min_size=1, max_size=8))
def test_a_head_without_length_is_recognised_alone(rest: bytes) -> None:
    head = b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n"
    print_ = take_print(head, None)
    assert print_ is not None
    assert print_.body_of(head) == b""
    assert print_.body_of(head + rest) is None
    assert print_.body_of(head[:-1]) is None


def test_unusual_bytes_are_left_to_the_parser() -> None:
    assert take_print(b"\r\nPOST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n", b"0") is None
    assert take_print(b"POST / HTTP/1.1\r\nx: a\ncontent-length: 0\r\n\r\n", b"0") is None
    assert take_print(b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\n", b"1") is None
    assert take_print(b"HTTP/1.1 103 Early\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", b"5") is None
    assert take_print(b"POST / HTTP/1.1\r\nhost: x\r\n", None) is None


async def test_a_known_head_may_be_followed_by_anything_that_a_new_one_may(gateway: GatewayProcess) -> None:
    ask = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
    smuggled = b"GET /healthz HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for _ in range(3):
        writer.write(ask)
        assert (await reader.readuntil(b'{"status":"ok"}')).startswith(b"HTTP/1.1 200 OK")
    writer.write(ask[:20])
    writer.write(ask[20:] + ask + ask[:10])
    for _ in range(2):
        assert (await reader.readuntil(b'{"status":"ok"}')).startswith(b"HTTP/1.1 200 OK")
    # The parser stands in the middle of a head: this completes it and is no request of its own.
    writer.write(ask[10:] + smuggled)
    assert (await reader.readuntil(b'{"status":"ok"}')).startswith(b"HTTP/1.1 200 OK")
    assert (await reader.read()).startswith(b"HTTP/1.1 400")
    writer.close()


async def test_bodies_of_many_sizes_behind_one_head_reach_the_upstream_whole(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop()
    gateway = await start_gateway()
    sizes = [0, 1, 9, 10, 99, 1000, 70_000, 5]
    head = f"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nx-mercato-key: {place.key}\r\ncontent-length: "
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for size in sizes:
        body = json.dumps(place.body() | {"input": "x" * size})
        writer.write(f"{head}{len(body)}\r\n\r\n{body}".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
        await reader.readuntil(b"}}")
    writer.close()
    assert [len(received.json["input"]) for received in upstream.received] == sizes


async def test_a_head_that_was_sent_before_a_service_published_its_paths_is_looked_at_anew(
    shop: MakeShop, control: ControlPlane, start_gateway: StartGateway, upstream: Upstream
) -> None:
    place = shop(protocol="openapi", paths="any", name="acme/files", operations=[("POST", "/v1/embeddings")])
    gateway = await start_gateway()
    ask = (
        f"POST /s/acme/files/v1/embeddings HTTP/1.1\r\nhost: x\r\nx-mercato-key: {place.key}\r\n"
        "x-http-method-override: DELETE\r\ncontent-length: 2\r\n\r\n{}"
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)

    async def override() -> str | None:
        writer.write(ask.encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK")
        await reader.readuntil(b"}}")
        return upstream.received[-1].header("x-http-method-override")

    for _ in range(4):
        assert await override() == "DELETE"
    control.put_service(place.service.model_copy(update={"paths": "published"}))

    async def gone() -> bool:
        return await override() is None

    await until(gone)
    writer.close()
