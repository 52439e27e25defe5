"""What an application asks its database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from fastapi import FastAPI
from sqlalchemy import event

from mercato.edge.wiring import running_of

_SENT: ContextVar[list[str] | None] = ContextVar("sent", default=None)


@contextmanager
def counted(app: FastAPI) -> Iterator[list[str]]:
    """The statements that are sent for the block's own requests.

    What else the process does meanwhile, such as reading news, does not count: its tasks began in another context, as
    do the requests of a server that runs in a thread of its own.
    """
    sent: list[str] = []
    token = _SENT.set(sent)
    try:
        with _noted(app, lambda statement: sent.append(statement) if _SENT.get() is sent else None):
            yield sent
    finally:
        _SENT.reset(token)


@contextmanager
def counted_at_server(app: FastAPI) -> Iterator[list[str]]:
    """The statements that the process sends while the block lasts, but for its readers of news."""
    sent: list[str] = []
    with _noted(app, lambda statement: sent.append(statement) if "outbox_events" not in statement else None):
        yield sent


@contextmanager
def _noted(app: FastAPI, note: Callable[[str], None]) -> Iterator[None]:
    engine = running_of(app).wiring.database.engine.sync_engine

    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        note(statement)

    event.listen(engine, "before_cursor_execute", listen)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", listen)
