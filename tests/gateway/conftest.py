"""A real gateway process between real upstream servers and a stand-in control plane that counts exactly."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.upstream import Upstream


@pytest.fixture
async def control() -> AsyncIterator[ControlPlane]:
    plane = ControlPlane(token="a-token-of-tests")
    await plane.start()
    yield plane
    await plane.stop()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    server = Upstream()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def start_gateway(control: ControlPlane, tmp_path: Path) -> AsyncIterator[StartGateway]:
    started: list[GatewayProcess] = []

    async def start(
        ready: bool = True, name: str = "gateway", state: Path | None = None, **settings: Any
    ) -> GatewayProcess:
        gateway = GatewayProcess(control, state or tmp_path / name, **settings)
        started.append(gateway)
        await gateway.start(ready=ready)
        return gateway

    yield start
    for gateway in started:
        await gateway.stop()


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> GatewayProcess:
    return await start_gateway()


@pytest.fixture
def shop(control: ControlPlane, upstream: Upstream) -> MakeShop:
    def make(**terms: Any) -> Shop:
        return Shop(control, upstream, **terms)

    return make
