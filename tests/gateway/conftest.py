"""A real gateway process between real upstream servers and a stand-in control plane that counts exactly."""

import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.upstream import Upstream
from tests.support.waiting import until


@pytest.fixture
async def control() -> AsyncIterator[ControlPlane]:
    plane = ControlPlane(token="a-token-of-tests")
    await plane.start()
    yield plane
    await plane.stop()
    assert plane.overspent == [], "spent more of a lease than it held"


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


@dataclass(frozen=True)
class Stage:
    """A gateway that many tests of a module share, each with a shop of its own; see `standing`."""

    control: ControlPlane
    upstream: Upstream
    gateway: GatewayProcess

    async def shop(self, kind: str = "chat", **terms: Any) -> Shop:
        """A shop under a name that no other has, once the gateway knows of it."""
        made = Shop(self.control, self.upstream, name=f"acme/{kind}-{len(self.control.services)}", **terms)

        async def known() -> bool:
            return await self.gateway.metric("mercato_gateway_services") == len(self.control.services)

        await until(known)
        return made


@pytest.fixture(scope="module")
async def standing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Started once a module; use it by way of `stage`."""
    control, upstream = ControlPlane(token="a-token-of-tests"), Upstream()
    await control.start()
    await upstream.start()
    gateway = GatewayProcess(control, tmp_path_factory.mktemp("standing") / "gateway")
    try:
        await gateway.start()
        yield Stage(control, upstream, gateway)
    finally:
        await gateway.stop()
        await upstream.stop()
        await control.stop()


@pytest.fixture
def stage(standing: Stage) -> Stage:
    """The shared gateway, with an upstream that is new to everything."""
    standing.upstream.script = None
    standing.upstream.received.clear()
    return standing


@pytest.fixture
async def gateway(start_gateway: StartGateway) -> GatewayProcess:
    return await start_gateway()


@pytest.fixture
def shop(control: ControlPlane, upstream: Upstream) -> MakeShop:
    def make(**terms: Any) -> Shop:
        return Shop(control, upstream, **terms)

    return make


@pytest.fixture
async def files(stage: Stage) -> Shop:
    return await stage.shop("files", protocol="openapi", operations=[("GET", "/public/{name}"), ("GET", "/exact")])


@pytest.fixture
async def anything(stage: Stage) -> Shop:
    return await stage.shop("anything", protocol="openapi", paths="any")
