"""One worker process: puts the parts together, serves until it must stop, drains, gives back, ends."""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

import uvloop

from mercato_contracts.ids import GATEWAY, make_id
from mercato_contracts.server_tls import ServerTls, TlsFilesWrong, client_context, server_tls
from mercato_gateway.admin import AdminConnection
from mercato_gateway.adopt import Adoption
from mercato_gateway.authenticate import Keys
from mercato_gateway.catalog import Catalog
from mercato_gateway.control import ControlClient, ControlUnavailable
from mercato_gateway.gateway import Gateway
from mercato_gateway.guesses import Guesses
from mercato_gateway.leases import Leases
from mercato_gateway.listening import BACKLOG, close_last
from mercato_gateway.log import log
from mercato_gateway.refusals import Refused
from mercato_gateway.server import ClientConnection
from mercato_gateway.settings import Settings
from mercato_gateway.settle import new_life
from mercato_gateway.ship import Shipper
from mercato_gateway.snapshot import SnapshotClient
from mercato_gateway.spool import Spool, SpoolLocked
from mercato_gateway.upstream import Connector, Pool
from mercato_gateway.wall import Wall

if TYPE_CHECKING:
    from mercato_gateway.tracing import CallTracer

_SHIP_AT_STOP_SECONDS = 5.0
_REST_AT_STOP_SECONDS = 2.0
_TLS_LOOK_SECONDS = 10.0


