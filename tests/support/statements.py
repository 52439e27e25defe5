"""What an application asks its database."""

from collections.abc import Iterator
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

    What else the process does meanwhile, such as reading news, does not count: its tasks began in another context.
    """
    sent: list[str] = []
    engine = running_of(app).wiring.database.engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if _SENT.get() is sent:
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    token = _SENT.set(sent)
    try:
        yield sent
    finally:
        _SENT.reset(token)
        event.remove(engine, "before_cursor_execute", note)
