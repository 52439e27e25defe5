"""What an application asks its database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from fastapi import FastAPI
from sqlalchemy import event

from mercato.edge.wiring import running_of

_COUNTED: ContextVar[object] = ContextVar("counted", default=None)


@contextmanager
def counted(app: FastAPI) -> Iterator[list[str]]:
    """The statements that are sent for the block's own requests.

    What else the process does meanwhile, such as reading news, does not count: its tasks began in another context, as
    do the requests of a server that runs in a thread of its own.
    """
    block = object()
    token = _COUNTED.set(block)
    try:
        with _sent(app, lambda _: _COUNTED.get() is block) as sent:
            yield sent
    finally:
        _COUNTED.reset(token)


@contextmanager
def counted_at_server(app: FastAPI) -> Iterator[list[str]]:
    """The statements that the process sends while the block lasts, but for its readers of news."""
    with _sent(app, lambda statement: "outbox_events" not in statement) as sent:
        yield sent


@contextmanager
def _sent(app: FastAPI, counts: Callable[[str], bool]) -> Iterator[list[str]]:
    sent: list[str] = []
    engine = running_of(app).wiring.database.engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if counts(statement):
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
