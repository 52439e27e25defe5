"""How calls, usage and searches grow with processes: one, two and four of each role on this machine.

    python -m bench.scale [--processes 1,2,4] [--seconds 10]

For each number a marketplace of its own runs: PostgreSQL, so many control planes (each with all roles and a search
index), workers and gateway processes. Clients, and the vendor whose answers are passed on, run on the same cores, so
calls a second are what all of them together reach. **CPU time of each role per call, event and search** is what can be
carried to other machines; `docs/scale.md` does.

* calls: a plain service, keys known, a quota, a budget and a price on each call;
* events: the control planes are stopped, gateways fill their spools, and the time until all is taken in is measured
  once the control planes are back;
* searches: other words each time, so that no answer comes from memory.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import re
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

import httpx

from bench.discovery import show
from bench.discovery_rows import Row
from bench.idle import read_processes, read_usage
from tests.e2e.cluster import Fleet
from tests.e2e.conftest import MILLION_A_DAY, PER_CALL, Consumer, new_member, new_vendor
from tests.e2e.parties import greeting_offer
from tests.e2e.processes import until
from tests.support.running import open_folder

RESULTS = Path(__file__).parent / "results" / "scale.json"
_CLIENTS = 16
_WORDS = [
    "translate",
    "summarise",
    "classify",
    "greet",
    "embed",
    "detect",
    "forecast",
    "rank",
    "text",
    "image",
    "speech",
    "price",
    "words",
    "language",
]


@dataclass(frozen=True, slots=True)
class Work:
    """What was done, in how long, and the CPU seconds of each role meanwhile."""

    done: int
    seconds: float
    cpu: dict[str, float]

    def rows(self, name: str, processes: int) -> list[Row]:
        each = max(1, self.done)
        rows = [Row(f"{name}.per_second.{processes}", self.done / self.seconds, "/s", "higher")]
        return rows + [
            Row(f"{name}.cpu_us.{role}.{processes}", 1e6 * spent / each, "µs")
            for role, spent in sorted(self.cpu.items())
        ]


class Meter:
    """CPU time and memory of a fleet's processes, by role."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def roots(self) -> Iterable[tuple[str, int]]:
        for part in (*self._fleet.controls, *self._fleet.workers, *self._fleet.gateways):
            if part.is_alive:
                yield part.name.partition("-")[0], part.pid
        if self._fleet.postgres.pid is not None:
            yield "postgresql", self._fleet.postgres.pid

    def read(self) -> dict[str, tuple[float, float]]:
        """CPU seconds so far and MB now."""
        children: dict[int, list[int]] = defaultdict(list)
        for pid, (parent, _) in read_processes().items():
            children[parent].append(pid)
        found: dict[str, tuple[float, float]] = {}
        for role, root in self.roots():
            waiting = [root]
            while waiting:
                pid = waiting.pop()
                waiting += children[pid]
                try:
                    usage = read_usage(pid)
                except (OSError, StopIteration):
                    continue  # it has just ended
                cpu, memory = found.get(role, (0.0, 0.0))
                found[role] = cpu + usage.cpu_s, memory + usage.pss_mb
        return found

    def spent_since(self, before: dict[str, tuple[float, float]]) -> dict[str, float]:
        after = self.read()
        return {role: max(0.0, cpu - before.get(role, (0.0, 0.0))[0]) for role, (cpu, _) in after.items()}


async def _search_for(seconds: float, urls: list[str]) -> int:
    """How many answers clients got that search without end, each at one of the addresses."""
    over, done = time.monotonic() + seconds, 0

    async def ask(http: httpx.AsyncClient, url: str) -> None:
        nonlocal done
        while time.monotonic() < over:
            words = " ".join(random.sample(_WORDS, 3))
            # One address may ask a hundred times a minute: each search comes from another one.
            somebody = {"x-forwarded-for": str(IPv4Address(random.randrange(0x0A000000, 0x0AFFFFFF)))}
            query = {"q": f"{words} {random.randrange(10**6)}"}
            (await http.get(url, params=query, headers=somebody)).raise_for_status()
            done += 1

    async with httpx.AsyncClient(timeout=60) as http:
        await asyncio.gather(*(ask(http, urls[place % len(urls)]) for place in range(_CLIENTS)))
    return done


