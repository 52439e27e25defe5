"""What every answer says beside its content: its id, the time spent here, and how its limits stand."""

import asyncio
import json
import re

import httpx
import pytest

from mercato_contracts.keys import make_key
from tests.fakes.control_plane import new_id
from tests.fakes.gateway_process import GatewayProcess, Shop
from tests.fakes.marketplace import a_limit
from tests.fakes.upstream import STREAM_HEAD, Received, Upstream, answer, chunk
from tests.gateway.conftest import Stage
from tests.gateway.test_http import exchange, post
from tests.support.waiting import until

PLENTY = ("subscription", "requests", "day", 1000)


@pytest.fixture
def gateway(stage: Stage) -> GatewayProcess:
    return stage.gateway


@pytest.fixture
def upstream(stage: Stage) -> Upstream:
    return stage.upstream


def assert_says_its_own(got: httpx.Response) -> None:
    assert re.fullmatch(r"[1-9]\d*", got.headers["x-mercato-overhead-us"]), got.headers
    assert re.fullmatch(r"req_[0-9a-f]{32}", got.headers["x-request-id"])
    assert got.status_code not in (429, 503) or int(got.headers["retry-after"]) >= 1


def limits_of(got: httpx.Response) -> dict[str, tuple[int, int]]:
    """Of each limit its cap and what is left, by `RateLimit-Policy` and `RateLimit`, which name the same."""
    caps = re.findall(r'"([a-z-]+)";q=(\d+)', got.headers.get("ratelimit-policy", ""))
    left = re.findall(r'"([a-z-]+)";r=(\d+);t=\d+', got.headers.get("ratelimit", ""))
    assert [name for name, _ in caps] == [name for name, _ in left]
    return {name: (int(cap), int(rest)) for (name, cap), (_, rest) in zip(caps, left, strict=True)}


