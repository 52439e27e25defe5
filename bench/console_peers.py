"""Datasette over the same number of calls, for a page of the newest ones, one of a consumer, and one opened call.

Installed by `scripts/bench-peers`, left out where it is not. LiteLLM's UI is left out by name: it shows
nothing without a proxy over a database of its own, whose client (Prisma) fetches programs at the first start.
"""

import contextlib
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from bench.discovery_rows import Row

_DATASETTE = Path(__file__).resolve().parents[1] / ".peers/datasette/bin/datasette"
_WAIT_SECONDS = 120.0
_CONSUMERS = 10_000
_PAGES = {
    "newest": "/calls/calls?_sort_desc=at&_size=50",
    "of_a_consumer": "/calls/calls?consumer=o1&_sort_desc=at&_size=50",
    "one_call": "/calls/calls/1",
}


def is_installed() -> bool:
    """Whether `scripts/bench-peers` brought it."""
    return _DATASETTE.exists()


def _fill(file: Path, events: int) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute(
            "CREATE TABLE calls (id INTEGER PRIMARY KEY, at TEXT, consumer TEXT, service TEXT, operation TEXT,"
            " status INTEGER, tokens_in INTEGER, tokens_out INTEGER, duration_us INTEGER, price_nanos INTEGER)"
        )
        rows = (
            (
                n, f"2026-{9 + n * 90 // events // 30:02}-{1 + n * 90 // events % 30:02}T{n % 24:02}:{n % 60:02}:00Z",
                f"o{n * 7919 % _CONSUMERS}", f"vendor-{n % 50}/model-{n % 200}", "POST /v1/embeddings",
                503 if n % 50 == 0 else 200, n % 900, n % 300, 1_000 * (n % 700), 1_000_000 + n % 1_000,
            )
            for n in range(1, events + 1)
        )  # fmt: skip
        database.executemany("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("CREATE INDEX ix_calls_at ON calls (at)")
        database.execute("CREATE INDEX ix_calls_consumer ON calls (consumer, at)")
        database.commit()


@contextmanager
def _serving(file: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(_DATASETTE), "serve", str(file), "-p", str(port), "--setting", "sql_time_limit_ms", "60000"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    origin = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + _WAIT_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{origin}/-/versions.json", timeout=10).status_code == 200:
                    break
            assert time.monotonic() < until, "Datasette did not start"
            time.sleep(0.1)
        yield origin
    finally:
        server.terminate()
        server.wait(30)


def measure_datasette(folder: Path, events: int, requests: int) -> list[Row]:
    """The 95th percentile of each page, and its size, after it was asked for once."""
    file = folder / "calls.db"
    _fill(file, events)
    rows = []
    with _serving(file) as origin, httpx.Client(base_url=origin, timeout=120) as client:
        for name, path in _PAGES.items():
            assert client.get(path).status_code == 200, path
            times = []
            for _ in range(requests):
                began = time.perf_counter()
                client.get(path)
                times.append((time.perf_counter() - began) * 1000)
            times.sort()
            spread = (times[0], times[-1])
            rows.append(Row(f"datasette_p95_ms.{name}", times[-(-len(times) * 95 // 100) - 1], "ms", spread=spread))
    return rows
