"""Calls an endpoint at its pinned addresses: bounded in time and size, TLS verified, no redirect, proxy or cookie."""

import asyncio
import json
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import Any, Protocol

import httpcore
import httpx

from mercato_checks.addresses import Target
from mercato_checks.findings import shorten

MOST_BYTES = 4 * 1024 * 1024

_TEST_CALL_SECONDS = 30.0
"""Ten were too few for a model that loads at its first call on a busy machine."""


def limit_test_call(timeout_seconds: float) -> float:
    """How many seconds a test call gets: what the manifest allows, within reason, because somebody waits for it."""
    return min(timeout_seconds, _TEST_CALL_SECONDS)


@dataclass(frozen=True, slots=True)
class Answer:
    """The endpoint's response. Header names in lower case; `took_us` from the first byte sent to the last received."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    took_us: int

    @property
    def media_type(self) -> str:
        """Without parameters, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError`, also for what is too deep."""
        try:
            return json.loads(self.body)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class CallFailed(Exception):
    """There is no answer to check; `code` is the finding's, the text says what happened."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `path` is added to the endpoint's base. Bytes are sent as they are, any other `body` as JSON."""

    method: str
    path: str
    body: Any = None
    headers: tuple[tuple[str, str], ...] = ()

    def content(self) -> bytes | None:
        """The bytes that are sent; `None` for a request without a body."""
        if self.body is None or isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body).encode()


class Endpoint(Protocol):
    """A way to call the endpoint under test."""

    async def call(self, call: Call) -> Answer:
        """The answer, whatever its status. Raises `CallFailed`."""
        ...


class PinnedEndpoint:
    """An endpoint called only at its checked addresses. Use as an async context.

    `timeout_seconds` bounds a whole call. `headers` go with each call (the endpoint's own credentials). Where an answer
    echoes `secret`, it is masked, so text that quotes the answer never contains it.
    """

    def __init__(
        self,
        target: Target,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        most_bytes: int = MOST_BYTES,
        secret: str = "",
    ) -> None:
        self._target = target
        self._seconds = timeout_seconds
        self._headers = dict(headers or {})
        self._most = most_bytes
        self._secrets = _spellings(secret)
        self._pool = httpcore.AsyncConnectionPool(
            # Loading the certificate authorities takes a tenth of a second: only if they are needed.
            ssl_context=tls or (httpx.create_ssl_context() if target.scheme == "https" else None),
            network_backend=_PinnedBackend(target),
            max_connections=1,
            retries=0,
        )

    async def __aenter__(self) -> "PinnedEndpoint":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.aclose()

    async def call(self, call: Call) -> Answer:
        started = perf_counter_ns()
        try:
            async with asyncio.timeout(self._seconds):
                status, headers, body = await self._exchange(call)
        except (TimeoutError, httpcore.TimeoutException):
            raise CallFailed("probe_timeout", f"no complete response within {self._seconds:g} s") from None
        except httpcore.ConnectError as error:
            code = "probe_tls" if _is_tls(error) else "probe_unreachable"
            raise CallFailed(code, f"no connection: {shorten(error, 200)}") from None
        except httpcore.NetworkError as error:
            raise CallFailed("probe_unreachable", f"the connection was lost: {shorten(error, 200)}") from None
        except (httpcore.ProtocolError, httpcore.ProxyError, httpcore.UnsupportedProtocol) as error:
            raise CallFailed("probe_not_http", f"the response is not valid HTTP: {shorten(error, 200)}") from None
        if 300 <= status < 400 and status != 304:
            raise CallFailed("probe_redirect", f"status {status} is a redirect")
        took_us = (perf_counter_ns() - started) // 1000
        shown = {name: self._masked(value.encode()).decode() for name, value in headers.items()}
        return Answer(status, shown, self._masked(body), took_us)

    def _masked(self, text: bytes) -> bytes:
        for secret in self._secrets:
            text = text.replace(secret, b"*" * 8)
        return text

    async def _exchange(self, call: Call) -> tuple[int, dict[str, str], bytes]:
        content = call.content()
        url = f"{self._target.base}{call.path}"
        async with self._pool.stream(
            call.method, url, headers=self._all_headers(call, content), content=content
        ) as got:
            headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in got.headers}
            body = bytearray()
            async for chunk in got.aiter_stream():
                body += chunk
                if len(body) > self._most:
                    raise CallFailed("probe_too_large", f"the response has more than {self._most} bytes")
            return got.status, headers, bytes(body)

    def _all_headers(self, call: Call, content: bytes | None) -> list[tuple[str, str]]:
        default = 443 if self._target.scheme == "https" else 80
        host = f"[{self._target.host}]" if ":" in self._target.host else self._target.host
        headers = {
            "host": host if self._target.port == default else f"{host}:{self._target.port}",
            "user-agent": "mercato-publishing-check/1",
            "accept": "application/json, */*;q=0.1",
            # Decompression is one more way to be flooded: request uncompressed answers.
            "accept-encoding": "identity",
        }
        if content is not None:
            headers |= {"content-type": "application/json", "content-length": str(len(content))}
        return list((headers | self._headers | dict(call.headers)).items())


def _spellings(secret: str) -> list[bytes]:
    """How a secret may appear in an answer: as it is, or as JSON text, longest first."""
    if not secret:
        return []
    as_json = json.dumps(secret)[1:-1]
    return sorted({secret.encode(), as_json.encode(), as_json.replace("/", "\\/").encode()}, key=len, reverse=True)


def _is_tls(error: BaseException) -> bool:
    while True:
        if isinstance(error, ssl.SSLError):
            return True
        below = error.__cause__ or error.__context__
        if below is None:
            return False
        error = below


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to the target's checked addresses, in order, whatever the name resolves to now."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        if (host, port) != (self._target.host, self._target.port):
            raise httpcore.ConnectError(f"{shorten(host)} was not checked")
        failure: httpcore.ConnectError | None = None
        for address in self._target.addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError as error:
                failure = error
        raise failure or httpcore.ConnectError("there is no address")

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("only TCP is called")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)
