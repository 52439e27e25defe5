"""One worker process: puts the parts together, serves until told to stop, drains, gives back, ends."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import cast

import uvloop

from mercato_contracts.ids import GATEWAY, make_id
from mercato_gateway.admin import AdminConnection
from mercato_gateway.authenticate import Keys
from mercato_gateway.catalog import Catalog
from mercato_gateway.control import ControlClient, ControlUnavailable
from mercato_gateway.gateway import Gateway
from mercato_gateway.guesses import Guesses
from mercato_gateway.leases import Leases
from mercato_gateway.log import log
from mercato_gateway.server import ClientConnection
from mercato_gateway.settings import Settings, split_address
from mercato_gateway.settle import new_life
from mercato_gateway.ship import Shipper
from mercato_gateway.snapshot import SnapshotClient
from mercato_gateway.spool import Spool
from mercato_gateway.upstream import Connector, Pool

_SHIP_AT_STOP_SECONDS = 5.0


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def gateway_id(folder: Path) -> str:
    """The id of the worker that owns this folder, made at its first start."""
    path = folder / "gateway-id"
    if not path.exists():
        fresh = folder / "gateway-id.new"
        fresh.write_text(make_id(GATEWAY, _wall_ms(), os.urandom(10)))
        fresh.replace(path)
    return path.read_text().strip()


def _say_full(reason: str) -> None:
    log("usage_spool_full", reason=reason, fix="free disk space; new calls are refused until then")


def build(loop: asyncio.AbstractEventLoop, settings: Settings, number: int) -> tuple[Gateway, SnapshotClient]:
    """All parts of worker `number`."""
    folder = Path(settings.state) / f"worker-{number}"
    spool = Spool(
        folder, new_life(), max_bytes=settings.spool_bytes, sync_each=settings.fsync == "always",
        on_trouble=_say_full,
    )  # fmt: skip
    own_id = gateway_id(folder)
    control = ControlClient(loop, settings.control, settings.token())
    connector = Connector(
        loop,
        allow_private=settings.allow_private_upstreams,
        timeout=settings.connect_timeout,
        ca_file=settings.upstream_ca_file,
    )
    catalog = Catalog(lambda wire: Pool(wire, connector))
    keys = Keys(loop, control, time.time, Guesses(settings.unknown_keys_per_minute))
    leases = Leases(loop, control, spool, own_id, _wall_ms)
    gateway = Gateway(loop, settings, own_id, catalog, keys, leases, spool, Shipper(spool, control, own_id))
    return gateway, SnapshotClient(control, catalog, keys)


def calm_collector() -> None:
    """What lives as long as the process need not be looked at again, and calls leave no cycles behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def listen(address: str) -> socket.socket:
    """A listening socket that the workers share by `SO_REUSEPORT`."""
    host, port = split_address(address)
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, port))
    listener.setblocking(False)
    return listener


async def serve(settings: Settings, number: int, parent_pipe: int | None) -> None:
    """Serves until SIGTERM, SIGINT or the end of the parent; then drains."""
    loop = asyncio.get_running_loop()
    gateway, snapshot = build(loop, settings, number)
    stopping = asyncio.Event()
    for number_of_signal in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number_of_signal, stopping.set)
    if parent_pipe is not None:
        loop.add_reader(parent_pipe, stopping.set)
    tasks = [loop.create_task(snapshot.run()), loop.create_task(gateway.shipper.run())]
    if settings.fsync == "second":
        tasks.append(loop.create_task(_sync_each_second(gateway)))
    accept = cast(Callable[[], asyncio.Protocol], lambda: ClientConnection(gateway))
    server = await loop.create_server(accept, sock=listen(settings.listen), backlog=4096)
    admin = await _serve_admin(loop, gateway, number)
    gateway.tick()
    calm_collector()
    log(
        "gateway_started",
        gateway=gateway.id,
        life=gateway.spool.life,
        listen=settings.listen,
        worker=number,
        pid=os.getpid(),
    )
    waits = [loop.create_task(stopping.wait()), *tasks]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception():
            log("gateway_task_broke", error=repr(task.exception()))
    await _drain(gateway, server)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await _ship_rest(gateway)
    if admin is not None:
        admin.close()
    gateway.spool.close()
    log("gateway_stopped", gateway=gateway.id)


async def _serve_admin(loop: asyncio.AbstractEventLoop, gateway: Gateway, number: int) -> asyncio.AbstractServer | None:
    if not gateway.settings.admin:
        return None
    host, port = split_address(gateway.settings.admin)
    return await loop.create_server(
        lambda: AdminConnection(gateway), host, port + number if port else 0, reuse_address=True
    )


async def _sync_each_second(gateway: Gateway) -> None:
    while True:
        await asyncio.sleep(1.0)
        await asyncio.to_thread(gateway.spool.sync)


async def _drain(gateway: Gateway, server: asyncio.AbstractServer) -> None:
    """Takes no new connections, ends idle ones, lets calls in flight end."""
    log("gateway_draining", calls=len(gateway.active))
    gateway.draining = True
    server.close()
    give_up = time.monotonic() + gateway.settings.drain_timeout
    while (gateway.active or any(connection.call for connection in gateway.connections)) and time.monotonic() < give_up:
        for connection in list(gateway.connections):
            connection.closing = True
            connection.expire(time.monotonic())
        await asyncio.sleep(0.05)
    for connection in list(gateway.connections):
        connection.transport.abort() if connection.call else connection.transport.close()


async def _ship_rest(gateway: Gateway) -> None:
    """Gives leases back and ships what it can; the rest waits in the spool for the next start."""
    await asyncio.sleep(0)
    gateway.leases.close_all()
    with contextlib.suppress(ControlUnavailable, TimeoutError, OSError):
        async with asyncio.timeout(_SHIP_AT_STOP_SECONDS):
            while await gateway.shipper.ship_once():
                pass
    gateway.spool.sync()


def run_worker(settings: Settings, number: int, parent_pipe: int | None = None) -> None:
    """Runs one worker to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, number, parent_pipe))
