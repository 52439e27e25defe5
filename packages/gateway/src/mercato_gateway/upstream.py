"""The connections to one deployment: opened to the addresses that the control plane checked, kept alive, reused.

Many servers close idle connections, some after each answer, and not all announce it. A connection is checked for new
bytes before it is used again. A call whose connection was closed all the same goes on with a fresh one where that is
safe (see `peer`). A pool whose connections are often closed soon after an answer lets them rest before it uses them
again.
"""

import asyncio
import ipaddress
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from mercato_gateway.connection import UpstreamCall, UpstreamConnection
from mercato_gateway.heads import AnswerHead, take_print
from mercato_gateway.wire import SnapshotDeployment

# Servers commonly close idle connections after 5 s (uvicorn, Node). The gateway closes earlier, so few calls meet a
# closing one.
IDLE_SECONDS = 3.0
# The most waiting calls for each allowed connection.
_MAX_WAITING_EACH = 16
# A connection that the server closes within this time of an answer was closed because of that answer. Each time adds
# distrust in the pool's connections; each answer on a reused connection removes a little.
_SOON_SECONDS = 1.0
_CLOSED_SOON_COSTS = 8
_DISTRUSTED_FROM = 16
_MOST_DISTRUST = 20
# The first connections of a pool must survive this rest to prove that the server keeps them open.
_FIRST_REST_SECONDS = 0.1
# With fewer connections than this none of them can rest while calls wait.
_ENOUGH_TO_REST = 4
# Heads with a date or an id change: at most this often a new one becomes the usual one.
_LEARN_SECONDS = 0.05
_OFTEN_SECONDS = 0.2
_monotonic = time.monotonic


class PrivateAddress(Exception):
    """The upstream's name resolves to a private address."""


