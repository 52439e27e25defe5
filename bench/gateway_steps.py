"""What a call costs in our own code alone: its whole path with sockets replaced by memory, in CPU microseconds.

Beside `bench/gateway.py`, which has the kernel in it, this figure moves less on a busy machine. `--profile` shows
where the time goes. `--keys` uses so many keys in turn, of one organisation or, with `--apart`, each of its own.
"""
# ruff: noqa: E402  (the stand-ins of the tests are found only after the path is set)

import argparse
import asyncio
import cProfile
import pstats
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
import uvloop

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

from bench.gateway_control import key_of
from bench.gateway_load import BODY
from bench.gateway_systems import ANSWER
from mercato_contracts import ids, keys
from mercato_gateway import wire
from mercato_gateway.authenticate import Grant, _blake2b
from mercato_gateway.connection import UpstreamConnection
from mercato_gateway.gateway import Gateway
from mercato_gateway.server import ClientConnection
from mercato_gateway.settings import Settings
from mercato_gateway.worker import build, calm_collector
from tests.fakes.control_plane import a_grant, new_id
from tests.fakes.marketplace import a_deployment, a_limit, a_plan, a_release, a_service, subscribe

_STRIDE = 7919  # a prime: each key comes once in so many calls as there are keys
RESPONSE = (
    "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Sat, 21 Nov 2026 22:00:00 GMT\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(ANSWER)}\r\nConnection: keep-alive\r\n\r\n{ANSWER}"
).encode()


class Memory(asyncio.Transport):
    """A transport that keeps nothing; `answer` is told of each write."""

    def __init__(self, answer: Any = None) -> None:
        self.sockets = socket.socketpair()  # whoever looks whether anything came finds nothing
        super().__init__({"socket": self.sockets[0]})
        self.answer = answer
        self.written = 0

    def write(self, data: Any) -> None:
        self.written += 1
        if self.answer is not None:
            self.answer(RESPONSE)

    def is_closing(self) -> bool:
        return False

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Nothing is buffered."""


def prepare(
    loop: asyncio.AbstractEventLoop, folder: str, count: int, apart: bool, otlp: str, ratio: float, parents: bool
) -> tuple[Gateway, list[bytes]]:
    """A gateway that knows one service and so many keys, with slices that last; and a request with each key."""
    gateway, _, _ = build(loop, Settings(state=folder, spool_bytes=4 << 30, otlp_url=otlp, trace_ratio=ratio))
    plan = a_plan(per_call_nanos=1000, per_1k_input_nanos=20_000)
    service = a_service("acme/embedder", [a_release("1.0.0", [a_deployment("http://127.0.0.1:9/v1")])], plans=[plan])
    gateway.catalog.put(msgspec.json.decode(service.model_dump_json(), type=wire.SnapshotService))
    gateway.catalog.ready = True
    limits = [a_limit("subscription", "requests", window, 10**12) for window in ("second", "month")]
    budget = a_limit("consumer", "nanos", "month", 10**18)
    grant = a_grant(subscriptions=[subscribe(service, *limits)], limits=[budget])
    made = [key_of(number) for number in range(count)]
    for key in made:
        mine = {"key_id": keys.parse_key(key).key_id} | ({"consumer_id": new_id(ids.ORGANISATION)} if apart else {})
        parsed = msgspec.json.decode(grant.model_copy(update=mine).model_dump_json(), type=wire.KeyGrant)
        known = Grant(parsed, gateway.keys._shared_terms(parsed), time.monotonic() + 3600)
        gateway.keys._known[_blake2b(key.encode(), digest_size=16).digest()] = known
    for limit in (*limits, budget):
        piece = gateway.leases.slice_of(wire.Limit(limit.scope, limit.unit, limit.window, limit.cap))
        far = int(time.time() * 1000) + 3_600_000
        lease = wire.LeaseGrant(new_id("lse"), limit.scope, limit.cap, far, limit.cap, 0, 1000)
        piece.grant(lease, time.monotonic(), int(time.time() * 1000))
    head = "POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1:8080\r\ncontent-type: application/json\r\n"
    if parents:
        head += f"traceparent: 00-{'4b' * 9}{'f' * 14}-00f067aa0ba902b7-01\r\n"
    rest = f"Content-Length: {len(BODY)}\r\n\r\n{BODY}"
    return gateway, [f"{head}authorization: Bearer {key}\r\n{rest}".encode() for key in made]


def connect_upstream(gateway: Gateway, loop: asyncio.AbstractEventLoop) -> UpstreamConnection:
    """A connection in memory that rests in the pool of the only deployment."""
    service = gateway.catalog.find("acme/embedder")
    assert service is not None
    pool = service.release_for("latest").deployments[0].pool
    upstream = UpstreamConnection(pool)
    upstream.connection_made(Memory(upstream.data_received))
    pool._open = 1
    pool._connector.loop = loop
    pool.give_back(upstream)
    return upstream


async def measure(
    calls: int, profile: bool, count: int, apart: bool, otlp: str = "", ratio: float = 0.0, parents: bool = False
) -> float:
    """CPU microseconds a call."""
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        gateway, requests = prepare(loop, folder, count, apart, otlp, ratio, parents)
        client = ClientConnection(gateway)
        client.connection_made(Memory())
        upstream = connect_upstream(gateway, loop)

        def call(number: int) -> None:
            upstream.idle_since = time.monotonic()
            client.data_received(requests[number * _STRIDE % count])
            gateway._end_turn()

        for number in range(4 * count):  # every key has been used
            call(number)
        before = gateway.metrics.calls[200]
        calm_collector()
        profiler = cProfile.Profile()
        best = float("inf")
        for _ in range(5):
            if profile:
                profiler.enable()
            began = time.process_time()
            for number in range(calls):
                call(number)
            best = min(best, (time.process_time() - began) / calls * 1e6)
            profiler.disable()
        assert gateway.metrics.calls == {200: before + 5 * calls}, (gateway.metrics.calls, gateway.metrics.refused)
        if profile:
            pstats.Stats(profiler).sort_stats("tottime").print_stats(35)
        gateway.spool.close()
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--keys", type=int, default=1)
    parser.add_argument("--apart", action="store_true")
    parser.add_argument("--otlp-url", default="")
    parser.add_argument("--trace-ratio", type=float, default=0.01)
    parser.add_argument("--parents", action="store_true", help="each call names a parent")
    arguments = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        tracing = (arguments.otlp_url, arguments.trace_ratio, arguments.parents)
        took = runner.run(measure(arguments.calls, arguments.profile, arguments.keys, arguments.apart, *tracing))
        print(f"{took:.2f} µs of CPU a call, without the kernel")


if __name__ == "__main__":
    main()