def gateway_id(folder: Path) -> str:
    """The id of the worker that owns this folder, made at its first start."""
    path = folder / "gateway-id"
    if not path.exists():
        fresh = folder / "gateway-id.new"
        fresh.write_text(make_id(GATEWAY, time.time_ns() // 1_000_000, os.urandom(10)))
        fresh.replace(path)
    return path.read_text().strip()


def _log_full(reason: str) -> None:
    log("usage_spool_full", reason=reason, fix="free disk space; new calls are refused until then")


def open_spool(settings: Settings, folder: Path, life: str) -> Spool:
    """The spool of a folder; raises `SpoolLocked` while another process has it."""
    sync_each = settings.fsync == "always"
    return Spool(folder, life, max_bytes=settings.spool_bytes, sync_each=sync_each, on_trouble=_log_full)


def take_folder(settings: Settings) -> Spool:
    """Opens the first folder `worker-N` that no process has locked: predecessors may still write to theirs."""
    number = 0
    while True:
        try:
            return open_spool(settings, Path(settings.state) / f"worker-{number}", new_life())
        except SpoolLocked:
            number += 1


def build(loop: asyncio.AbstractEventLoop, settings: Settings) -> tuple[Gateway, SnapshotClient, Adoption]:
    """All parts of a worker."""
    spool = take_folder(settings)
    own_id = gateway_id(spool.folder)
    shown = partial(client_context, settings.control_ca, settings.control_cert, settings.control_key)
    control = ControlClient(loop, settings.control, settings.token(), shown)
    connector = Connector(
        loop,
        allow_private=settings.allow_private_upstreams,
        timeout=settings.connect_timeout,
        ca_file=settings.upstream_ca_file,
    )
    catalog = Catalog(lambda wire: Pool(wire, connector))
    wall = Wall()
    keys = Keys(loop, control, wall, Guesses(settings.unknown_keys_per_minute))
    leases = Leases(loop, control, spool, own_id, wall)
    shipper = Shipper(spool, control, own_id)
    gateway = Gateway(loop, settings, own_id, catalog, keys, leases, spool, shipper, wall, _tracer(settings))
    adoption = Adoption(Path(settings.state), spool.folder, control, partial(open_spool, settings), gateway_id)
    return gateway, SnapshotClient(control, catalog, keys, wall), adoption


def _tracer(settings: Settings) -> "CallTracer | None":
    if not settings.otlp_url:
        return None
    from mercato_gateway.tracing import build_tracer  # of no use to a gateway without a collector

    return build_tracer(settings)


def calm_collector() -> None:
    """Excludes what lives as long as the process from garbage collection, and makes it rare: calls leave no cycles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@dataclass(frozen=True, slots=True)
class Place:
    """What the supervisor gives a worker: its slot, its sockets, and the pipe to write to once it serves.

    A `successor` serves only once it has routes: until then its predecessor does.
    """

    slot: int
    listen_fd: int
    admin_fd: int | None
    ready_fd: int
    successor: bool


class Orders:
    """Orders by signal, or by the end of the parent: to `stop`, or to `retire` because a successor serves."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._given = asyncio.Event()
        self.retire = self.stop = False
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._retire)
        loop.add_reader(sys.stdin.fileno(), self._parent_gone, loop)

    def _retire(self) -> None:
        self.retire = True
        self._given.set()

    def _stop(self) -> None:
        self.stop = True
        self._given.set()

    def _parent_gone(self, loop: asyncio.AbstractEventLoop) -> None:
        loop.remove_reader(sys.stdin.fileno())
        self._stop()

    async def wait(self) -> None:
        """Waits for the first order."""
        await self._given.wait()


async def serve(settings: Settings, place: Place) -> None:
    """Serves until the order to stop or to retire; then drains."""
    loop = asyncio.get_running_loop()
    gateway, snapshot, adoption = build(loop, settings)
    orders = Orders(loop)
    tasks = [loop.create_task(part.run()) for part in (snapshot, gateway.shipper, gateway.health_checks, adoption)]
    if settings.fsync == "second":
        tasks.append(loop.create_task(_sync_each_second(gateway)))
    gateway.tick()
    ordered = loop.create_task(orders.wait())
    if place.successor:
        routes = loop.create_task(_have_routes(gateway))
        await asyncio.wait([routes, ordered], return_when=asyncio.FIRST_COMPLETED)
        routes.cancel()
    accept = cast(Callable[[], asyncio.Protocol], lambda: ClientConnection(gateway))
    listener = socket.socket(fileno=place.listen_fd)
    server, context = await _serve_calls(gateway, listener, accept, tasks)
    admin = await _serve_admin(loop, gateway, place.admin_fd)
    calm_collector()
    _report_ready(gateway, place)
    await asyncio.wait([ordered, *tasks], return_when=asyncio.FIRST_COMPLETED)
    _log_broken(tasks)
    if admin is not None:
        admin.close()
    if orders.stop:
        await close_last(loop, listener, server, accept, context)
    else:
        server.close()
    await _drain(gateway, orders)
    await _cancel([ordered, *tasks])
    await _ship_rest(gateway)
    gateway.spool.close()
    if gateway.tracer is not None:
        await asyncio.to_thread(gateway.tracer.writer.close)
    log("gateway_stopped", gateway=gateway.id)


async def _serve_calls(
    gateway: Gateway, listener: socket.socket, accept: Callable[[], asyncio.Protocol], tasks: list[asyncio.Task[None]]
) -> tuple[asyncio.AbstractServer, ssl.SSLContext | None]:
    """Accepts calls, by TLS where a certificate is set; its renewal is one more of `tasks`."""
    settings, loop = gateway.settings, gateway.loop
    tls = server_tls(settings.tls_cert, settings.tls_key, settings.client_ca)
    if tls is None:
        return await loop.create_server(accept, sock=listener, backlog=BACKLOG), None
    gateway.tls_expires_at = tls.expires_at.timestamp()
    tasks.append(loop.create_task(_renew_tls(gateway, tls)))
    server = await loop.create_server(
        accept, sock=listener, backlog=BACKLOG, ssl=tls.context, ssl_handshake_timeout=settings.header_timeout
    )
    return server, tls.context


def _report_ready(gateway: Gateway, place: Place) -> None:
    log(
        "gateway_started",
        gateway=gateway.id,
        life=gateway.spool.life,
        listen=gateway.settings.listen,
        worker=place.slot,
        pid=os.getpid(),
    )
    os.write(place.ready_fd, b"1")
    os.close(place.ready_fd)


def _log_broken(tasks: list[asyncio.Task[None]]) -> None:
    """None of these ends by itself: one that did so failed."""
    for task in tasks:
        if task.done() and not task.cancelled() and task.exception():
            log("gateway_task_broke", error=repr(task.exception()))


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _have_routes(gateway: Gateway) -> None:
    while not gateway.catalog.ready:  # noqa: ASYNC110  (asked a few times, once in a worker's life)
        await asyncio.sleep(0.02)


async def _serve_admin(
    loop: asyncio.AbstractEventLoop, gateway: Gateway, fd: int | None
) -> asyncio.AbstractServer | None:
    if fd is None:
        return None
    return await loop.create_server(lambda: AdminConnection(gateway), sock=socket.socket(fileno=fd))


async def _sync_each_second(gateway: Gateway) -> None:
    while True:
        await asyncio.sleep(1.0)
        await asyncio.to_thread(gateway.spool.sync)


async def _renew_tls(gateway: Gateway, tls: ServerTls) -> None:
    """Certificates that were renewed on disk are served without a restart."""
    while True:
        await asyncio.sleep(_TLS_LOOK_SECONDS)
        try:
            if tls.refresh():
                gateway.tls_expires_at = tls.expires_at.timestamp()
                log("tls_renewed", expires_at=tls.expires_at.isoformat())
        except TlsFilesWrong as error:
            log("tls_not_renewed", reason=str(error), fix="the old certificate stays; correct the files")


async def _drain(gateway: Gateway, orders: Orders) -> None:
    """Lets calls in flight end, and keeps idle connections open a little: a request may be on its way on each of them.

    Every answer has `connection: close` from now on. Where a successor serves, nobody waits for this process to end:
    connections may stay idle for as long as the whole drain may take.
    """
    log("gateway_draining", calls=len(gateway.active), connections=len(gateway.connections))
    gateway.draining = True
    give_up = time.monotonic() + gateway.settings.drain_timeout
    while gateway.connections and time.monotonic() < give_up:
        gateway.idle_seconds = _REST_AT_STOP_SECONDS if orders.stop else gateway.settings.drain_timeout
        for connection in list(gateway.connections):
            connection.expire(time.monotonic())
        await asyncio.sleep(0.05)
    for connection in list(gateway.connections):
        call = connection.call
        if call is not None and call.deployment is None:
            call.refuse(Refused("draining", "The gateway is stopping."))
        elif call is not None:
            connection.transport.abort()
        else:
            connection.transport.close()


async def _ship_rest(gateway: Gateway) -> None:
    """Gives leases back and ships what it can; the rest waits in the spool for the next start."""
    await asyncio.sleep(0)
    gateway.leases.close_all()
    with contextlib.suppress(ControlUnavailable, TimeoutError, OSError):
        async with asyncio.timeout(_SHIP_AT_STOP_SECONDS):
            while await gateway.shipper.ship_once():
                pass
    gateway.spool.sync()


def run_worker(settings: Settings, place: Place) -> None:
    """Runs one worker to its end."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, place))
