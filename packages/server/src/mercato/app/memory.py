"""How this process gives memory back to the operating system."""

import ctypes
import os

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
