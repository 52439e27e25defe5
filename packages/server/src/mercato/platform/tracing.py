"""Traces within the control plane: the trace of the current request, and of news that one of them caused."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import structlog

from mercato.platform.outbox import Event

if TYPE_CHECKING:
    from mercato_contracts.tracing import OpenSpan, Tracer

_CURRENT: ContextVar[str] = ContextVar("mercato_trace", default="")


def current_trace() -> str:
    """The `traceparent` of what is being done; empty where it is not traced."""
    return _CURRENT.get()


@contextmanager
def traced(span: "OpenSpan") -> Iterator[None]:
    """What is done within the block is a part of `span`, as far as it is in the sample."""
    token = _CURRENT.set(span.context.header() if span.context.sampled else "")
    try:
        yield
    finally:
        _CURRENT.reset(token)


@contextmanager
def handling(tracer: "Tracer", reader: str, events: Sequence[Event[Any]]) -> Iterator[None]:
    """A durable reader handles these events within the block: each is a span of the trace in which it was written."""
    from mercato_contracts.tracing import CONSUMER

    origins = [(event.news.topic, event.context) for event in events if event.context and event.context.trace]
    spans = [(topic, origin, tracer.begin(origin.trace, trusts_caller=True)) for topic, origin in origins]
    failed = tracer.begin("", trusts_caller=False) if not spans else None
    logged = {"trace_id": spans[0][2].context.trace_id} if spans else {}
    error = ""
    try:
        with structlog.contextvars.bound_contextvars(**logged):
            yield
    except Exception as broken:
        error = type(broken).__name__
        raise
    finally:
        for topic, origin, span in spans:
            attributes = {"mercato.topic": topic, "mercato.reader": reader, "mercato.request_id": origin.request_id}
            span.end(f"outbox {reader}", CONSUMER, attributes, error)
        if failed is not None and error:
            failed.end(f"outbox {reader}", CONSUMER, {"mercato.reader": reader}, error)
