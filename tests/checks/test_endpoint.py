"""A call goes to the pinned address, is bounded, and never follows anyone elsewhere."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from mercato_checks.addresses import Target
from mercato_checks.endpoint import Answer, Call, CallFailed, PinnedEndpoint
from tests.checks.conftest import Certificates, FakeServer

GET = Call("GET", "/x")


async def ask(target: Target, call: Call = GET, **options: Any) -> Answer:
    async with PinnedEndpoint(target, **({"timeout_seconds": 5.0} | options)) as endpoint:
        return await endpoint.call(call)


async def failure(target: Target, **options: Any) -> str:
    with pytest.raises(CallFailed) as caught:
        await ask(target, **options)
    return caught.value.code


@contextmanager
def raw_server(reply: bytes, *, hold: bool = False) -> Iterator[int]:
    """Sends these bytes to whoever connects; with `hold` it then keeps the line open until the test ends."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)
                if hold:
                    done.wait(10)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        done.set()
        thread.join(5)


async def test_connects_to_the_pinned_address_and_keeps_the_name(fake_server: FakeServer) -> None:
    fake_server.answer = lambda method, path, body: (200, {"Content-Type": "Text/Plain; charset=x"}, b"hello")
    answer = await ask(fake_server.target("/base", host="pinned.invalid"))
    assert (answer.status, answer.body, answer.media_type) == (200, b"hello", "text/plain")
    assert fake_server.seen == [("GET", "/base/x", b"")]
    assert fake_server.hosts == [f"pinned.invalid:{fake_server.port}"]
    assert answer.took_us > 0


@pytest.mark.parametrize(
    ("body", "sent"), [(b'{"a":1}', b'{"a":1}'), ({"a": 1}, b'{"a": 1}'), ("é", b'"\\u00e9"'), (None, b"")]
)
async def test_bytes_are_sent_as_they_are_and_anything_else_as_json(
    fake_server: FakeServer, body: Any, sent: bytes
) -> None:
    fake_server.answer = lambda method, path, body: (204, {}, b"")
    await ask(fake_server.target("/base"), Call("POST", "/x", body))
    assert fake_server.seen == [("POST", "/base/x", sent)]


async def test_tries_the_next_pinned_address(fake_server: FakeServer, closed_port: int) -> None:
    fake_server.answer = lambda method, path, body: (204, {}, b"")
    target = Target("http", "pinned.invalid", fake_server.port, "", ("127.0.0.2", "127.0.0.1"))
    assert (await ask(target)).status == 204


async def test_ignores_the_environments_proxy(fake_server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert (await ask(fake_server.target())).status == 404


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_follows_no_redirect(fake_server: FakeServer, status: int) -> None:
    fake_server.answer = lambda method, path, body: (status, {"location": "http://169.254.169.254/"}, b"")
    assert await failure(fake_server.target()) == "probe_redirect"
    assert len(fake_server.seen) == 1


async def test_stops_reading_a_flood(fake_server: FakeServer) -> None:
    fake_server.answer = lambda method, path, body: (200, {}, b"a" * 200_000)
    assert await failure(fake_server.target(), most_bytes=100_000) == "probe_too_large"


async def test_gives_up_on_silence() -> None:
    with raw_server(b"", hold=True) as port:
        target = Target("http", "x.invalid", port, "", ("127.0.0.1",))
        assert await failure(target, timeout_seconds=0.3) == "probe_timeout"


async def test_gives_up_on_a_dripping_body() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc", hold=True) as port:
        target = Target("http", "x.invalid", port, "", ("127.0.0.1",))
        assert await failure(target, timeout_seconds=0.3) == "probe_timeout"


@pytest.mark.parametrize(
    "reply", [b"SSH-2.0-OpenSSH\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nx: " + b"a" * 300_000, b"HTTP/9 abc\r\n\r\n"]
)
async def test_says_when_this_is_not_http(reply: bytes) -> None:
    with raw_server(reply) as port:
        assert await failure(Target("http", "x.invalid", port, "", ("127.0.0.1",))) in (
            "probe_not_http",
            "probe_unreachable",
        )


async def test_says_when_nobody_listens(closed_port: int) -> None:
    target = Target("http", "x.invalid", closed_port, "", ("127.0.0.1",))
    assert await failure(target) == "probe_unreachable"


async def test_accepts_a_certificate_for_the_name(tls_server: FakeServer, certificates: Certificates) -> None:
    target = tls_server.target(scheme="https", host="endpoint.example")
    assert (await ask(target, tls=certificates.trusting)).status == 200


async def test_refuses_a_certificate_for_another_name(tls_server: FakeServer, certificates: Certificates) -> None:
    target = tls_server.target(scheme="https", host="other.example")
    assert await failure(target, tls=certificates.trusting) == "probe_tls"


async def test_refuses_a_certificate_that_nobody_signed(tls_server: FakeServer) -> None:
    assert await failure(tls_server.target(scheme="https", host="endpoint.example")) == "probe_tls"
