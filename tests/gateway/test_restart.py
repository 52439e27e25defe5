"""Hot restart and graceful stop: under load no call is dropped, and each answered one has exactly one event."""

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.fakes.marketplace import a_limit
from tests.fakes.upstream import Upstream
from tests.support.waiting import until


class Load:
    """Clients that call without a pause. `fresh` ones take a new connection for each call, the others keep theirs."""

    def __init__(self, gateway: GatewayProcess, shop: Shop) -> None:
        body = json.dumps(shop.body()).encode()
        self._request = (
            f"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {shop.key}\r\n"
            f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode() + body
        self._port = gateway.port
        self.answered: list[str] = []
        self.failed: list[str] = []
        self.stop = False

    async def run(self, *, keeping: int, fresh: int) -> None:
        """Until `stop` is set, or nothing listens any more."""
        await asyncio.gather(*(self._client(keeps=number < keeping) for number in range(keeping + fresh)))

    async def _client(self, *, keeps: bool) -> None:
        connection = None
        while not self.stop:
            if connection is None:
                try:
                    connection = await asyncio.open_connection("127.0.0.1", self._port)
                except ConnectionRefusedError:
                    return
            try:
                head = await self._call(*connection)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.failed.append(repr(error))
                connection = None
                continue
            if not keeps or "connection: close" in head:
                connection[1].close()
                connection = None
        if connection is not None:
            connection[1].close()

    async def _call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
        writer.write(self._request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
        await reader.readexactly(int(fields["content-length"]))
        if " 200 " in head.splitlines()[0]:
            self.answered.append(fields["x-request-id"])
        else:
            self.failed.append(head)
        return head


async def check_events(load: Load, control: ControlPlane) -> None:
    assert load.failed == []
    await until(lambda: len(control.events) >= len(load.answered))
    assert sorted(event.request_id for event in control.events.values()) == sorted(load.answered)


@pytest.mark.parametrize("workers", [1, 2])
async def test_hot_restarts_under_load_drop_no_call(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, workers: int
) -> None:
    place = shop(limits=[a_limit("subscription", "requests", "month", 1_000_000)])
    gateway = await start_gateway(workers=workers)
    load = Load(gateway, place)
    running = asyncio.create_task(load.run(keeping=12, fresh=4))
    for count in (300, 1_000, 1_700):
        await until(lambda count=count: len(load.answered) > count)  # type: ignore[misc]
        await gateway.renew()
    await until(lambda: len(load.answered) > 2_500)
    load.stop = True
    await running
    await check_events(load, control)
    folders = {path.name for path in gateway.state.glob("worker-*")}
    assert len({line["gateway"] for line in gateway.events("gateway_started")}) == len(folders)
    await until(lambda: len(gateway.workers()) == workers)  # the old ones end by themselves
    (scope,) = control.counters
    assert control.spent(scope) == len(load.answered)


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_stop_under_load_drops_no_call(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, workers: int
) -> None:
    place = shop()
    gateway = await start_gateway(workers=workers)
    load = Load(gateway, place)
    running = asyncio.create_task(load.run(keeping=20, fresh=0))
    await until(lambda: len(load.answered) > 500)
    assert gateway.process is not None
    gateway.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        await running
        await gateway.process.wait()
    await check_events(load, control)
    assert all(lease.closed for lease in control.leases.values())


@pytest.mark.parametrize("begun", [1, 2, 3])
async def test_a_stop_while_workers_are_being_started_ends_them_all(
    shop: MakeShop, start_gateway: StartGateway, begun: int
) -> None:
    shop()
    gateway = await start_gateway(ready=False, workers=4)
    assert gateway.process is not None
    while len(gateway.workers()) < begun:  # asked without a pause: the next worker is started within a millisecond
        assert gateway.process.returncode is None
    gateway.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(60):
        assert await gateway.process.wait() == 0
    assert gateway.events("gateway_cannot_start") == []


async def test_the_old_workers_go_on_where_the_new_ones_get_no_routes(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
        (old,) = gateway.workers()
        await control.stop()
        assert gateway.process is not None
        gateway.process.send_signal(signal.SIGHUP)
        await until(lambda: len(gateway.workers()) == 2)
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
        (new,) = set(gateway.workers()) - {old}
        os.kill(new, signal.SIGKILL)
        await until(lambda: gateway.events("successor_died"))
        assert gateway.workers() == [old]
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
        await control.start()
        await gateway.renew()
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    await until(lambda: len(control.events) == 4)


async def test_a_stream_that_began_before_a_hot_restart_ends_after_it(
    shop: MakeShop, start_gateway: StartGateway, upstream: Upstream, control: ControlPlane
) -> None:
    gate = asyncio.Event()

    async def slow(request: object, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{")
        await gate.wait()
        writer.write(b"}")

    place = shop(name="acme/mock", protocol="openapi", paths="any")
    upstream.script = slow
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        call = asyncio.create_task(client.get("/s/acme/mock/slow"))
        await until(lambda: upstream.received)
        await gateway.renew()
        upstream.script = None
        async with gateway.client(place.key) as other:
            assert (await other.get("/s/acme/mock/quick")).status_code == 200
        gate.set()
        assert (await call).content == b"{}"
    await until(lambda: len(control.events) == 2)


async def test_what_a_killed_gateway_left_is_shipped_by_workers_that_have_other_folders(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, tmp_path: Path
) -> None:
    place = shop(limits=[a_limit("subscription", "requests", "month", 1_000)])
    control.refuse_usage_with = 503
    gateway = await start_gateway(workers=2, state=tmp_path / "state")
    for _ in range(20):  # a connection each, so that both workers have some
        async with gateway.client(place.key) as client:
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    await gateway.kill()
    control.refuse_usage_with = None
    assert control.events == {}
    again = await start_gateway(workers=1, state=tmp_path / "state")
    await until(lambda: len(control.events) == 20)
    await until(lambda: all(lease.closed for lease in control.leases.values()))
    assert len({event.gateway for event in control.events.values()}) == 2
    await again.stop()


async def test_one_gateway_a_state_folder(shop: MakeShop, start_gateway: StartGateway, tmp_path: Path) -> None:
    await start_gateway(state=tmp_path / "state")
    second = await start_gateway(ready=False, state=tmp_path / "state")
    assert second.process is not None
    async with asyncio.timeout(60):
        assert await second.process.wait() == 1
    await until(lambda: second.events("gateway_cannot_start"))
    assert "belongs to a running gateway" in second.events("gateway_cannot_start")[0]["reason"]
