"""One trace goes from a call through the gateway, the control plane and the worker that reads its news."""

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import pytest

from mercato_contracts.tracing import new_span_id, new_trace_id
from tests.fakes.otlp_receiver import OtlpReceiver, collecting
from tests.support import running
from tests.support.waiting import eventually


@pytest.fixture
def collector() -> Iterator[OtlpReceiver]:
    with collecting() as receiver:
        yield receiver
    assert receiver.wrong == []


def _parent() -> tuple[str, dict[str, str]]:
    trace_id = new_trace_id()
    return trace_id, {"traceparent": f"00-{trace_id}-{new_span_id()}-01"}


@pytest.mark.slow
def test_a_trace_goes_through_all_processes(place: running.Place, collector: OtlpReceiver) -> None:
    tracing = {"MERCATO_OTLP_URL": collector.url, "MERCATO_TRACE_RATIO": "1"}
    up = place.start("up", "--json", environment=place.environment | tracing)
    ready = up.await_line()
    call, headers = _parent()
    key = ready["consumer"]["key"]
    refused = httpx.post(
        f"{ready['gateway_url']}/v1/embeddings",
        json={"model": "acme/none", "input": "x"},
        headers={**headers, "authorization": f"Bearer {key}"},
        timeout=60,
    )
    assert refused.status_code == 404, refused.text
    signing_in, headers = _parent()
    secret = ready["administrator"]
    signed = httpx.post(
        f"{ready['control_url']}/api/sessions",
        json={"email": secret["email"], "password": secret["password"]},
        headers=headers,
        timeout=60,
    )
    assert signed.status_code == 201, signed.text

    def arrived() -> bool:
        return len(collector.of(call)) >= 3 and any(
            span.service == "mercato-worker" for span in collector.of(signing_in)
        )

    eventually(arrived, "both traces")
    assert up.stop() == 0
    spans = {(span.service, span.kind): span for span in collector.of(call)}
    root = spans["mercato-gateway", "SPAN_KIND_SERVER"]
    step = spans["mercato-gateway", "SPAN_KIND_CLIENT"]
    asked = spans["mercato-control", "SPAN_KIND_SERVER"]
    assert (step.parent_id, asked.parent_id) == (root.span_id, step.span_id)
    assert asked.name == "POST /internal/keys/introspect"
    request = next(span for span in collector.of(signing_in) if span.service == "mercato-control")
    read = [span for span in collector.of(signing_in) if span.service == "mercato-worker"]
    assert {span.parent_id for span in read} == {request.span_id}
    assert "outbox audit" in {span.name for span in read}
    wire = b"".join(collector.requests)
    for said in (secret["password"], secret["email"], key, signed.json()["access_token"]):
        assert said.encode() not in wire
    log = (place.state / "logs" / "gateway.log").read_text()
    assert "collector_away" not in log


def test_without_a_collector_nothing_of_it_is_loaded() -> None:
    script = "import json, sys, mercato.app.control, mercato.app.worker; print(json.dumps(list(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, text=True)
    loaded = set(json.loads(found.stdout))
    assert not {"mercato_contracts.tracing", "mercato_contracts.otlp"} & loaded
    assert not [name for name in loaded if name.startswith("opentelemetry.sdk")]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MERCATO_OTLP_URL", "collector:4318", "otlp_url"),
        ("MERCATO_OTLP_URL", "http://me:secretword@collector:4318", "otlp_url"),
        ("MERCATO_TRACE_RATIO", "2", "trace_ratio"),
    ],
)
def test_a_setting_that_cannot_be_is_one_line(place: running.Place, name: str, value: str, said: str) -> None:
    ended = place.run("doctor", environment=place.environment | {name: value})
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "secretword" not in ended.stderr
