"""The spool: nothing answered is lost, nothing is counted twice, and a full disk stops calls before it stops usage."""

import asyncio
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato_gateway.settle import new_life
from mercato_gateway.spool import CLOSED, EVENT, Spool, SpoolLocked, frame, read_records, segments_in
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import GatewayProcess, MakeShop, Shop, StartGateway
from tests.support.waiting import until


def records(data: bytes) -> list[bytes]:
    return [payload for payload, _ in read_records(data)]


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=20), st.integers(min_value=0, max_value=60))
def test_what_was_written_whole_is_read_whatever_was_torn_behind_it(payloads: list[bytes], cut: int) -> None:
    data = b"".join(map(frame, payloads))
    torn = data[: max(0, len(data) - cut)]
    read = records(torn)
    assert read == payloads[: len(read)]
    assert sum(len(frame(payload)) for payload in payloads[: len(read) + 1]) > len(torn) or len(read) == len(payloads)
    assert records(torn + bytes(100))[: len(read)] == read


def check_damaged(payloads: list[bytes], place: int, put: bytes, drop: int) -> None:
    """Damage anywhere: what is read are the records before it, as they were written, and never one that was not."""
    data = b"".join(map(frame, payloads)) + bytes(40)
    place %= len(data)
    damaged = data[:place] + put + data[place + drop :]
    whole = 0
    while len(b"".join(map(frame, payloads[: whole + 1]))) <= place and whole < len(payloads):
        whole += 1
    read = records(damaged)
    assert read[:whole] == payloads[:whole]
    for payload in read[whole:]:
        assert frame(payload) in damaged


_DAMAGE = {
    "payloads": st.lists(st.binary(min_size=1, max_size=80), max_size=8),
    "place": st.integers(min_value=0, max_value=2_000),
    "put": st.binary(max_size=12),
    "drop": st.integers(min_value=0, max_value=20),
}


@settings(max_examples=300, derandomize=True, deadline=None)
@given(**_DAMAGE)
def test_damage_anywhere_hides_no_record_before_it_and_makes_up_none(
    payloads: list[bytes], place: int, put: bytes, drop: int
) -> None:
    check_damaged(payloads, place, put, drop)


@pytest.mark.slow
@settings(max_examples=50_000, deadline=None)
@given(**_DAMAGE)
def test_damage_anywhere_hides_no_record_before_it_and_makes_up_none_for_long(
    payloads: list[bytes], place: int, put: bytes, drop: int
) -> None:
    check_damaged(payloads, place, put, drop)


@given(st.binary(max_size=500))
def test_the_reader_never_breaks_on_noise(noise: bytes) -> None:
    for payload, after in read_records(noise):
        assert frame(payload) in noise[:after]


def make_spool(folder: Path, max_bytes: int = 64 << 20) -> Spool:
    return Spool(folder, new_life(), max_bytes=max_bytes, sync_each=False, on_trouble=lambda reason: None)


def test_a_spool_belongs_to_one_process(tmp_path: Path) -> None:
    first = make_spool(tmp_path)
    with pytest.raises(SpoolLocked, match="another --state"):
        make_spool(tmp_path)
    first.close()
    make_spool(tmp_path).close()


def test_refuses_beyond_its_size_and_keeps_room_for_what_was_admitted(tmp_path: Path) -> None:
    spool = make_spool(tmp_path, max_bytes=1 << 20)
    admitted = 0
    while spool.reserve():
        admitted += 1
    assert admitted > 100
    for _ in range(admitted):
        spool.append_event(b"x" * 1900)
    spool.flush()
    assert spool.unwritten == 0
    read = sum(len(records((tmp_path / str(name)).read_bytes())) for name in segments_in(tmp_path))
    assert read == admitted
    spool.close()


