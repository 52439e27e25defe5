"""The marketplace of these tests, and the control plane behind a real socket."""

import asyncio
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from mercato.app.settings import Settings
from tests.support.market import market

__all__ = ["market"]


@pytest.fixture
async def gateway(app: FastAPI, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """What a gateway has: a connection to the running control plane and the token."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        headers={"Authorization": f"Bearer {settings.gateway_token}"},
        timeout=30,
    ) as client:
        yield client
    server.should_exit = True
    await serving
