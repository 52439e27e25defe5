"""What a call holds comes back whichever way the call ends, and only once."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from mercato_gateway.catalog import Deployment, Release
from mercato_gateway.control import ControlClient
from mercato_gateway.held import Held
from mercato_gateway.leases import Leases
from mercato_gateway.settle import new_life
from mercato_gateway.spool import EVENT, Spool
from mercato_gateway.topup import TopUp
from mercato_gateway.upstream import Connector, Pool
from mercato_gateway.wall import Wall
from mercato_gateway.wire import SnapshotDeployment, SnapshotRelease


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path, new_life(), max_bytes=1 << 20, sync_each=False, on_trouble=lambda reason: None)
    yield made
    made.close()


def a_deployment() -> Deployment:
    wire = SnapshotDeployment("dep_1", "http://127.0.0.1:1/v1")
    connector = Connector(asyncio.get_running_loop(), allow_private=True, timeout=1)
    return Deployment(wire, Release(SnapshotRelease("rel_1", "1.0.0", "live", [], [wire])), Pool(wire, connector))


def rooms(spool: Spool) -> int:
    """How many more calls the spool admits; leaves it as it was."""
    count = 0
    while spool.reserve():
        count += 1
    spool.retry()
    for _ in range(count):
        spool.unreserve()
    return count


class Asking:
    """A call that asked for more."""

    def more_arrived(self) -> None:
        raise AssertionError("a call that ended is not called back")


async def test_all_of_it_comes_back_once_however_often_it_is_released(spool: Spool) -> None:
    loop, deployment = asyncio.get_running_loop(), a_deployment()
    leases = Leases(loop, ControlClient(loop, "http://127.0.0.1:1", ""), spool, "gateway", Wall())
    before = rooms(spool)
    held = Held(spool)
    assert held.reserve_room()
    held.enter(deployment)
    top_up = held.top_up = TopUp(leases, Asking(), loop.time())
    assert rooms(spool) == before - 1
    assert deployment.inflight == 1
    for _ in range(3):
        held.release()
        assert rooms(spool) == before
        assert deployment.inflight == 0
        assert top_up.done
    top_up.leases_arrived()


async def test_what_was_used_up_does_not_come_back(spool: Spool) -> None:
    held, deployment, before = Held(spool), a_deployment(), rooms(spool)
    assert held.reserve_room()
    held.enter(deployment)
    held.append_event(b"{}" * 1000, 0, crc32(EVENT))
    held.leave()
    after = rooms(spool)
    assert after < before
    held.release()
    assert rooms(spool) == after
    assert deployment.inflight == 0


async def test_a_second_attempt_takes_one_place_and_gives_back_one(spool: Spool) -> None:
    held, first, second = Held(spool), a_deployment(), a_deployment()
    held.enter(first)
    held.leave()
    held.leave()
    held.enter(second)
    assert first.inflight == 0
    assert second.inflight == 1
    held.release()
    assert second.inflight == 0


def test_a_call_that_never_got_anything_gives_nothing_back(spool: Spool) -> None:
    before: Any = rooms(spool)
    Held(spool).release()
    assert rooms(spool) == before