async def test_answers_of_a_service_whole_and_streamed(stage: Stage, upstream: Upstream) -> None:
    deployment = {"limits": [a_limit("deployment", "requests", "day", 50)], "timeout_ms": 1500}
    place = await stage.shop("chat", limits=[a_limit(*PLENTY)], deployment=deployment, paths="any")
    both = {"subscription-requests-day", "deployment-requests-day"}

    async def stream(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(b"data: {}\n\n"))
        await writer.drain()
        writer.write(chunk(b"data: [DONE]\n\n") + b"0\r\n\r\n")

    async def silence(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async def plain(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status = int(request.target.rpartition("/")[2])
        writer.write(
            answer(status, b"" if status == 204 else b"{}", extra="x-mercato-overhead-us: 9\r\nratelimit: x\r\n")
        )

    async with stage.gateway.client(place.key) as client:
        body = {"model": place.model, "messages": [], "stream": True}
        for script, expected in ((stream, 200), (silence, 504)):
            upstream.script = script
            got = await client.post("/v1/chat/completions", json=body)
            assert got.status_code == expected
            assert_says_its_own(got)
            assert set(limits_of(got)) == both
        upstream.script = plain
        for status in (200, 201, 204, 301, 400, 401, 404, 409, 422, 429, 500, 503):
            for method in ("GET", "POST", "HEAD", "DELETE"):
                got = await client.request(method, f"/s/{place.model}/{status}")
                assert got.status_code in (status, 503)  # 503: a deployment that said so rests
                if got.status_code == 503:
                    continue
                assert_says_its_own(got)
                assert set(limits_of(got)) == both
    assert limits_of(got)["subscription-requests-day"][0] == 1000


async def test_refusals_before_a_service_is_known(stage: Stage) -> None:
    place = await stage.shop("chat")
    unknown = make_key("ck", new_id("key"), bytes(32))
    asks = [
        ("POST", "/v1/chat/completions", {}, 401),
        ("POST", "/v1/chat/completions", {"authorization": "Bearer ck_no"}, 401),
        ("POST", "/v1/messages", {"x-api-key": unknown}, 401),
        ("GET", "/s/acme/nothing/x", {"x-api-key": place.key}, 404),
        ("GET", "/nowhere", {"x-api-key": place.key}, 404),
        ("GET", "/v1/chat/completions", {"x-api-key": place.key}, 405),
        ("POST", "/v1/chat/completions", {"x-api-key": place.key}, 400),
        ("GET", "/v1/models", {"x-api-key": place.key}, 200),
        ("HEAD", "/v1/models", {"x-api-key": place.key}, 200),
        ("PUT", "/v1/models", {"x-api-key": place.key}, 405),
        ("GET", f"/v1/models/{place.model}", {"x-api-key": place.key}, 200),
    ]
    async with stage.gateway.client() as client:
        for method, path, headers, status in asks:
            got = await client.request(method, path, headers=headers)
            assert got.status_code == status, (method, path, got.text)
            assert_says_its_own(got)


@pytest.mark.parametrize(
    ("limit", "code"),
    [
        (("subscription", "requests", "day", 0), "quota_exceeded"),
        (("subscription", "requests", "minute", 0), "rate_limit_exceeded"),
        (("subscription", "tokens", "second", 1), "rate_limit_exceeded"),
        (("consumer", "nanos", "month", 0), "budget_exceeded"),
        (("subscription", "concurrent", "ever", 0), "too_many_concurrent"),
        (("deployment", "requests", "minute", 0), "rate_limit_exceeded"),
    ],
)
async def test_a_refusal_by_a_limit_names_it_and_says_when_to_come_back(
    stage: Stage, limit: tuple[str, str, str, int], code: str
) -> None:
    made, wide = a_limit(*limit), a_limit("key", "requests", "month", 1000)
    of_deployment = {"limits": [made]} if limit[0] == "deployment" else {}
    own = [] if of_deployment else [made]
    plan = {"per_call_nanos": 5}
    place = await stage.shop("chat", limits=own, key={"limits": [wide]}, deployment=of_deployment, plan=plan)
    async with stage.gateway.client(place.key) as client:
        got = await client.post("/v1/chat/completions", json={"model": place.model, "messages": []})
    assert (got.status_code, got.json()["error"]["code"]) == (429, code)
    assert_says_its_own(got)
    named = f"{limit[0]}-{limit[1]}-{limit[2]}"
    assert limits_of(got)[named] == (limit[3], min(limit[3], limits_of(got)[named][1]))
    assert limits_of(got)["key-requests-month"][0] == 1000


async def test_an_upstreams_429_says_when_to_come_back_even_where_it_did_not(stage: Stage, upstream: Upstream) -> None:
    place = await stage.shop("chat")

    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(429, b'{"error":{"message":"x"}}'))

    upstream.script = script
    async with stage.gateway.client(place.key) as client:
        got = await client.post("/v1/chat/completions", json={"model": place.model, "messages": []})
    assert (got.status_code, got.headers["retry-after"]) == (429, "1")


async def test_requests_that_never_became_a_call_and_questions_of_health(gateway: GatewayProcess) -> None:
    early = [
        (post("content-length: 1\r\ncontent-length: 2"), b"400"),
        (post("x: " + "y" * 100_000), b"431"),
        (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", b"414"),
        (post("content-length: 99999999999"), b"413"),
        (post("transfer-encoding: gzip, chunked"), b"501"),
        (b"GET /healthz HTTP/1.0\r\n\r\n", b"200"),
        (b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", b"200"),
    ]
    for raw, status in early:
        got = await exchange(gateway, raw)
        assert got[9:12] == status, got[:200]
        assert re.search(rb"\r\nx-mercato-overhead-us: [1-9]\d*\r\n", got)


async def test_pipelined_and_old_clients_are_told_too(stage: Stage) -> None:
    place: Shop = await stage.shop("embedder")
    body = json.dumps(place.body())
    rows = f"host: x\r\nx-mercato-key: {place.key}\r\ncontent-length: {len(body)}\r\n\r\n{body}"
    raw = f"POST /v1/embeddings HTTP/1.1\r\n{rows}" * 3 + f"POST /v1/embeddings HTTP/1.0\r\n{rows}"
    got = await exchange(stage.gateway, raw.encode())
    assert len(re.findall(rb"\r\nx-mercato-overhead-us: [1-9]\d*\r\n", got)) == 4
    ids = re.findall(rb"\r\nx-request-id: (req_[0-9a-f]{32})\r\n", got)
    assert len(set(ids)) == 4
    await until(lambda: {i.decode() for i in ids} <= {event.request_id for event in stage.control.events.values()})
