"""Traces: W3C trace context, which calls are sampled, and finished spans as OTLP wants them (JSON).

Both planes use it. It knows the standard library only, and is imported only where a collector is set (decision 0025).
"""

import json
import os
import random
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

_PARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-[^\s]*)?")
_ERRORS_EACH_SECOND = 100
"""Failed calls beyond the sample, each second and process: an outage must not become one of the collector."""

SERVER, CLIENT, CONSUMER = 2, 3, 5
"""Kinds of spans, as OTLP numbers them."""

Value = str | int | bool
Attributes = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A span that others may name as their parent."""

    trace_id: str
    span_id: str
    sampled: bool

    def header(self) -> str:
        """As `traceparent` carries it."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


def read_parent(text: str) -> TraceContext | None:
    """The context of a `traceparent` field; `None` where it is none that we can read."""
    found = _PARENT.fullmatch(text)
    if found is None or (found[1] == "00" and found[5]):
        return None
    return TraceContext(found[2], found[3], bool(int(found[4], 16) & 1))


def new_trace_id() -> str:
    """Sixteen random bytes, in hexadecimal digits."""
    return os.urandom(16).hex()


def new_span_id() -> str:
    """Eight random bytes, in hexadecimal digits."""
    return os.urandom(8).hex()


@dataclass(frozen=True, slots=True)
class Span:
    """A finished piece of work. Times are nanoseconds since 1970; `error` is empty where it went well.

    Attributes hold names, codes and counts: never a body, a header, a key, or what a person wrote.
    """

    context: TraceContext
    parent_id: str
    name: str
    kind: int
    started_ns: int
    ended_ns: int
    attributes: Attributes
    error: str = ""

    def encode(self) -> bytes:
        """One element of `spans` in OTLP's JSON."""
        return _dump(
            {
                "traceId": self.context.trace_id,
                "spanId": self.context.span_id,
                **({"parentSpanId": self.parent_id} if self.parent_id else {}),
                "name": self.name,
                "kind": self.kind,
                "startTimeUnixNano": str(self.started_ns),
                "endTimeUnixNano": str(max(self.started_ns, self.ended_ns)),
                "attributes": encode_attributes(self.attributes),
                "status": {"code": 2, "message": self.error} if self.error else {},
            }
        )


def encode_attributes(attributes: Attributes) -> list[dict[str, object]]:
    """OTLP's list of keys and values."""
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Value) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    return {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}


def _dump(fields: object) -> bytes:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


class SpanWriter(Protocol):
    """Takes finished spans to a collector. Never waits and never fails."""

    def add(self, span: bytes) -> None:
        """Takes one over."""


class Tracer:
    """Decides which work is traced, and hands finished spans on.

    `ratio` of all work that begins here is drawn, also within a trace of a caller outside: neither its `sampled` flag
    nor the id that it chose decides, or anybody could fill the collector. Work that failed is traced in any case, a
    hundred a second.
    """

    def __init__(self, writer: SpanWriter, ratio: float) -> None:
        if not 0.0 <= ratio <= 1.0:
            raise ValueError("the share of calls that are traced is between 0 and 1")
        self._writer = writer
        self.ratio = ratio
        self._second, self._errors = 0, 0

    def begin(self, traceparent: str, *, trusts_caller: bool) -> "OpenSpan":
        """The span of work that begins now, as a part of the caller's trace if it names one."""
        parent = read_parent(traceparent) if traceparent else None
        if parent is None:
            return OpenSpan(self, TraceContext(new_trace_id(), new_span_id(), self.draws()), "")
        sampled = parent.sampled if trusts_caller else self.draws()
        return OpenSpan(self, TraceContext(parent.trace_id, new_span_id(), sampled), parent.span_id)

    def draws(self) -> bool:
        """Whether work that begins now is in the sample."""
        return random.random() < self.ratio  # noqa: S311  (no secret)

    def may_trace_error(self) -> bool:
        """Whether work that failed, and is not in the sample, is traced all the same."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._errors = second, 0
        self._errors += 1
        return self._errors <= _ERRORS_EACH_SECOND

    def write(self, span: Span) -> None:
        """Hand over a finished span."""
        self._writer.add(span.encode())


class OpenSpan:
    """Work that goes on."""

    __slots__ = ("_parent_id", "_started_ns", "_tracer", "context")

    def __init__(self, tracer: Tracer, context: TraceContext, parent_id: str) -> None:
        self._tracer = tracer
        self.context = context
        self._parent_id = parent_id
        self._started_ns = time.time_ns()

    def end(self, name: str, kind: int, attributes: Attributes, error: str = "") -> None:
        """It is done; it is written where it is in the sample, or failed."""
        if self.context.sampled or (error and self._tracer.may_trace_error()):
            self._tracer.write(
                Span(self.context, self._parent_id, name, kind, self._started_ns, time.time_ns(), attributes, error)
            )
