"""A marketplace that nobody calls: the memory that it holds and the CPU time that it uses.

    python -m bench.idle [--settle 30] [--seconds 60]

`mercato up` runs in a folder of its own. Once it has settled, memory is the sum of the proportional set sizes (PSS, so
that shared pages count once) of all its processes, PostgreSQL's too; CPU time is what they use between two readings of
`/proc/PID/stat`, per minute. The embedding model is not loaded yet: nothing was published or searched.
"""

import argparse
import json
import os
import platform
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench.discovery import show
from bench.discovery_rows import Row
from bench.vendors import marketplace
from mercato.adapters.postgres_embedded import EmbeddedPostgres

RESULTS = Path(__file__).parent / "results" / "idle.json"
MEMORY_BAR_MB = 350.0
CPU_BAR_SECONDS = 1.0
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Usage:
    """One process: its role, its memory (PSS, MB) and the CPU time it has used so far (seconds)."""

    role: str
    pss_mb: float
    cpu_s: float


def read_usage(pid: int) -> Usage:
    """Raises `OSError` where the process has ended."""
    process = Path("/proc") / str(pid)
    words = (process / "cmdline").read_bytes().decode(errors="replace").split("\0")
    fields = (process / "stat").read_text().rpartition(")")[2].split()
    pss = next(line for line in (process / "smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
    return Usage(_role(words), int(pss.split()[1]) / 1024, (int(fields[11]) + int(fields[12])) / _TICKS)


def _role(words: list[str]) -> str:
    if words[0].startswith(("postgres", "/")) and "postgres" in words[0].split()[0]:
        return "postgresql"
    for role in ("control", "worker", "gateway"):
        if role in words:
            return role
    return "up" if "up" in words else "gateway"  # the gateway's workers are forked or spawned by its parent


def read_processes() -> dict[int, tuple[int, list[bytes]]]:
    """Parent and command line of every process of this machine."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                found[int(entry.name)] = parent, (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # it has just ended
    return found


def find_postmaster(folder: Path) -> int:
    """The process id of the marketplace's PostgreSQL."""
    server = EmbeddedPostgres(folder / "state" / "postgres")
    assert server.find_running() is not None
    assert server.pid is not None
    return server.pid


def processes_of(up: int, postmaster: int) -> list[int]:
    """The process ids of `mercato up`, PostgreSQL's first process and all that these two started."""
    children: dict[int, list[int]] = defaultdict(list)
    for pid, (parent, _) in read_processes().items():
        children[parent].append(pid)
    found: list[int] = []
    waiting = [up, postmaster]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found.append(pid)
            waiting += children[pid]
    return found


def read_all(up: int, postmaster: int) -> dict[int, Usage]:
    """Every process of the marketplace now."""
    usages = {}
    for pid in processes_of(up, postmaster):
        try:
            usages[pid] = read_usage(pid)
        except OSError:
            continue  # PostgreSQL's helpers come and go
    return usages


def measure(settle: float, seconds: float) -> list[Row]:
    """The rows: both totals, then each role."""
    with tempfile.TemporaryDirectory() as folder, marketplace(Path(folder)) as (ready, _):
        postmaster = find_postmaster(Path(folder))
        time.sleep(settle)
        before, began = read_all(ready["pid"], postmaster), time.monotonic()
        time.sleep(seconds)
        after, took = read_all(ready["pid"], postmaster), time.monotonic() - began
    memory: dict[str, float] = defaultdict(float)
    cpu: dict[str, float] = defaultdict(float)
    for pid, usage in after.items():
        memory[usage.role] += usage.pss_mb
        earlier = before[pid].cpu_s if pid in before else 0.0
        cpu[usage.role] += (usage.cpu_s - earlier) * 60 / took
    rows = [
        Row("pss_mb", sum(memory.values()), "MB", "lower", MEMORY_BAR_MB),
        Row("cpu_s_per_minute", sum(cpu.values()), "s", "lower", CPU_BAR_SECONDS),
    ]
    for role in sorted(memory):
        rows += [Row(f"pss_mb.{role}", memory[role], "MB"), Row(f"cpu_s_per_minute.{role}", cpu[role], "s")]
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--settle", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    rows = measure(arguments.settle, arguments.seconds)
    show(rows)
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    RESULTS.write_text(json.dumps({"machine": machine, "rows": [row.to_facts() for row in rows]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