@given(st.lists(st.integers(min_value=1, max_value=1900), max_size=60))
def test_what_is_flushed_together_is_read_in_its_order(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("spool")
    spool = make_spool(folder, max_bytes=2 << 20)
    waiting: list[int] = []
    spool.on_waiting = lambda: waiting.append(1)
    for number, size in enumerate(sizes):
        assert spool.reserve()
        spool.append_event(b"%d " % number + b"x" * size)
        if number % 7 == 6:
            spool.flush()
    spool.close()
    read = [payload for name in segments_in(folder) for payload in records((folder / str(name)).read_bytes())]
    assert [int(payload[1:].split()[0]) for payload in read] == list(range(len(sizes)))
    assert len(waiting) == -(-len(sizes) // 7), "told once for each flush"


def test_a_lease_is_closed_behind_the_event_that_spends_the_last_of_it(tmp_path: Path) -> None:
    """So no batch, wherever it ends, closes a lease whose events come with the next one."""
    spool = make_spool(tmp_path, max_bytes=2 << 20)
    for number in range(30):
        assert spool.reserve()
        spool.append_closed(f"lease_{number}")  # a call settles its hold before its event is written
        spool.append_event(b"%d" % number)
        if number % 4 == 3:
            spool.flush()
    spool.close()
    read = [payload for name in segments_in(tmp_path) for payload in records((tmp_path / str(name)).read_bytes())]
    for number in range(30):
        assert read.index(EVENT + b"%d" % number) < read.index(CLOSED + b"lease_%d" % number)
    assert len(read) == 60


async def load(gateway: GatewayProcess, shop: Shop, answered: set[str], stop: asyncio.Event) -> None:
    async with gateway.client(shop.key) as client:
        while not stop.is_set():
            try:
                answer = await client.post("/v1/embeddings", json=shop.body())
            except httpx.HTTPError:
                continue
            if answer.status_code == 200:
                answered.add(answer.headers["x-request-id"])


async def some_more(answered: set[str]) -> None:
    """Waits for a random number of further answers."""
    seen = len(answered)
    await until(lambda: len(answered) > seen + random.randint(20, 60))


async def test_kill_9_under_load_loses_no_answered_call_and_counts_none_twice(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    answered: set[str] = set()
    stop = asyncio.Event()
    clients = [asyncio.create_task(load(gateway, place, answered, stop)) for _ in range(8)]
    for _ in range(5):
        await some_more(answered)
        await gateway.kill()
        await gateway.start()
    stop.set()
    await asyncio.gather(*clients)
    await until(lambda: answered <= {event.request_id for event in control.events.values()})
    requests = [event.request_id for event in control.events.values()]
    assert len(requests) == len(set(requests))
    assert len({life for _, life in control.recovered}) == 6


async def test_usage_waits_while_the_control_plane_is_away_and_arrives_after(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
        await control.stop()
        for _ in range(20):
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    await gateway.kill()
    await control.start()
    await gateway.start()
    await until(lambda: len(control.events) == 21)


async def test_a_torn_last_record_is_passed_over(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    await control.stop()
    await control.start()
    async with gateway.client(place.key) as client:
        control.refuse_usage_with = 500
        for _ in range(3):
            assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
    await gateway.kill()
    folder = gateway.state / "worker-0"
    path = folder / str(segments_in(folder)[0])
    data = path.read_bytes()
    end = list(read_records(data))[-1][1]
    with path.open("r+b") as file:
        file.seek(end)
        file.write(frame(b"E" + b"torn" * 50)[:60])
    control.refuse_usage_with = None
    await gateway.start()
    await until(lambda: len(control.events) == 3)
    await until(lambda: gateway.events("spool_segment_torn"))


async def test_what_the_control_plane_never_takes_is_set_aside_and_said_loudly(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    place = shop()
    gateway = await start_gateway()
    control.refuse_usage_with = 422
    async with gateway.client(place.key) as client:
        await client.post("/v1/embeddings", json=place.body())
    await until(lambda: gateway.events("usage_rejected"))
    control.refuse_usage_with = None
    assert await gateway.metric("mercato_gateway_usage_rejected_total") == 1
    kept = next((gateway.state / "worker-0" / "rejected").iterdir()).read_bytes()
    assert b'"id":"use_' in records(kept)[0]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk_refuses_new_calls_and_loses_no_usage(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, small_disk: Path
) -> None:
    place = shop()
    gateway = await start_gateway(state=small_disk / "gateway")
    filler = small_disk / "filler"
    control.refuse_usage_with = 500
    async with gateway.client(place.key) as client:
        assert (await client.post("/v1/embeddings", json=place.body())).status_code == 200
        with filler.open("wb") as file:
            free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
            os.posix_fallocate(file.fileno(), 0, free)
        answered = 1
        # Room in the preallocated segment is used up first; then calls are refused, never their usage lost.
        while (answer := await client.post("/v1/embeddings", json=place.body())).status_code == 200:
            answered += 1
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "usage_spool_full")
        assert (await client.get("/readyz")).status_code == 503
        filler.unlink()
        control.refuse_usage_with = None

        async def served() -> bool:
            nonlocal answered
            done = (await client.post("/v1/embeddings", json=place.body())).status_code == 200
            answered += done
            return done

        await until(served)
    await until(lambda: len(control.events) == answered, 30)
