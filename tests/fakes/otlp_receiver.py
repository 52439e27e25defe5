"""A collector of traces, as far as OTLP over HTTP goes: it takes JSON, holds it against the published protocol, and
remembers what it took. It can be slow, refuse, or be away.
"""

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

_IDS = ("traceId", "spanId", "parentSpanId")


@dataclass(frozen=True)
class Seen:
    """A span that arrived, and whose it was."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    kind: str
    seconds: float
    status: str
    message: str
    attributes: dict[str, Any] = field(default_factory=dict)


class OtlpReceiver:
    """`answers` is the status of the next answers; a callable `holds` is waited for before each."""

    def __init__(self) -> None:
        self.spans: list[Seen] = []
        self.requests: list[bytes] = []
        self.wrong: list[str] = []
        self.answers = 200
        self.body = b"{}"
        self.gate = threading.Event()
        self.gate.set()
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, port: int = 0) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.gate.wait()
                status = receiver._take(self.path, self.headers.get("content-type", ""), body)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(receiver.body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # whoever asked may be gone
                    self.wfile.write(receiver.body)

            def log_message(self, format: str, *arguments: Any) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.gate.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def of(self, trace_id: str) -> list[Seen]:
        return [span for span in self.spans if span.trace_id == trace_id]

    def _take(self, path: str, kind: str, body: bytes) -> int:
        if path != "/v1/traces":
            return 404
        if kind != "application/json":
            return 415
        if self.answers != 200:
            return self.answers
        try:
            self.spans += read_spans(body)
        except (ValueError, json_format.ParseError) as error:
            self.wrong.append(str(error))
            return 400
        self.requests.append(body)
        return 200


@contextmanager
def collecting() -> Iterator[OtlpReceiver]:
    """A receiver that runs while the block lasts."""
    receiver = OtlpReceiver()
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.stop()


def read_spans(body: bytes) -> list[Seen]:
    """The spans of a request. Raises `ParseError` for whatever the protocol does not know."""
    request = ExportTraceServiceRequest()
    json_format.Parse(json.dumps(_with_base64_ids(json.loads(body))), request)
    return [
        _seen(_attributes(resource.resource.attributes)["service.name"], span)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _with_base64_ids(value: Any) -> Any:
    """OTLP writes ids in hexadecimal digits, where protobuf's own JSON has base64."""
    if isinstance(value, list):
        return [_with_base64_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: base64.b64encode(bytes.fromhex(item)).decode() if name in _IDS else _with_base64_ids(item)
        for name, item in value.items()
    }


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}


def _seen(service: str, span: Any) -> Seen:
    assert len(span.trace_id) == 16
    assert len(span.span_id) == 8
    assert len(span.parent_span_id) in (0, 8)
    assert 0 < span.start_time_unix_nano <= span.end_time_unix_nano
    return Seen(
        service, span.name, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(),
        span.SpanKind.Name(span.kind), (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9,
        span.status.StatusCode.Name(span.status.code), span.status.message, _attributes(span.attributes),
    )  # fmt: skip
