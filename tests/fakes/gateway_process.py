"""A running gateway, and a shop for it to serve: what tests of the gateway start with."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.control_plane import ControlPlane
from tests.fakes.marketplace import a_deployment, a_plan, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Upstream
from tests.support.ports import free_port
from tests.support.waiting import until as until


class GatewayProcess:
    """A running `mercato-gateway`; `log` holds its lines."""

    def __init__(self, control: ControlPlane, state: Path, **settings: Any) -> None:
        self.control = control
        self.state = state
        self.settings = settings
        self.port = free_port()
        self.admin = free_port(int(settings.get("workers", 1)))  # worker N listens on port + N
        self.process: asyncio.subprocess.Process | None = None
        self.log: list[dict[str, Any]] = []
        self._reading: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self, *, ready: bool = True) -> None:
        token = self.state.parent / f"{self.state.name}.token"
        token.write_text(self.control.token)
        flags = {
            "listen": f"127.0.0.1:{self.port}", "admin": f"127.0.0.1:{self.admin}", "control": self.control.url,
            "state": self.state, "token_file": token, **self.settings,
        }  # fmt: skip
        arguments = [
            f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}") for name, value in flags.items()
        ]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "mercato_gateway.main", *arguments, stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read_log())
        if ready:
            await until(self.is_ready)

    async def _read_log(self) -> None:
        assert self.process is not None
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            try:
                self.log.append(json.loads(line))
            except ValueError:
                self.log.append({"event": "not_json", "line": line.decode()})

    async def is_ready(self) -> bool:
        """Whether every worker is."""
        ports = [self.admin + worker for worker in range(int(self.settings.get("workers", 1)))]
        try:
            async with httpx.AsyncClient() as client:
                answers = [await client.get(f"http://127.0.0.1:{port}/readyz") for port in ports]
                return all(answer.status_code == 200 for answer in answers)
        except httpx.HTTPError:
            return False

    async def metric(self, name: str) -> float:
        async with httpx.AsyncClient() as client:
            page = (await client.get(f"http://127.0.0.1:{self.admin}/metrics")).text
        return sum(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(name))

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.log if line.get("event") == name]

    def rss_mb(self) -> float:
        """Of the worker, or of all of them together."""
        pages = [Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in self.workers()]
        return sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE") / 2**20

    def workers(self) -> list[int]:
        """The process ids of the workers."""
        assert self.process is not None
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]

    async def kill(self) -> None:
        """SIGKILL to the gateway and its workers."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        await self.process.wait()

    async def renew(self) -> None:
        """Hot restart: returns when successors serve in the place of all workers."""
        assert self.process is not None
        started = len(self.events("gateway_started"))
        self.process.send_signal(signal.SIGHUP)
        wanted = started + int(self.settings.get("workers", 1))
        await until(lambda: len(self.events("gateway_started")) >= wanted)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                async with asyncio.timeout(60):
                    await self.process.wait()
            except TimeoutError:
                await self.kill()
        if self._reading is not None:
            await self._reading

    def client(self, key: str = "", **options: Any) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=90, **options)


class Shop:
    """One embeddings service and a key that may call it; `limits` and `plan` change the terms."""

    def __init__(self, control: ControlPlane, upstream: Upstream, **terms: Any) -> None:
        key_changes = terms.pop("key", {})
        limits = terms.pop("limits", [])
        deployment = {"upstream_model": "e5", **terms.pop("deployment", {})}
        plan = a_plan(**terms.pop("plan", {}))
        base = upstream.url + ("/v1" if terms.get("protocol", "openai") in ("openai", "anthropic") else "")
        release = a_release("1.2.0", [a_deployment(base, **deployment)], operations=terms.pop("operations", []))
        self.service = a_service(terms.pop("name", "acme/embedder"), [release], plans=[plan], **terms)
        self.subscription = subscribe(self.service, *limits)
        control.put_service(self.service)
        self.key = a_subscriber(control, self.subscription, **key_changes)
        self.model = f"{self.service.vendor}/{self.service.name}"

    def body(self, **more: Any) -> dict[str, Any]:
        return {"model": self.model, "input": "turn this into a vector", **more}


StartGateway = Callable[..., Awaitable[GatewayProcess]]
MakeShop = Callable[..., Shop]
