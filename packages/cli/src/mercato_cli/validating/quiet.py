"""Measures a service's times as on an idle machine: time spent waiting for a processor is not counted.

Other programs only ever add to what a clock shows: beside a training even a handler of 5 ms looks too slow.
Linux counts for each thread how long it stood in the run queue; where no system does, the times are the clock's.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path

from mercato_checks.endpoint import Answer, Call, Endpoint


@dataclass(frozen=True, slots=True)
class QuietEndpoint:
    """`endpoint`, served by the process `pid` on this machine."""

    endpoint: Endpoint
    pid: int

    async def call(self, call: Call) -> Answer:
        """The answer; `took_us` without the time that our thread and its threads waited for a processor.

        Of the service's threads the one that waited longest counts: they wait at the same time.
        """
        ours, theirs = _waited_ns(os.getpid()), _waited_ns(self.pid)
        answer = await self.endpoint.call(call)
        waited = _longest(ours, _waited_ns(os.getpid())) + _longest(theirs, _waited_ns(self.pid))
        return replace(answer, took_us=max(0, answer.took_us - waited // 1000))


def _waited_ns(pid: int) -> dict[str, int]:
    """By thread, the nanoseconds in the run queue. Source: Linux, Documentation/scheduler/sched-stats.rst."""
    waited = {}
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            waited[thread.name] = int((thread / "schedstat").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return waited
    return waited


def _longest(before: dict[str, int], after: dict[str, int]) -> int:
    return max((value - before.get(thread, 0) for thread, value in after.items()), default=0)
