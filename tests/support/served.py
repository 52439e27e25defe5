"""The control plane on a free port, in a thread of its own, for clients that know no event loop."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from tests.support.waiting import SECONDS, eventually


@contextmanager
def served(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """Its address, without a slash at the end; the application's lifespan is run."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", lifespan="on"))
    running = threading.Thread(target=server.run, daemon=True)
    running.start()
    try:
        eventually(lambda: server.started or not running.is_alive(), "the application answers")
        assert server.started, "the application did not start"
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        running.join(SECONDS)
