"""What a process that stays does to hold little memory, and to spend little time on looking for what it can free."""

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # glibc's malloc.h
_LARGE_BYTES = 1024 * 1024
_SPARE_BYTES = 256 * 1024
_ARENAS = 2


def return_memory_early() -> None:
    """Give large blocks back as soon as they are freed. Called first thing in a process that stays.

    Hashing a password takes 19 MB for a moment. By default glibc learns from the first such block that blocks of this
    size are common: it then serves them from the heap, one heap for each thread, and keeps up to 38 MB of each heap.
    Fixed thresholds switch that learning off. `MALLOC_…` in the environment decides instead; other C libraries have no
    such switch.
    """
    if any(name.startswith("MALLOC_") for name in os.environ):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
    mallopt(_M_TRIM_THRESHOLD, _SPARE_BYTES)
    mallopt(_M_ARENA_MAX, _ARENAS)


def leave_out_rich() -> None:
    """Called before structlog is imported, which draws tracebacks with rich where that is installed: 4 MB and 75 ms.

    Our log lines are JSON. For a program of our own only: nothing else in this process can import rich.
    """
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]


@contextmanager
def collector_paused() -> Iterator[None]:
    """For the imports of a process that stays: nothing of them is garbage, and to look for it takes an eighth of their
    time.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def calm_collector() -> None:
    """Called when a process is ready: what it has imported and built is never garbage.

    A full collection walks through all of it, half a million objects or more, while every request waits; and by
    default the garbage of some hundred requests brings one about.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
