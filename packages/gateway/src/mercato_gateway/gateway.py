"""What the calls of one worker share, and its timers: deadlines, slices, connections, the spool."""

import asyncio
import time
from importlib.metadata import version
from typing import TYPE_CHECKING

from mercato_gateway.authenticate import Keys
from mercato_gateway.call import Call
from mercato_gateway.catalog import Catalog
from mercato_gateway.connections import Connections
from mercato_gateway.document import document_bytes
from mercato_gateway.health import HealthChecks
from mercato_gateway.leases import Leases
from mercato_gateway.metrics import Metrics
from mercato_gateway.route import Router
from mercato_gateway.server import ClientConnection
from mercato_gateway.settings import Settings
from mercato_gateway.ship import Shipper
from mercato_gateway.spool import Spool
from mercato_gateway.wall import Wall

if TYPE_CHECKING:
    from mercato_gateway.tracing import CallTracer

_TICK_SECONDS = 0.1
_SWEEP_TICKS = 5
_STALLED_SECONDS = 300.0
_READY = f'{{"status":"ready","version":"{version("mercato-gateway")}"}}'.encode()
_READ_ONLY = ("405 Method Not Allowed", b'{"status":"read with GET"}')


class Gateway:
    """One worker's state. `id` is the gateway id, which stays the same across restarts."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, settings: Settings, gateway_id: str, catalog: Catalog,
        keys: Keys, leases: Leases,
        spool: Spool, shipper: Shipper, wall: Wall, tracer: "CallTracer | None" = None,
    ) -> None:  # fmt: skip
        self.loop = loop
        self.settings = settings
        self.id = gateway_id
        self.catalog = catalog
        self.keys = keys
        self.leases = leases
        self.spool = spool
        self.shipper = shipper
        self.wall = wall
        self.tracer = tracer
        self.router = Router()
        self.health_checks = HealthChecks(loop, catalog, self.router)
        self.metrics = Metrics()
        self.tls_expires_at = 0.0
        self.active: set[Call] = set()
        self.connections = Connections(settings.max_connections)
        self.draining = False
        self.idle_seconds = settings.idle_timeout
        self._ticks = 0
        self._ends: list[tuple[ClientConnection, bytes, bool]] = []
        self._turn_scheduled = False
        spool.on_waiting = self._schedule_turn

    # The end of a turn.

    def end_call(self, client: ClientConnection, data: bytes, close: bool) -> None:
        """Sends the end of an answer as soon as the usage event that was just appended is written."""
        self._ends.append((client, data, close))
        self._schedule_turn()

    def _schedule_turn(self) -> None:
        if not self._turn_scheduled:
            self._turn_scheduled = True
            self.loop.call_soon(self._end_turn)

    def _end_turn(self) -> None:
        """Writes the usage events of all calls that ended in this turn of the event loop at once, then ends their
        answers.
        """
        self._turn_scheduled = False
        self.spool.flush()
        ends, self._ends = self._ends, []
        for client, data, close in ends:
            client.end_call(data, close)

    # Our own routes.

    def answer_own(self, client: ClientConnection, method: str, path: bytes) -> None:
        """Answers `/healthz`, `/readyz` and `/openapi.json`."""
        began = time.monotonic()
        if method not in ("GET", "HEAD"):
            status, body = _READ_ONLY
        elif path == b"/openapi.json":
            status, body = "200 OK", document_bytes()
        else:
            status, body = self.health(path)
        overhead_us = max(1, int((time.monotonic() - began) * 1e6))
        allow = "allow: GET, HEAD\r\n" if status == _READ_ONLY[0] else ""
        kind = f"content-type: application/json\r\n{allow}x-mercato-overhead-us: {overhead_us}\r\n"
        head = f"HTTP/1.1 {status}\r\n{kind}content-length: {len(body)}\r\n".encode()
        client.end_call(b"".join((head, client.connection_header(), b"\r\n", b"" if method == "HEAD" else body)))

    def health(self, path: bytes) -> tuple[str, bytes]:
        """`/healthz`: the process is running. `/readyz`: routes are known, the spool has room, the gateway is not
        draining.
        """
        if path == b"/healthz":
            return "200 OK", b'{"status":"ok"}'
        reasons = [
            reason
            for reason, wrong in (
                ("no snapshot yet", not self.catalog.ready),
                (f"spool: {self.spool.trouble}", self.spool.full),
                ("draining", self.draining),
            )
            if wrong
        ]
        text = "; ".join(reasons).replace('"', "'")
        return ("503 Service Unavailable", f'{{"status":"not ready","reason":"{text}"}}'.encode()) if reasons else (
            "200 OK", _READY
        )  # fmt: skip

    # Timers.

    def tick(self) -> None:
        """Runs ten times a second; each part touches only what may be due."""
        self.loop.call_later(_TICK_SECONDS, self.tick)
        now = time.monotonic()
        for call in [call for call in self.active if now > call.deadline]:
            if not call.paused:
                call.expire()
            elif now > call.deadline + _STALLED_SECONDS:
                self._stalled(call)
        self._ticks += 1
        if self._ticks % _SWEEP_TICKS == 0:
            self.leases.sweep(now, _TICK_SECONDS * _SWEEP_TICKS)
        elif self._ticks % 10 == 1:
            self._each_second(now)

    def _stalled(self, call: Call) -> None:
        """The client has read nothing for minutes."""
        call.client.transport.abort()

    def _each_second(self, now: float) -> None:
        for connection in list(self.connections):
            connection.expire(now)
        for deployment in self.catalog.deployments():
            deployment.pool.sweep(now)
        self.keys.sweep(now)
        if self.spool.full:
            self.spool.retry()

    def gauges(self) -> dict[str, float]:
        """The values of this moment, for `/metrics`."""
        return {
            "connections": len(self.connections),
            "clock_ahead_seconds": self.wall.ahead_ns / 1e9,
            **({"certificate_expires_timestamp_seconds": self.tls_expires_at} if self.tls_expires_at else {}),
            "connections_limit": self.settings.max_connections,
            "draining": int(self.draining),
            "snapshot_ready": int(self.catalog.ready),
            "spool_limit_bytes": self.settings.spool_bytes,
            "calls_in_flight": len(self.active),
            "services": len(self.catalog),
            "deployments_ejected": self.health_checks.ejected(),
            "health_checks_total": self.health_checks.started,
            "health_checks_failed_total": self.health_checks.failed,
            "keys_known": len(self.keys),
            "key_introspections_total": self.keys.introspections,
            "lease_requests_total": self.leases.batches_sent,
            "spool_bytes": self.spool.bytes_held,
            "spool_behind_bytes": self.shipper.behind,
            "spool_unshipped_seconds": self.shipper.unshipped_seconds,
            "spool_unwritten": self.spool.unwritten,
            "spool_full": int(self.spool.full),
            **({} if self.tracer is None else self.tracer.figures()),
            "usage_shipped_total": self.shipper.shipped,
            "usage_rejected_total": self.shipper.rejected,
            "usage_ship_failures_total": self.shipper.failures,
        }
