"""Traces of calls, where a collector is set: which calls are in the sample, and what their spans say.

A call outside the sample costs one drawn number. Spans hold names, codes and counts: no body, header, key or address.
"""

import time
from importlib.metadata import version
from typing import TYPE_CHECKING

from mercato_contracts.otlp import OtlpWriter
from mercato_contracts.tracing import (
    CLIENT,
    SERVER,
    Span,
    TraceContext,
    Tracer,
    Value,
    new_span_id,
    new_trace_id,
    read_parent,
)
from mercato_gateway.log import log
from mercato_gateway.settings import Settings

if TYPE_CHECKING:
    from mercato_gateway.ending import EndingCall

_TRACE_PARENT = b"traceparent"
_MOST_CHILDREN = 32
_monotonic = time.monotonic


class CallTrace:
    """The trace of one call: what it waits for at the moment (`child_…`), and which steps are over."""

    def __init__(self, context: TraceContext, parent_id: str, tells_vendors: bool) -> None:
        self.context = context
        self.parent_id = parent_id
        self.tells_vendors = tells_vendors
        self.children: list[tuple[TraceContext, str, float, float, dict[str, Value], str]] = []
        self.child: TraceContext | None = None
        self.child_name = ""
        self.child_began = 0.0
        self.child_says: dict[str, Value] = {}

    def open_child(self, name: str, now: float, says: dict[str, Value]) -> None:
        """A step begins that others do; the one before is over."""
        self.close_child(now, "")
        self.child = TraceContext(self.context.trace_id, new_span_id(), True)
        self.child_name, self.child_began, self.child_says = name, now, says

    def close_child(self, now: float, error: str) -> None:
        """The step, if there is one, is over."""
        child, self.child = self.child, None
        if child is not None and len(self.children) < _MOST_CHILDREN:
            self.children.append((child, self.child_name, self.child_began, now, self.child_says, error))

    def header(self) -> str:
        """What the other side of the step gets as `traceparent`."""
        return (self.child or self.context).header()


class CallTracer:
    """Begins and ends the traces of one worker's calls. A fault of its own never reaches a call."""

    def __init__(self, tracer: Tracer, writer: OtlpWriter, tells_vendors: bool) -> None:
        self.tracer = tracer
        self.writer = writer
        self.tells_vendors = tells_vendors

    def begin(self, call: "EndingCall") -> CallTrace | None:
        """The trace of a call that is in the sample. Nothing that its caller sends decides that."""
        return self._open(call) if self.tracer.draws() else None

    def _open(self, call: "EndingCall") -> CallTrace:
        parent = read_parent(call.head.fields.get(_TRACE_PARENT, b"").decode("latin-1"))
        if parent is None:
            return CallTrace(TraceContext(new_trace_id(), new_span_id(), True), "", self.tells_vendors)
        return CallTrace(TraceContext(parent.trace_id, new_span_id(), True), parent.span_id, self.tells_vendors)

    def figures(self) -> dict[str, float]:
        """For `/metrics`."""
        return {"spans_exported_total": self.writer.exported, "spans_dropped_total": self.writer.dropped}

    def trace_failure(self, call: "EndingCall") -> CallTrace | None:
        """The trace of a call that failed outside the sample; `None` once too many did in this second."""
        return self._open(call) if self.tracer.may_trace_error() else None

    def ended(self, call: "EndingCall") -> None:
        """The call is over: its spans are written, if it is in the sample or failed."""
        trace = call.trace
        if trace is None and not call.status >= 500 and call.refusal is None and not call.cut_short:
            return
        try:
            error = _error_of(call)
            if trace is None and error:
                trace = self.trace_failure(call)
            if trace is not None:
                self._write(call, trace, error)
        except Exception as broken:
            log("trace_broke", error=repr(broken), request_id=call.request_id)

    def _write(self, call: "EndingCall", trace: CallTrace, error: str) -> None:
        now = _monotonic()
        trace.close_child(now, error if call.deployment is not None else "")
        method, route = call.head.method, _route(call)
        write, started_ns, started = self.tracer.write, call.started_ns, call.started
        for context, name, began, ended, says, failure in trace.children:
            write(
                Span(
                    context,
                    trace.context.span_id,
                    name,
                    CLIENT,
                    started_ns + int((began - started) * 1e9),
                    started_ns + int((ended - started) * 1e9),
                    says,
                    failure,
                )
            )
        ended_ns = started_ns + int((now - started) * 1e9)
        says = _attributes(call, method, route, error)
        write(Span(trace.context, trace.parent_id, f"{method} {route}", SERVER, started_ns, ended_ns, says, error))


def _error_of(call: "EndingCall") -> str:
    """Why the call failed; empty where it did not, or where its client is to blame."""
    refusal = call.refusal
    if refusal is not None and refusal.code.status >= 500:
        return str(refusal.code.name)
    if call.ended_by is not None:
        return str(call.ended_by.code.name)
    if call.status >= 500:
        return f"status_{call.status}"
    return "cut_short" if call.cut_short and not call.client_left else ""


def _route(call: "EndingCall") -> str:
    """The path without what its caller chose."""
    path = call.head.path
    if path.startswith(b"/s/"):
        return "/s/{service}/{path}"
    if call.operation is not None:
        return f"/v1{call.operation.path}"
    return "/v1/models" if path.startswith(b"/v1/models") else "/{unknown}"


def _attributes(call: "EndingCall", method: str, route: str, error: str) -> dict[str, Value]:
    status = call.refusal.code.status if call.refusal is not None else call.status or 200
    says: dict[str, Value] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
        "mercato.request_id": call.request_id,
        "mercato.overhead_us": call.overhead_us,
    }
    if error:
        says["error.type"] = error
    elif call.refusal is not None:
        says["error.type"] = str(call.refusal.code.name)
    if call.client_left:
        says["mercato.client_left"] = True
    if call.has_lane:
        service = call.lane.service
        says["mercato.service"] = service.name
        if service.wire.paths != "any":
            says["mercato.operation"] = call.operation_name
    if call.deployment is not None:
        says["mercato.deployment_id"] = call.deployment.id
    return says


def build_tracer(settings: Settings) -> CallTracer:
    """What a worker traces calls with. Raises `ValueError` for settings that cannot be."""
    writer = OtlpWriter(
        settings.otlp_url,
        "mercato-gateway",
        version("mercato-gateway"),
        lambda event, reason: log(event, reason=reason),
    )
    return CallTracer(Tracer(writer, settings.trace_ratio), writer, settings.trace_upstreams)
