"""A deployment whose connections are all taken: who waits too long gets a reason, and nobody is blamed for it."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import httpx
import pytest

from mercato_contracts.dataplane import SnapshotService
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, StartGateway
from tests.fakes.marketplace import a_deployment, a_limit, a_plan, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import STREAM_HEAD, Received, Upstream, answer, chunk
from tests.support.waiting import until

CHAT = {"model": "acme/chat", "messages": [{"role": "user", "content": "hello"}], "stream": True}
WAITING_EACH = 16
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\ndata: [DONE]\n\n'


@dataclass
class Holding:
    """An upstream that goes on streaming to everybody until `gate` is set."""

    upstream: Upstream
    gate: asyncio.Event

    async def __call__(self, request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD)
        while not self.gate.is_set():
            writer.write(chunk(b'data: {"choices":[{"delta":{"content":"word"}}]}\n\n'))
            await writer.drain()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await self.gate.wait()
        writer.write(chunk(USAGE) + b"0\r\n\r\n")


@pytest.fixture
def holding(upstream: Upstream) -> Iterator[Holding]:
    script = Holding(upstream, asyncio.Event())
    upstream.script = script
    yield script
    script.gate.set()


def chat_service(
    control: ControlPlane, *urls: str, name: str = "acme/chat", fallbacks: tuple[str, ...] = (), **deployment: int
) -> SnapshotService:
    places = [a_deployment(f"{url}/v1", max_connections=1, **deployment) for url in urls]
    plan = a_plan(per_call_nanos=5, fallbacks=list(fallbacks))
    service = a_service(name, [a_release("1.0.0", places)], plans=[plan])
    control.put_service(service)
    return service


async def held(client: httpx.AsyncClient, upstream: Upstream, count: int) -> list[asyncio.Task[httpx.Response]]:
    """So many calls that the upstream is at work on."""
    tasks = []
    for number in range(count):
        tasks.append(asyncio.create_task(client.post("/v1/chat/completions", json=CHAT)))
        await until(partial(_has, upstream, number + 1))
    return tasks


def _has(upstream: Upstream, count: int) -> bool:
    return len(upstream.received) == count


def patient(gateway: GatewayProcess, key: str) -> httpx.AsyncClient:
    return gateway.client(key, limits=httpx.Limits(max_connections=200))


async def refused_as_busy(calls: list[httpx.Response]) -> None:
    assert Counter((each.status_code, each.json()["error"]["code"]) for each in calls) == {(503, "busy"): len(calls)}
    assert all(int(each.headers["retry-after"]) >= 1 for each in calls)


async def test_a_call_that_only_waited_is_no_usage_holds_nothing_and_blames_nobody(
    control: ControlPlane, upstream: Upstream, holding: Holding, start_gateway: StartGateway
) -> None:
    service = chat_service(control, upstream.url, upstream.url, timeout_ms=3_000)
    requests, slots = (
        a_limit("subscription", "requests", "month", 14),
        a_limit("subscription", "concurrent", "ever", 14),
    )
    key = a_subscriber(control, subscribe(service, requests, slots))
    gateway = await start_gateway()
    async with patient(gateway, key) as client:
        # Both deployments are chosen in the end: a second call to the one that is taken would wait, and be refused.
        tasks: list[asyncio.Task[httpx.Response]] = []
        while len(upstream.received) < 2:
            tasks.append(asyncio.create_task(client.post("/v1/chat/completions", json=CHAT)))
            await until(_ended_or(tasks[-1], upstream))
        waited = await asyncio.gather(*(client.post("/v1/chat/completions", json=CHAT) for _ in range(12)))
        await refused_as_busy(waited)
        assert await gateway.metric("mercato_gateway_deployments_ejected") == 0
        assert await gateway.metric('mercato_gateway_refused_total{code="busy"}') >= 12
        holding.gate.set()
        answers = Counter(each.status_code for each in await asyncio.gather(*tasks))
        assert answers[200] == 2
        assert set(answers) <= {200, 503}
        # Everything that was held is free: as many as the quota has left are answered, all at once.
        again = await asyncio.gather(*(client.post("/v1/chat/completions", json=CHAT) for _ in range(12)))
    assert Counter(each.status_code for each in again) == {200: 12}
    await until(lambda: control.spent(requests.scope) == 14)
    assert Counter(event.status for event in control.events.values()) == {200: 14}


def _ended_or(task: asyncio.Task[httpx.Response], upstream: Upstream) -> Callable[[], bool]:
    before = len(upstream.received)
    return lambda: task.done() or len(upstream.received) > before


async def test_more_than_may_wait_are_refused_at_once_and_those_who_wait_are_served(
    control: ControlPlane, upstream: Upstream, holding: Holding, start_gateway: StartGateway
) -> None:
    service = chat_service(control, upstream.url)
    gateway = await start_gateway()
    async with patient(gateway, a_subscriber(control, subscribe(service))) as client:
        first = await held(client, upstream, 1)
        more = [asyncio.create_task(client.post("/v1/chat/completions", json=CHAT)) for _ in range(WAITING_EACH + 9)]
        await until(lambda: sum(task.done() for task in more) == 9)
        await refused_as_busy([task.result() for task in more if task.done()])
        # Whoever gives up makes room for another.
        gone = next(task for task in more if not task.done())
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)

        async def noticed() -> bool:
            return await gateway.metric("mercato_gateway_client_left_total") == 1

        await until(noticed)
        late = [asyncio.create_task(client.post("/v1/chat/completions", json=CHAT)) for _ in range(2)]
        await until(lambda: any(task.done() for task in late))
        holding.gate.set()
        answers = await asyncio.gather(*first, *(task for task in more if task is not gone), *late)
    assert Counter(each.status_code for each in answers) == {200: 1 + WAITING_EACH, 503: 9 + 1}
    await until(lambda: len(control.events) == 1 + WAITING_EACH)
    assert {event.status for event in control.events.values()} == {200}


async def test_a_fallback_takes_the_call_that_may_not_even_wait(
    control: ControlPlane, upstream: Upstream, holding: Holding, start_gateway: StartGateway
) -> None:
    free = Upstream()
    await free.start()

    async def answered(request: Received, reader: object, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(200, b'{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}'))

    free.script = answered
    service = chat_service(control, upstream.url, fallbacks=("umbrella/free",))
    other = chat_service(control, free.url, name="umbrella/free")
    gateway = await start_gateway()
    async with patient(gateway, a_subscriber(control, subscribe(service), subscribe(other))) as client:
        tasks = await held(client, upstream, 1)
        tasks += [asyncio.create_task(client.post("/v1/chat/completions", json=CHAT)) for _ in range(WAITING_EACH + 1)]
        (taken,) = await until(lambda: [task.result() for task in tasks if task.done()])
        assert (taken.status_code, len(free.received)) == (200, 1)
        holding.gate.set()
        assert {each.status_code for each in await asyncio.gather(*tasks)} == {200}
    await until(lambda: len(control.events) == WAITING_EACH + 2)
    assert Counter(event.service_id for event in control.events.values()) == {service.id: WAITING_EACH + 1, other.id: 1}
    await free.stop()
