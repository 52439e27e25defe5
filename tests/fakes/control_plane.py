"""A stand-in for the control plane, for tests and benches of the gateway alone: the real wire, exact integer
accounting.

It keeps everything in memory, validates each message with the contracts' own types, and can be stopped and started
again on the same port to play an outage.
"""

import asyncio
import contextlib
import json
import os
import re
import time
from dataclasses import dataclass, field
from typing import Any

from mercato_contracts import ids, keys
from mercato_contracts.dataplane import (
    IntrospectRequest,
    KeyGrant,
    LeaseAnswer,
    LeaseBatch,
    LeaseBatchAnswer,
    LeaseDenial,
    LeaseGrant,
    LeaseWant,
    Limit,
    Recovered,
    SnapshotService,
    UsageBatch,
    UsageEvent,
    UsageReceipt,
)

_EVENT_ID = re.compile(rb'"id":"use_([0-9a-f]{32})"')
_SECONDS = {"second": 1, "minute": 60, "day": 86_400, "month": 2_592_000, "ever": 0}


def new_id(prefix: str) -> str:
    """An id as the real control plane makes it."""
    return ids.make_id(prefix, time.time_ns() // 1_000_000, os.urandom(10))


@dataclass
class Lease:
    """What a gateway borrowed."""

    scope: str
    gateway: str
    life: str
    granted: int
    batch: str = ""
    spent: int = 0
    closed: bool = False


@dataclass
class Counter:
    """One scope: a quota counts what is committed, a bucket what is in it now."""

    limit: Limit
    leases: list[str] = field(default_factory=list)
    closed_spent: int = 0
    level: float = 0.0
    filled_at: float = 0.0

    @property
    def is_bucket(self) -> bool:
        return self.limit.window in ("second", "minute")


class ControlPlane:
    """Services, keys, counters and usage. All of its state may be read by a test at any time."""

    def __init__(self, *, token: str = "", lease_ms: int = 30_000, bucket_lease_ms: int = 2_000) -> None:
        self.token = token
        self.lease_ms = lease_ms
        self.bucket_lease_ms = bucket_lease_ms
        self.services: dict[str, SnapshotService] = {}
        self.grants: dict[str, KeyGrant] = {}
        self.traces: dict[str, list[str]] = {}
        self.counters: dict[str, Counter] = {}
        self.leases: dict[str, Lease] = {}
        self.events: dict[str, UsageEvent] = {}
        self.overspent: list[UsageEvent] = []
        self.known_again = 0
        self.recovered: list[tuple[str, str]] = []
        self.introspections = 0
        self.lease_batches = 0
        self.lease_answers_to_lose = 0
        self.lease_batches_to_hold = 0
        self.lease_gate = asyncio.Event()
        self.introspect_gate = asyncio.Event()
        self.introspect_gate.set()
        self.refuse_usage_with: int | None = None
        self.heartbeats = True
        self.ahead_ms = 0
        """By how much its clock is ahead of the gateway's machine."""
        self.keep_events = True
        self.event_ids: set[bytes] = set()
        self._streams: set[asyncio.Queue[bytes]] = set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0

    # What a test says.

    async def start(self, port: int = 0) -> None:
        """Listens; on the same port as before when it was stopped."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port or self.port, limit=64 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Plays an outage: every connection breaks, nothing listens."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._writers):
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put_service(self, service: SnapshotService) -> None:
        self.services[service.id] = service
        for release in service.releases:
            for deployment in release.deployments:
                self.watch(*deployment.limits)
        self._push(service.model_dump_json())

    def remove_service(self, service_id: str) -> None:
        del self.services[service_id]
        self._push(json.dumps({"type": "service_removed", "id": service_id}))

    def watch(self, *limits: Limit) -> None:
        """Counts these scopes."""
        for limit in limits:
            counter = self.counters.setdefault(limit.scope, Counter(limit))
            counter.limit = limit
            if counter.is_bucket and not counter.filled_at:
                counter.level, counter.filled_at = float(limit.burst or limit.cap), time.monotonic()

    def put_key(self, grant: KeyGrant, key: str | None = None) -> str:
        """Issues a key with this grant; its id is put in. Gives the key's text."""
        key_id = new_id(ids.KEY) if key is None else keys.parse_key(key).key_id
        text = key or keys.make_key("ck", key_id, os.urandom(32))
        self.grants[text] = grant.model_copy(update={"key_id": key_id})
        self.watch(*grant.limits)
        for subscription in grant.subscriptions:
            self.watch(*subscription.limits)
        return text

    def revoke(self, key: str) -> None:
        """Revokes a key and says so."""
        grant = self.grants.pop(key)
        self._push(json.dumps({"type": "key_changed", "id": grant.key_id}))

    def consumer_changed(self, consumer_id: str) -> None:
        self._push(json.dumps({"type": "consumer_changed", "id": consumer_id}))

    def spent(self, scope: str) -> int:
        """What usage says was used of a scope."""
        return sum(lease.spent for lease in self.leases.values() if lease.scope == scope)

    def _push(self, line: str) -> None:
        for queue in self._streams:
            queue.put_nowait(line.encode() + b"\n")

    # The wire.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                headers = {
                    name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)
                }
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                method, path, _ = first.split(" ")
                if "traceparent" in headers:
                    self.traces.setdefault(path, []).append(headers["traceparent"])
                if self.token and headers.get("authorization") != f"Bearer {self.token}":
                    self._answer(writer, 401, b'{"code":"unauthorised"}')
                elif (method, path) == ("GET", "/internal/snapshot"):
                    await self._stream(writer)
                    return
                elif method == "GET":
                    self._answer(writer, *self._get(path))
                else:
                    self._answer(writer, *await self._post(path, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _answer(self, writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
        writer.write(
            f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            + body
        )

    def now_ms(self) -> int:
        """Its time, milliseconds since 1970."""
        return time.time_ns() // 1_000_000 + self.ahead_ms

    async def _stream(self, writer: asyncio.StreamWriter) -> None:
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        lines = [
            json.dumps({"type": "begin", "at_ms": self.now_ms()}).encode(),
            *(service.model_dump_json().encode() for service in self.services.values()),
        ]
        lines.append(json.dumps({"type": "ready", "services": len(self.services), "at_ms": self.now_ms()}).encode())
        self._streams.add(queue)
        try:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n")
            for line in lines:
                self._chunk(writer, line + b"\n")
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.5):
                        self._chunk(writer, await queue.get())
                        await writer.drain()
                        continue
                if self.heartbeats:
                    beat = {"type": "heartbeat", "at_ms": self.now_ms()}
                    self._chunk(writer, json.dumps(beat).encode() + b"\n")
                    await writer.drain()
        finally:
            self._streams.discard(queue)

    @staticmethod
    def _chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
        writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _get(self, path: str) -> tuple[int, bytes]:
        return 404, b"{}"

    async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/internal/keys/introspect":
            return await self._introspect(IntrospectRequest.model_validate_json(body))
        if path == "/internal/leases":
            batch = LeaseBatch.model_validate_json(body)
            if any(want.scope not in self.counters for request in batch.requests for want in request.wants):
                return 422, b'{"code":"unknown_scope"}'
            if self.lease_batches_to_hold:
                self.lease_batches_to_hold -= 1
                await self.lease_gate.wait()
            lent = self._lend(batch).model_dump_json().encode()
            if self.lease_answers_to_lose:
                self.lease_answers_to_lose -= 1
                raise ConnectionResetError("a test lets the answer be lost")
            return 200, lent
        if path == "/internal/usage":
            if self.refuse_usage_with:
                return self.refuse_usage_with, b'{"code":"refused"}'
            if not self.keep_events:
                self.event_ids.update(_EVENT_ID.findall(body))
                self._close_raw(json.loads(body[: body.index(b',"events"')] + b"}")["closed"])
                return 200, b'{"taken":0,"known":0}'
            return 200, self._take(UsageBatch.model_validate_json(body)).model_dump_json().encode()
        if path.startswith("/internal/gateways/") and path.endswith("/recovered"):
            self._recover(path.split("/")[3], Recovered.model_validate_json(body).life)
            return 200, b"{}"
        return 404, b"{}"

    async def _introspect(self, request: IntrospectRequest) -> tuple[int, bytes]:
        self.introspections += 1
        grant = self.grants.get(request.key) or KeyGrant(active=False)
        await self.introspect_gate.wait()
        return 200, grant.model_dump_json().encode()

    # Counting.

    def _left(self, counter: Counter) -> int:
        limit = counter.limit
        if counter.is_bucket:
            now = time.monotonic()
            size, seconds = float(limit.burst or limit.cap), _SECONDS[limit.window]
            counter.level = min(size, counter.level + (now - counter.filled_at) * limit.cap / seconds)
            counter.filled_at = now
            return int(counter.level)
        open_leases = (self.leases[lease] for lease in counter.leases)
        return limit.cap - counter.closed_spent - sum(max(lease.granted, lease.spent) for lease in open_leases)

    def _spent(self, counter: Counter) -> int:
        return counter.closed_spent + sum(self.leases[lease].spent for lease in counter.leases)

    def _lend(self, batch: LeaseBatch) -> LeaseBatchAnswer:
        self.lease_batches += 1
        lost = [
            key
            for key, lease in self.leases.items()
            if (lease.gateway, lease.life) == (batch.gateway, batch.life) and lease.batch in batch.abandoned
        ]
        self._close_raw(lost)
        return LeaseBatchAnswer(answers=[self._lend_one(batch, request.wants) for request in batch.requests])

    def _lend_one(self, batch: LeaseBatch, wants: list[LeaseWant]) -> LeaseAnswer:
        for want in wants:
            counter = self.counters[want.scope]
            left = self._left(counter)
            if left < want.least:
                denial = LeaseDenial(
                    scope=want.scope,
                    cap=counter.limit.cap,
                    left=max(0, left),
                    reset_ms=self._reset_ms(counter, want.least),
                    may_return=not counter.is_bucket and self._spent(counter) + want.least <= counter.limit.cap,
                )
                return LeaseAnswer(denied=denial)
        return LeaseAnswer(grants=[self._grant(batch, want) for want in wants])

    def _reset_ms(self, counter: Counter, need: int) -> int:
        if not counter.is_bucket:
            return 1_000 if self._spent(counter) + need <= counter.limit.cap else 60_000
        missing = max(0.0, need - counter.level)
        return int(missing * _SECONDS[counter.limit.window] * 1000 / max(1, counter.limit.cap)) + 1

    def _grant(self, batch: LeaseBatch, want: LeaseWant) -> LeaseGrant:
        counter = self.counters[want.scope]
        left = max(0, self._left(counter))
        share = left // 2 if want.least else left  # see `mercato.metering.slice_units`
        granted = min(max(want.most, want.least), max(want.least, share))
        lease_id = new_id(ids.LEASE)
        if counter.is_bucket:
            counter.level -= granted
        if granted:
            self.leases[lease_id] = Lease(want.scope, batch.gateway, batch.life, granted, batch.batch)
            counter.leases.append(lease_id)
        expires = self.now_ms() + (self.bucket_lease_ms if counter.is_bucket else self.lease_ms)
        return LeaseGrant(
            lease=lease_id, scope=want.scope, granted=granted, expires_at_ms=expires, cap=counter.limit.cap,
            left=left - granted, reset_ms=self._reset_ms(counter, 1),
        )  # fmt: skip

    def _take(self, batch: UsageBatch) -> UsageReceipt:
        known = 0
        for event in batch.events:
            if event.id in self.events:
                known += 1
                continue
            self.events[event.id] = event
            for lease_id, units in event.spends:
                lease = self.leases[lease_id]
                lease.spent += units
                if lease.spent > lease.granted or lease.closed:
                    self.overspent.append(event)
        self.known_again += known
        self._close_raw(batch.closed)
        return UsageReceipt(taken=len(batch.events) - known, known=known)

    def _close_raw(self, lease_ids: list[str]) -> None:
        for lease_id in lease_ids:
            lease = self.leases[lease_id]
            if not lease.closed:
                lease.closed = True
                counter = self.counters[lease.scope]
                counter.leases.remove(lease_id)
                counter.closed_spent += lease.spent if self.keep_events else lease.granted

    def _recover(self, gateway: str, life: str) -> None:
        self.recovered.append((gateway, life))
        self._close_raw([key for key, lease in self.leases.items() if lease.gateway == gateway and lease.life != life])


def a_grant(**changes: Any) -> KeyGrant:
    """An active grant that may call."""
    return KeyGrant(**({"active": True, "consumer_id": new_id(ids.ORGANISATION), "scopes": ["call"]} | changes))
