"""A running gateway between real clients and a small real provider; each client runs once and reports all it saw."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mercato_contracts.dataplane import GrantedSubscription, Limit, SnapshotService
from mercato_contracts.keys import make_key
from tests.clients.provider import provide
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess
from tests.fakes.marketplace import a_deployment, a_limit, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Upstream

SECONDS = 300
Report = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Market:
    """What the drivers are told: through the gateway, and past it."""

    task: dict[str, str]
    direct: dict[str, str]


class Shelf:
    """Services of one provider, and the subscriptions that one key has."""

    def __init__(self, control: ControlPlane, provider: Upstream) -> None:
        self.control = control
        self.provider = provider
        self.subscriptions: list[GrantedSubscription] = []

    def put(self, name: str, *limits: Limit, protocol: str = "openai", **deployment: Any) -> str:
        """A service and a subscription to it; gives its name as a model."""
        home = a_deployment(f"{self.provider.url}/v1", upstream_model="words-1", **deployment)
        service: SnapshotService = a_service(f"acme/{name}", [a_release("1.0.0", [home])], protocol=protocol)
        self.control.put_service(service)
        self.subscriptions.append(subscribe(service, *limits))
        return f"acme/{name}"

    def stock(self) -> dict[str, str]:
        """All that the drivers ask for."""
        none_a_day = a_limit("subscription", "requests", "day", 0)
        no_claude_a_day = a_limit("subscription", "requests", "day", 0)
        names = {
            "chat": self.put("chat"),
            "embedder": self.put("embedder"),
            "capped": self.put("capped", none_a_day),
            "slow": self.put("slow", timeout_ms=500),
            "claude": self.put("claude", protocol="anthropic"),
            "capped_claude": self.put("capped-claude", no_claude_a_day, protocol="anthropic"),
            "slow_claude": self.put("slow-claude", protocol="anthropic", timeout_ms=500),
        }
        return names | {"nothing": "acme/nothing", "wrong_key": make_key("ck", f"key_{'0' * 32}", bytes(32))}


@pytest.fixture(scope="session")
async def market(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Market]:
    control, provider = ControlPlane(token="a-token-of-tests"), Upstream()
    provider.script = provide
    await control.start()
    await provider.start()
    shelf = Shelf(control, provider)
    names = shelf.stock()
    key = a_subscriber(control, *shelf.subscriptions)
    gateway = GatewayProcess(control, tmp_path_factory.mktemp("clients") / "gateway")
    try:
        await gateway.start()
        yield Market(
            {**names, "key": key, "root": gateway.url, "base": f"{gateway.url}/v1"},
            {**names, "key": key, "root": provider.url, "base": f"{provider.url}/v1"},
        )
    finally:
        await gateway.stop()
        await control.stop()
        await provider.stop()


async def run_driver(command: list[str | Path], task: dict[str, str], operations: Iterable[str]) -> Report:
    """What the client reports of these operations. The machine's settings for other providers do not reach it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *map(str, command), json.dumps({**task, "operations": list(operations)}), env=kept,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, err.decode()[-2000:]
    report: Report = json.loads(out.splitlines()[-1])
    return report
