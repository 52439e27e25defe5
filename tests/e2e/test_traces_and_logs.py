"""Traces arrive in a real Jaeger and logs in a real VictoriaLogs, and one id finds both."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from mercato_contracts.tracing import new_span_id, new_trace_id
from tests.e2e.conftest import MILLION_A_DAY, PER_CALL, new_member, new_vendor
from tests.e2e.marketplace import Marketplace, standing
from tests.e2e.observers import Jaeger, Span, VictoriaLogs, jaeger, victoria_logs, why_not
from tests.e2e.parties import greeting_offer
from tests.e2e.processes import until
from tests.support.reader import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    *(pytest.mark.skipif(why_not(name) is not None, reason=str(why_not(name))) for name in ("jaeger", "victoria-logs")),
]
WAIT_SECONDS = 600


class Observed(Marketplace):
    """A marketplace all of whose calls are traced, and a vendor that traces too."""

    traces: Jaeger
    kept: VictoriaLogs

    def __init__(self, folder: Path) -> None:
        self._observers = ExitStack()
        self.traces = self._observers.enter_context(jaeger(folder))
        self.kept = self._observers.enter_context(victoria_logs(folder))
        super().__init__(folder, otlp_url=self.traces.otlp, trace_ratio="1", trace_vendors="true", log_level="INFO")
        port = self.vendor_url.rpartition(":")[2]
        command = [sys.executable, "-m", "tests.e2e.traced_vendor", port, self.traces.otlp]
        self.vendor_server = self._part("vendor", command, f"{self.vendor_url}/v1/models")
        self._environment["PYTHONPATH"] = str(ROOT)

    def log_of(self, role: str) -> Path:
        """What the process of this role wrote."""
        return self._logs / f"{role}.log"

    def stop(self) -> None:
        super().stop()
        self._observers.close()


@pytest.fixture(scope="module")
def observed() -> Iterator[Observed]:
    with standing(Observed) as marketplace:
        yield marketplace
        print(marketplace.last_words())


def _parent() -> tuple[str, str, dict[str, str]]:
    trace_id, span_id = new_trace_id(), new_span_id()
    return trace_id, span_id, {"traceparent": f"00-{trace_id}-{span_id}-01"}


def _of(spans: list[Span], service: str, kind: str) -> list[Span]:
    return [span for span in spans if (span.service, span.kind) == (service, kind)]


def test_one_trace_in_jaeger_links_the_gateway_the_control_plane_and_the_vendor(observed: Observed) -> None:
    vendor = new_vendor(observed)
    greeter = vendor.publish(greeting_offer("greeter", observed.vendor_url, [PER_CALL, MILLION_A_DAY]))
    member = new_member(observed, "consumer")
    member.subscribe(greeter, "per-call")
    key = member.make_key().key
    until(lambda: observed.gateway.routes() >= 1, what="the gateway knows the service")
    trace_id, caller, headers = _parent()
    sent = {**headers, "authorization": f"Bearer {key}"}
    answer = httpx.get(f"{observed.gateway.url}/s/{greeter}/greeting", headers=sent, timeout=120)
    assert answer.status_code == 200, answer.text

    def whole() -> list[Span]:
        """All of them, once no span waits for the one above it: each process sends its own, when it likes."""
        spans = observed.traces.trace(trace_id)
        is_joined = {span.parent for span in spans} <= {caller, *(span.id for span in spans)}
        there = {"mercato-gateway", "mercato-control", "acme-vendor"} <= {span.service for span in spans}
        return spans if there and is_joined else []

    spans = until(whole, WAIT_SECONDS, every=0.2, what="the trace is in Jaeger")
    (root,) = _of(spans, "mercato-gateway", "server")
    steps = {span.id: span for span in _of(spans, "mercato-gateway", "client")}
    assert root.parent == caller
    assert {step.parent for step in steps.values()} == {root.id}
    (upstream,) = _of(spans, "acme-vendor", "server")
    assert upstream.parent in steps
    asked = _of(spans, "mercato-control", "server")
    assert "POST /internal/keys/introspect" in {span.name for span in asked}
    assert {span.parent for span in asked} <= steps.keys() - {upstream.parent}
    assert {"mercato-gateway", "mercato-control", "mercato-worker", "acme-vendor"} <= observed.traces.services()


def test_one_id_finds_the_trace_in_jaeger_and_the_lines_in_victorialogs(observed: Observed) -> None:
    vendor = new_vendor(observed)
    trace_id, _, headers = _parent()
    body = {"value": "a-value-that-nobody-reads-0123456789"}
    vendor.http.put("/api/credentials/provider", json=body, headers=headers).raise_for_status()

    def spans_of(service: str) -> list[Span]:
        return [span for span in observed.traces.trace(trace_id) if span.service == service]

    (request,) = until(lambda: spans_of("mercato-control"), WAIT_SECONDS, every=0.2, what="the request is in Jaeger")
    assert request.name == "PUT /api/credentials/{name}"
    read = until(lambda: spans_of("mercato-worker"), WAIT_SECONDS, every=0.2, what="the worker's part is in Jaeger")
    assert {span.parent for span in read} == {request.id}

    count = observed.kept.take("control", observed.log_of("control"), time_field="timestamp")
    found = until(
        lambda: observed.kept.find(f'trace_id:="{trace_id}"'), WAIT_SECONDS, every=0.2, what="lines in VictoriaLogs"
    )
    (line,) = [each for each in found if each["_msg"] == "a credential changed"]
    assert (line["role"], line["level"], line["organisation"]) == ("control", "info", vendor.organisation_id)
    until(lambda: len(observed.kept.find("role:=control")) == count, WAIT_SECONDS, every=0.2, what="every line")
    assert observed.kept.find(f'"{body["value"]}"') == []

    assert httpx.get(f"{observed.gateway.url}/v1/models", timeout=60).status_code == 401
    count = observed.kept.take("gateway", observed.log_of("gateway"), time_field="at")
    until(lambda: len(observed.kept.find("role:=gateway")) == count, WAIT_SECONDS, every=0.2, what="every line")