def call_for(seconds: float, urls: list[str], consumer: Consumer) -> int:
    """How many calls were answered: `wrk` at each of the addresses, as fast as it goes."""
    words = ["wrk", "-t1", f"-c{_CLIENTS}", f"-d{max(1, round(seconds))}s", "--timeout", "20s"]
    asking = [
        subprocess.Popen(
            [*words, "-H", f"authorization: Bearer {consumer.key}", url], stdout=subprocess.PIPE, text=True
        )
        for url in urls
    ]
    told = [each.communicate()[0] for each in asking]
    refused = sum(int(found) for text in told for found in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
    return sum(int(found) for text in told for found in re.findall(r"(\d+) requests in", text)) - refused


def timed(meter: Meter, work: Callable[[], int]) -> Work:
    """What some work gives, and costs."""
    before, began = meter.read(), time.monotonic()
    done = work()
    return Work(done, time.monotonic() - began, meter.spent_since(before))


def take_in(fleet: Fleet, meter: Meter, consumer: Consumer, seconds: float, urls: list[str]) -> Work:
    """Usage that waits in the gateways' spools: from the first of it that is taken in to the last."""
    for control in fleet.controls:
        control.stop()
    done = call_for(seconds, urls, consumer)
    counted = fleet.count_events()
    for control in fleet.controls:
        control.begin()
    until(lambda: fleet.count_events() > counted, 300, every=0.01, what="usage is taken in")
    first, before, began = fleet.count_events(), meter.read(), time.monotonic()
    until(lambda: fleet.count_events() >= counted + done, 600, every=0.05, what="all usage is taken in")
    return Work(counted + done - first, time.monotonic() - began, meter.spent_since(before))


def measure(processes: int, seconds: float) -> list[Row]:
    """All rows for so many processes of each role."""
    with open_folder() as folder:
        fleet = Fleet(folder, replicas=processes, trusted_proxies="127.0.0.1/32")
        try:
            fleet.start()
            return _measure(fleet, processes, seconds)
        finally:
            fleet.stop()


def _measure(fleet: Fleet, processes: int, seconds: float) -> list[Row]:
    service = new_vendor(fleet).publish(greeting_offer("greeter", fleet.vendor_url, [PER_CALL, MILLION_A_DAY]))
    member = new_member(fleet, "consumer")
    member.subscribe(service, "per-call")
    member.set_budget("nanos", "month", 10**18)
    consumer = Consumer(member, member.make_key())
    until(lambda: min(gateway.routes() for gateway in fleet.gateways) >= 1, what="the gateways know the service")
    meter = Meter(fleet)
    calls = [f"{gateway.url}/s/{service}/greeting" for gateway in fleet.gateways]
    searches = [f"{control.url}/api/search" for control in fleet.controls]
    call_for(1, calls, consumer)
    asyncio.run(_search_for(2, searches))  # models and caches are warm
    rows = timed(meter, lambda: call_for(seconds, calls, consumer)).rows("calls", processes)
    until(fleet.is_shipped, 300, every=0.2, what="all usage is taken in before others are measured")
    rows += timed(meter, lambda: asyncio.run(_search_for(seconds, searches))).rows("searches", processes)
    memory = meter.read()
    rows += [
        Row(f"memory_mb.{role}.{processes}", mb / (1 if role == "postgresql" else processes), "MB")
        for role, (_, mb) in sorted(memory.items())
    ]
    rows += take_in(fleet, meter, consumer, seconds, calls).rows("events", processes)
    rows.append(Row(f"events.stored_bytes.{processes}", fleet.bytes_per_event(), "B"))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--processes", default="1,2,4")
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    rows: list[Row] = []
    for processes in map(int, arguments.processes.split(",")):
        found = measure(processes, arguments.seconds)
        show(found)
        rows += found
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    load_average = [round(each, 1) for each in os.getloadavg()]
    facts = {"machine": machine, "load_average": load_average, "rows": [row.to_facts() for row in rows]}
    RESULTS.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
