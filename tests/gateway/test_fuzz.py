"""Fuzz of what reads other people's bytes: a running gateway answers, and goes on."""

import asyncio

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercato_gateway.headers import for_client, retry_after
from tests.fakes.gateway_process import GatewayProcess, Shop
from tests.fakes.upstream import Received
from tests.gateway.conftest import Stage
from tests.gateway.test_http import exchange


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
