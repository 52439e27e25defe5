"""Slices of limits in the memory of a gateway, over hours that pass at once."""

from pathlib import Path
from typing import Any

import pytest

from mercato_gateway.control import ControlClient
from mercato_gateway.leases import Leases
from mercato_gateway.settle import new_life
from mercato_gateway.spool import Spool
from mercato_gateway.wall import Wall
from mercato_gateway.wire import LeaseGrant, Limit


class Hours:
    """What is used of an event loop, with a clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Any, *arguments: Any) -> None:
        """Nobody is asked for more."""


@pytest.fixture
def hours() -> Hours:
    return Hours()


@pytest.fixture
def leases(hours: Hours, tmp_path: Path) -> Leases:
    loop: Any = hours
    spool = Spool(tmp_path, new_life(), max_bytes=16 << 20, sync_each=False, on_trouble=lambda reason: None)
    control = ControlClient(loop, "http://127.0.0.1:1", "")
    return Leases(loop, control, spool, "gateway", Wall())


@pytest.mark.parametrize(("unit", "window"), [("concurrent", "ever"), ("requests", "day")])
def test_a_slice_in_use_is_never_forgotten(leases: Leases, hours: Hours, unit: Any, window: Any) -> None:
    limit = Limit("key:a:b:c", unit, window, 1000)
    slice_ = leases.slice_of(limit)
    for _ in range(4000):
        if not slice_.leases:
            until = int(hours.now * 1000) + 30_000
            slice_.grant(
                LeaseGrant("lease", limit.scope, 8, until, 1000, 992, 60_000), hours.now, int(hours.now * 1000)
            )
        taken: list[Any] = []
        assert slice_.take(1, hours.now, taken)
        for part, lease, units in taken:
            leases.settle(part, lease, units, 0)
        hours.now += 0.5
        leases.sweep(hours.now, 0.5)
        assert not any(lease.expires <= hours.now for lease in slice_.leases), "nobody closes its leases"
    assert leases.slice_of(limit) is slice_


def test_a_slice_outlives_what_was_compiled_with_it_and_is_forgotten_at_last(leases: Leases, hours: Hours) -> None:
    limit = Limit("key:a:b:c", "requests", "day", 1000)
    slice_ = leases.slice_of(limit)
    for _ in range(3):
        hours.now += 390
        leases.sweep(hours.now, 0.5)
        assert leases.slice_of(limit) is slice_  # a lane is compiled
    hours.now += 401
    leases.sweep(hours.now, 0.5)
    assert leases.slice_of(limit) is not slice_