class Connector:
    """Opens connections. `allow_private` allows names that resolve to private and loopback addresses."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, *, allow_private: bool, timeout: float, ca_file: str = ""
    ) -> None:
        self.loop = loop
        self.allow_private = allow_private
        self.timeout = timeout
        self._ca_file = ca_file
        self._tls: ssl.SSLContext | None = None

    def tls(self) -> ssl.SSLContext:
        """Verifies names and chains; created when first needed, because the system's authorities take megabytes."""
        if self._tls is None:
            self._tls = ssl.create_default_context()
            if self._ca_file:
                self._tls.load_verify_locations(self._ca_file)
        return self._tls

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host that the control plane did not check; raises `PrivateAddress`."""
        infos = await self.loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        found = [str(info[4][0]) for info in infos]
        if not self.allow_private and not all(ipaddress.ip_address(address).is_global for address in found):
            raise PrivateAddress(f"{host} is a private address")
        return found


class Pool:
    """The connections to one deployment: at most `max_connections`; the last used is used first."""

    __slots__ = (
        "_closed",
        "_connector",
        "_distrust",
        "_host",
        "_idle",
        "_learnt_at",
        "_most_waiting",
        "_open",
        "_opening",
        "_port",
        "_read_at",
        "_rest_seconds",
        "_secure",
        "_tasks",
        "_waiting",
        "authority",
        "credential",
        "credential_field",
        "secret",
        "usual",
        "wire",
    )

    def __init__(self, wire: SnapshotDeployment, connector: Connector) -> None:
        parts = urlsplit(wire.url)
        self.wire = wire
        self._connector = connector
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self.authority = parts.netloc.rpartition("@")[2].encode("ascii")
        # The vendor's own secret: the line in each request, its field's name, and its value. Never shown.
        self.credential = self.credential_field = self.secret = b""
        if wire.credential is not None:
            self.credential_field = wire.credential.header.encode()
            self.secret = wire.credential.value.encode()
            self.credential = b"%b: %b\r\n" % (self.credential_field, self.secret)
        self._idle: list[UpstreamConnection] = []
        self._open = 0
        self._waiting: deque[UpstreamCall] = deque()
        self._most_waiting = wire.max_connections * _MAX_WAITING_EACH
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._distrust = _MOST_DISTRUST
        self._rest_seconds = _FIRST_REST_SECONDS
        self._opening = 0  # for any waiting call; those for a certain call are not counted
        self.usual: AnswerHead | None = None
        self._learnt_at = 0.0
        self._read_at = 0.0

    def learn(self, head: AnswerHead, message: bytes) -> None:
        """Makes a head that was just read, at the start of `message`, the usual one: where answers are frequent enough
        to repeat it within the second, before its date changes.
        """
        now = _monotonic()
        often, self._read_at = now - self._read_at < _OFTEN_SECONDS, now
        if often and now - self._learnt_at > _LEARN_SECONDS and head.length:
            self._learnt_at = now
            head.print = take_print(message, head.length)
            if head.print is not None:
                self.usual = head

    async def check(self, path: str | None) -> bool:
        """Whether it is healthy: it accepts a connection and answers `path`, if any, with a status below 400."""
        addresses = self.wire.addresses or await self._connector.addresses(self._host, self._port)
        tls = self._connector.tls() if self._secure else None
        reader, writer = await asyncio.open_connection(
            addresses[0], self._port, ssl=tls, server_hostname=self._host if self._secure else None
        )
        try:
            if path is None:
                return True
            writer.write(
                b"GET %b HTTP/1.1\r\nhost: %b\r\nuser-agent: mercato-health\r\nconnection: close\r\n%b\r\n"
                % (path.encode("ascii"), self.authority, self.credential)
            )
            status = (await reader.readline()).split(b" ")[1:2]
            return bool(status) and status[0].isdigit() and 200 <= int(status[0]) < 400
        finally:
            writer.transport.abort()

    def take(self, call: UpstreamCall, now: float) -> UpstreamConnection | None:
        """An idle connection; or `None`, and `connected`, `connect_failed` or `no_connection_free` of the call is
        called later.
        """
        if self._idle:
            connection = self._take_idle(now, self._may_take_any(call))
            if connection is not None:
                return connection
        if len(self._waiting) >= self._most_waiting:
            self._waiting = deque(waiting for waiting in self._waiting if not waiting.done)
        if len(self._waiting) >= self._most_waiting:
            self._connector.loop.call_soon(call.no_connection_free)
            return None
        self._waiting.append(call)
        if self._open < self.wire.max_connections:
            self._start_opening()
        elif len(self._idle) > 1 or len(self._idle) == self._open:
            self._idle.pop(0).close()  # one that still rests makes room
        elif self._idle:
            self._connector.loop.call_later(self._rest_seconds, self._end_rest)
        return None

    def _may_take_any(self, call: UpstreamCall) -> bool:
        """Whether the call may have a connection that has not rested: where the server is known to keep them open, or
        nothing is known yet and the call may be sent twice.
        """
        return not self._distrusted or (self._rest_seconds == _FIRST_REST_SECONDS and call.repeatable)

    def _end_rest(self) -> None:
        """A waiting call takes the connection that has rested."""
        while self._waiting and self._waiting[0].done:
            self._waiting.popleft()
        connection = self._take_idle(_monotonic(), False) if self._waiting and self._idle else None
        if connection is not None:
            self._waiting.popleft().connected(connection)

    def _take_idle(self, now: float, any_of_them: bool) -> UpstreamConnection | None:
        """The last used connection, or the one that rested longest, if long enough."""
        idle = self._idle
        while idle:
            if not any_of_them and now - idle[0].idle_since < self._rest_seconds:
                return None
            connection = idle.pop(-1 if any_of_them else 0)
            if (
                connection.reusable
                and now - connection.idle_since < IDLE_SECONDS
                and not connection.transport.is_closing()
                and connection.is_quiet()
            ):
                return connection
            self.closed_by_peer(connection)
            connection.close()
        return None

    @property
    def _distrusted(self) -> bool:
        """Whether the other end closes connections soon after an answer, for all that is known."""
        return self._distrust >= _DISTRUSTED_FROM

    def closed_by_peer(self, connection: UpstreamConnection) -> None:
        """The server closed the connection, or sent bytes that belong to no request, between two answers."""
        if _monotonic() - connection.idle_since < _SOON_SECONDS:
            self._distrust = min(self._distrust + _CLOSED_SOON_COSTS, _MOST_DISTRUST)
            self._rest_seconds = _SOON_SECONDS

    def reconnect(self, call: UpstreamCall) -> None:
        """Opens a connection for this call alone, after a stale one."""
        self._start_opening(call)

    @property
    def full(self) -> bool:
        """Whether all allowed connections exist and the upstream accepted some of them: calls that wait do so for
        others to end.
        """
        return self._open >= self.wire.max_connections and len(self._tasks) < self._open

    def _start_opening(self, call: UpstreamCall | None = None) -> None:
        self._open += 1
        self._opening += call is None
        task = self._connector.loop.create_task(self._connect(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, call: UpstreamCall | None) -> None:
        try:
            async with asyncio.timeout(self._connector.timeout):
                connection = await self._connect_any()
        except TimeoutError:
            self._connect_failed(call, "upstream_timeout", "It did not accept a connection in time.")
        except (OSError, PrivateAddress, ssl.SSLError, UnicodeError) as error:
            reason = (
                "Its TLS certificate is not trusted."
                if isinstance(error, ssl.SSLError)
                else "No connection could be made."
            )
            self._connect_failed(call, "upstream_unreachable", reason)
        else:
            self._opening -= call is None
            connection.reusable = True
            if call is None or call.done:
                self.give_back(connection)
            else:
                call.connected(connection)

    async def _connect_any(self) -> UpstreamConnection:
        addresses = self.wire.addresses or await self._connector.addresses(self._host, self._port)
        last: OSError = OSError("no address")
        for address in addresses:
            try:
                _, connection = await self._connector.loop.create_connection(
                    cast(Callable[[], asyncio.Protocol], lambda: UpstreamConnection(self)), address, self._port,
                    ssl=self._connector.tls() if self._secure else None,
                    server_hostname=self._host if self._secure else None,
                )  # fmt: skip
            except OSError as error:
                last = error
            else:
                return cast(UpstreamConnection, connection)
        raise last

    def _connect_failed(self, call: UpstreamCall | None, code: str, detail: str) -> None:
        self._open -= 1
        self._opening -= call is None
        if call is not None and not call.done:
            call.connect_failed(code, detail)
        while call is None and self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.done:
                waiting.connect_failed(code, detail)
                break
        self._open_for_waiting()

    def give_back(self, connection: UpstreamConnection) -> None:
        """Gives the connection to the next call, or lets it rest."""
        if not connection.reusable:
            connection.close()
            return
        connection.resume_reading()
        connection.idle_since = _monotonic()
        if self._distrust and connection.served > 1:
            self._distrust -= 1
        if self._waiting and connection.served and not self._serves_at_once(connection):
            return
        # Also once the pool is closed: the calls that wait came before that.
        while self._waiting:
            call = self._waiting.popleft()
            if not call.done:
                call.connected(connection)
                return
        if self._closed:
            connection.close()
            return
        self._idle.append(connection)

    def _serves_at_once(self, connection: UpstreamConnection) -> bool:
        """Whether a connection that has just answered may take a waiting call. Else it rests, while the call gets a
        fresh one.
        """
        on_their_way = self._opening >= len(self._waiting)
        enough = self.wire.max_connections >= _ENOUGH_TO_REST
        unproven = self._rest_seconds == _FIRST_REST_SECONDS
        if self._closed or not self._distrusted or (unproven and not enough and not on_their_way):
            if connection.is_quiet():
                return True
        elif on_their_way or (enough and not self._idle):
            self._idle.append(connection)
            return False
        connection.close()  # `forget` opens another
        return False

    def forget(self, connection: UpstreamConnection) -> None:
        """The connection is gone."""
        self._open -= 1
        if connection in self._idle:
            self._idle.remove(connection)
        self._open_for_waiting()

    def _open_for_waiting(self) -> None:
        while self._waiting and self._waiting[0].done:
            self._waiting.popleft()
        if self._waiting and self._open < self.wire.max_connections:
            self._start_opening()

    def sweep(self, now: float) -> None:
        """Closes connections that were idle for too long."""
        while self._idle and now - self._idle[0].idle_since > IDLE_SECONDS:
            self._idle.pop(0).close()

    def close(self) -> None:
        """Closes idle connections; calls in flight, and those that wait, end by themselves."""
        self._closed = True
        for connection in self._idle[:]:
            connection.close()
        self._idle.clear()


PoolFactory = Callable[[SnapshotDeployment], Pool]
