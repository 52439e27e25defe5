"""Waiting in tests: for a condition, never for a time. The limit is for a machine that is far busier than this one."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

Found = TypeVar("Found")

SECONDS = 600.0
"""No wait of a test is longer; a busy machine is no failure."""


async def until(condition: Callable[[], Any], seconds: float = SECONDS, *, what: str = "") -> Any:
    """Polls until the condition, which may be awaited, is true, and returns its value. Fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what or 'the condition'}"
        await asyncio.sleep(0.02)


def eventually(
    condition: Callable[[], Found], what: str = "", seconds: float = SECONDS, *, every: float = 0.05
) -> Found:
    """`until` for tests that await nothing."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what or 'the condition'} (last: {found!r})"
        time.sleep(every)
    return found
