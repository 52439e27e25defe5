"""Slow and many connections: they hold up nobody, and are closed."""

import asyncio

import httpx

from tests.fakes.gateway_process import MakeShop, StartGateway
from tests.gateway.test_http import exchange
from tests.support.waiting import until


async def test_many_slow_connections_hold_up_nobody_and_are_closed(shop: MakeShop, start_gateway: StartGateway) -> None:
    place = shop()
    gateway = await start_gateway(header_timeout=2, body_timeout=2)
    before = gateway.rss_mb()
    slow = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(600)]
    for number, (_, writer) in enumerate(slow):
        start = b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\n"
        writer.write(start if number % 2 else start + b"content-length: 1000\r\n\r\n{")

    async def drip(writer: asyncio.StreamWriter) -> None:
        while not writer.is_closing():
            writer.write(b"x" if writer is slow[0][1] else b"x: y\r\n")
            await asyncio.sleep(0.3)

    drips = [asyncio.create_task(drip(slow[place][1])) for place in (0, 1)]
    async with gateway.client(place.key) as client:
        for _ in range(20):
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    async with asyncio.timeout(60):
        ended = await asyncio.gather(*(reader.read() for reader, _ in slow))
    assert all(got.startswith(b"HTTP/1.1 408") for got in ended)
    for task in drips:
        task.cancel()
    for _, writer in slow:
        writer.close()
    assert gateway.rss_mb() - before < 30


async def test_connections_beyond_the_limit_are_told_and_closed(shop: MakeShop, start_gateway: StartGateway) -> None:
    place = shop()
    gateway = await start_gateway(max_connections=20)
    held = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(20)]
    got = await exchange(gateway, b"")
    assert got.startswith(b"HTTP/1.1 503")
    assert b"retry-after: 1" in got
    for _, writer in held:
        writer.close()

    async def served() -> bool:
        async with gateway.client(place.key) as client:
            return (await client.post("/v1/embeddings", json=place.body())).status_code == 200

    await until(served)


async def test_an_address_with_many_connections_makes_room_for_the_others(
    shop: MakeShop, start_gateway: StartGateway
) -> None:
    place = shop()
    gateway = await start_gateway(max_connections=40)
    async with gateway.client(place.key) as inside:
        assert (await inside.post("/v1/embeddings", json=place.body())).status_code == 200
    held = [await asyncio.open_connection("127.0.0.1", gateway.port) for _ in range(40)]
    for _, writer in held[20:]:
        writer.write(b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-le")
    assert (await exchange(gateway, b"")).startswith(b"HTTP/1.1 503"), "the address itself gets no more"
    for number in range(2, 12):
        transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{number}")
        async with gateway.client(place.key, transport=transport) as other:
            for _ in range(3):
                assert (await other.post("/v1/embeddings", json=place.body())).status_code == 200
    ended = [reader.at_eof() for reader, _ in held]
    assert 0 < sum(ended) < 40
    for _, writer in held:
        writer.close()
