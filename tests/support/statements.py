"""What an application asks its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from sqlalchemy import event

from mercato.edge.wiring import running_of


@contextmanager
def counted(app: FastAPI) -> Iterator[list[str]]:
    """The statements that are sent while the block lasts."""
    sent: list[str] = []
    engine = running_of(app).wiring.database.engine.sync_engine

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "outbox_events" not in statement:  # the process's readers of news ask on their own
            sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)
