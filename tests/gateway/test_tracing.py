"""Traces of calls: one trace from the caller to the control plane, failures always, vendors told nothing."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, StartGateway
from tests.fakes.marketplace import a_limit
from tests.fakes.otlp_receiver import OtlpReceiver, Seen, collecting
from tests.fakes.upstream import Received, Upstream, answer
from tests.support.ports import free_port
from tests.support.waiting import until

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLERS = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=secret", "baggage": "person=ada"}


@pytest.fixture
def collector() -> Iterator[OtlpReceiver]:
    with collecting() as receiver:
        yield receiver
    assert receiver.wrong == []


async def broken(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(500, b'{"error":{"message":"out of memory"}}'))


async def spans_of(collector: OtlpReceiver, trace_id: str = TRACE, count: int = 1) -> list[Seen]:
    await until(lambda: len(collector.of(trace_id)) >= count)
    return collector.of(trace_id)


async def test_a_call_is_one_trace_from_its_caller_to_the_control_plane(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, collector: OtlpReceiver
) -> None:
    place = shop(limits=[])
    gateway = await start_gateway(otlp_url=collector.url, trace_ratio=1.0)
    async with gateway.client(place.key) as client:
        got = await client.post("/v1/embeddings", json=place.body(), headers=CALLERS)
    assert got.status_code == 200, got.text
    spans = {span.name: span for span in await spans_of(collector, count=3)}
    root = spans["POST /v1/embeddings"]
    assert (root.kind, root.parent_id, root.service) == ("SPAN_KIND_SERVER", PARENT, "mercato-gateway")
    assert root.attributes["mercato.request_id"] == got.headers["x-request-id"]
    assert root.attributes["mercato.service"] == place.model
    assert root.attributes["http.response.status_code"] == 200
    assert root.status == "STATUS_CODE_UNSET"
    steps = [spans["POST /internal/keys/introspect"], spans["POST upstream"]]
    assert [(span.parent_id, span.kind) for span in steps] == [(root.span_id, "SPAN_KIND_CLIENT")] * 2
    assert all(0 <= span.seconds <= root.seconds for span in steps)
    asked = control.traces["/internal/keys/introspect"]
    assert asked == [f"00-{TRACE}-{spans['POST /internal/keys/introspect'].span_id}-01"]


async def test_waiting_for_budget_is_a_part_of_the_trace(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, collector: OtlpReceiver
) -> None:
    place = shop(limits=[a_limit("subscription", "requests", "day", 1000)])
    gateway = await start_gateway(otlp_url=collector.url, trace_ratio=1.0)
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body(), headers=CALLERS)).status_code == 200
    borrowed = [span for span in await spans_of(collector, count=4) if span.name == "POST /internal/leases"]
    assert f"00-{TRACE}-{borrowed[0].span_id}-01" in control.traces["/internal/leases"]


@pytest.mark.parametrize("tells", [False, True])
async def test_a_vendor_sees_no_trace_of_the_caller_unless_the_operator_says_so(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, collector: OtlpReceiver, tells: bool
) -> None:
    place = shop()
    more_settings = {"trace_upstreams": True} if tells else {}
    gateway = await start_gateway(otlp_url=collector.url, trace_ratio=1.0, **more_settings)
    more = {"b3": f"{TRACE}-{PARENT}-1", "x-datadog-trace-id": "7", "x-own": "kept"}
    async with gateway.client(place.key) as client:
        await client.post("/v1/embeddings", json=place.body(), headers={**CALLERS, **more})
        await client.post("/v1/embeddings", json=place.body())
    sent = [dict(request.headers) for request in upstream.received]
    assert sent[0]["x-own"] == "kept"
    assert all(not {"tracestate", "baggage", "b3", "x-datadog-trace-id"} & set(fields) for fields in sent)
    if not tells:
        assert all("traceparent" not in fields for fields in sent)
        return
    step = next(span for span in await spans_of(collector, count=3) if span.name == "POST upstream")
    assert sent[0]["traceparent"] == f"00-{TRACE}-{step.span_id}-01"
    assert TRACE not in sent[1]["traceparent"]


async def test_without_a_collector_no_vendor_sees_one_either(
    shop: MakeShop, gateway: GatewayProcess, upstream: Upstream
) -> None:
    place = shop()
    async with gateway.client(place.key) as client:
        await until(lambda: _answered(client, place.body()))
    assert all(request.header("traceparent") is None for request in upstream.received)


async def _answered(client: httpx.AsyncClient, body: object) -> bool:
    return (await client.post("/v1/embeddings", json=body, headers=CALLERS)).status_code == 200


async def test_failures_are_traced_outside_the_sample_too_and_nothing_else_is(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, collector: OtlpReceiver
) -> None:
    place = shop()
    gateway = await start_gateway(otlp_url=collector.url, trace_ratio=0.0)
    async with gateway.client(place.key) as client:
        await client.post("/v1/embeddings", json=place.body(), headers=CALLERS)
        await client.post("/v1/embeddings", json=place.body(model="acme/none"), headers=CALLERS)
        upstream.script = broken
        got = await client.post("/v1/embeddings", json=place.body(), headers=CALLERS)
        await client.post("/v1/embeddings", json=place.body())
    assert got.status_code == 500
    (failed,) = await spans_of(collector)
    assert (failed.status, failed.message) == ("STATUS_CODE_ERROR", "status_500")
    assert failed.attributes["mercato.request_id"] == got.headers["x-request-id"]
    await until(lambda: len(collector.spans) == 2)
    assert {span.status for span in collector.spans} == {"STATUS_CODE_ERROR"}


async def test_an_upstream_that_is_away_is_said_in_the_trace(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, collector: OtlpReceiver
) -> None:
    place = shop()
    gateway = await start_gateway(otlp_url=collector.url, trace_ratio=1.0)
    await upstream.stop()
    async with gateway.client(place.key) as client:
        got = await client.post("/v1/embeddings", json=place.body(), headers=CALLERS)
    spans = await spans_of(collector, count=3)
    root = next(span for span in spans if span.parent_id == PARENT)
    assert root.attributes["http.response.status_code"] == got.status_code >= 500
    attempts = [span for span in spans if span.name == "POST upstream"]
    assert attempts
    assert {span.message for span in attempts} == {"upstream_unreachable"}


async def test_no_secret_and_no_body_is_in_any_span(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, collector: OtlpReceiver
) -> None:
    place = shop()
    gateway = await start_gateway(otlp_url=collector.url, trace_ratio=1.0)
    async with gateway.client(place.key) as client:
        await client.post("/v1/embeddings?token=querysecret", json=place.body(), headers=CALLERS)
        await client.get("/v1/models/pathsecret", headers=CALLERS)
        upstream.script = broken
        await client.post("/v1/embeddings", json=place.body(), headers={**CALLERS, "x-own": "fieldsecret"})
    await spans_of(collector, count=6)
    wire = b"".join(collector.requests)
    for secret in (place.key.encode(), b"turn this into", b"out of memory", b"secret", b"ada"):
        assert secret not in wire


async def test_a_collector_that_is_away_costs_no_call(
    shop: MakeShop, start_gateway: StartGateway, collector: OtlpReceiver, control: ControlPlane
) -> None:
    place, port = shop(), free_port()
    gateway = await start_gateway(otlp_url=f"http://127.0.0.1:{port}", trace_ratio=1.0)
    async with gateway.client(place.key) as client:
        for _ in range(20):
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
        await until(lambda: gateway.events("collector_away"))
        late = OtlpReceiver()
        late.start(port)
        try:
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
            # Nothing was lost in so short a time: what waited arrives.
            await until(lambda: sum(span.name == "POST /v1/embeddings" for span in late.spans) == 21)
        finally:
            late.stop()
    await until(lambda: len(control.events) == 21)
    assert await gateway.metric("mercato_gateway_spans_dropped_total") == 0


async def test_a_collector_that_hangs_costs_no_call_and_no_stop(
    shop: MakeShop, start_gateway: StartGateway, collector: OtlpReceiver
) -> None:
    place = shop()
    gateway = await start_gateway(otlp_url=collector.url, trace_ratio=1.0)
    collector.gate.clear()
    async with gateway.client(place.key) as client:
        for _ in range(20):
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    await gateway.stop()
    assert gateway.events("gateway_stopped")


async def test_spans_that_a_collector_refuses_are_counted_and_not_sent_again(
    shop: MakeShop, start_gateway: StartGateway, collector: OtlpReceiver
) -> None:
    place = shop()
    gateway = await start_gateway(otlp_url=collector.url, trace_ratio=1.0)
    collector.answers = 400
    async with gateway.client(place.key) as client:
        await client.post("/v1/embeddings", json=place.body())
        await until(lambda: gateway.events("spans_refused"))
        dropped = await gateway.metric("mercato_gateway_spans_dropped_total")
        assert dropped >= 1
        collector.answers = 200
        await client.post("/v1/embeddings", json=place.body(), headers=CALLERS)
        await spans_of(collector)
    assert await gateway.metric("mercato_gateway_spans_dropped_total") == dropped


async def test_without_a_collector_nothing_of_it_is_loaded() -> None:
    script = "import json, sys, mercato_gateway.worker; print(json.dumps(list(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    assert [name for name in json.loads(found.stdout) if re.match(r"mercato.*(tracing|otlp)|opentelemetry", name)] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"otlp_url": "collector:4318"}, "http[s]://host[:port]"),
        ({"otlp_url": "http://user:secretword@collector:4318"}, "without user and password"),
        ({"trace_ratio": 1.5}, "between 0 and 1"),
    ],
)
async def test_a_setting_that_cannot_be_ends_the_gateway_with_a_sentence(
    start_gateway: StartGateway, settings: dict[str, object], said: str
) -> None:
    gateway = await start_gateway(ready=False, **settings)
    (line,) = await until(lambda: gateway.events("gateway_cannot_start"))
    assert said in line["reason"]
    assert "secretword" not in line["reason"]
