"""The worker's own small HTTP server: alive, ready, metrics. It serves nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from mercato.edge.version import SERVER_VERSION


class _Server(uvicorn.Server):
    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        # `_serve` is `serve` without its signal handlers: SIGTERM belongs to the worker.
        task = asyncio.create_task(self._serve())
        try:
            yield
        finally:
            self.should_exit = True
            await task


class WorkerHealth:
    """`ready` is set by the worker once its subscribers and workflows run."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[None]:
        """Answer on this address until the block ends."""
        routes = [
            Route("/healthz", self._healthz),
            Route("/readyz", self._readyz),
            Route("/metrics", self._metrics),
        ]
        config = uvicorn.Config(Starlette(routes=routes), host=host, port=port, access_log=False, log_config=None)
        async with _Server(config).running():
            yield

    async def _healthz(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def _readyz(self, request: Request) -> Response:
        if self.ready.is_set():
            return JSONResponse({"status": "ready", "version": SERVER_VERSION})
        return JSONResponse({"status": "starting"}, 503, {"Retry-After": "1"})

    async def _metrics(self, request: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
