"""The limits of a check's process, and the error of a check that exceeds them."""

from dataclasses import dataclass
from typing import Literal

Stopped = Literal["cpu", "memory", "deadline", "crash"]
"""Why a check has no result: it passed a limit, or its process died or raised an exception."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of one process. Times in seconds; `memory_bytes` of address space; `nice` as in nice(1)."""

    cpu_seconds: int
    wall_seconds: float
    memory_bytes: int = 2 << 30
    nice: int = 0


QUICK = Limits(cpu_seconds=6, wall_seconds=60, nice=5)
"""For the first try of every text: the largest published documents need two seconds."""

THOROUGH = Limits(cpu_seconds=60, wall_seconds=300, nice=10)
"""For the second try of a text that needs more."""

LIVE = Limits(cpu_seconds=20, wall_seconds=150)
"""For calls of an endpoint; most of the time they wait."""


class CheckStopped(Exception):
    """A check ended without a result. The message never quotes the checked text."""

    def __init__(self, reason: Stopped, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: Stopped = reason
        self.detail = detail
