"""The figures below the pages, at millions of usage events: lists, series, exports through HTTP, and intake.

    python -m bench.admin [--events 1000000] [--requests 400] [--keep FOLDER] [--parts series,intake]

A PostgreSQL of its own is filled to the size asked for, as if 90 days of calls had come in: 10,000 consumers of which
few call much, ten keys each, 200 vendors with two services each. The migration that adds usage up then runs over it,
the worker makes its day rows, and `mercato serve control` answers. Intake is measured over the filled tables, batch by
batch in turn with the sums of usage and without them. Wall times on shared cores: read them with their spread.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from bench.admin_anomalies import measure_anomalies
from bench.admin_fill import CONSUMERS, PASSWORD, Filled, add_days, add_up, busy_and_quiet, fill
from bench.admin_intake import measure_intake
from bench.discovery import show
from bench.discovery_rows import Row
from bench.idle import read_all
from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.admin import AnalyticsWork
from mercato.platform import Database, SystemClock

RESULTS = Path(__file__).parent / "results" / "admin.json"
BIN = Path(sys.executable).parent
PORT = 21_790
PAGE_BAR_MS, SERIES_BAR_MS, ANALYTICS_BAR_MS, EXPORT_BAR = 100.0, 150.0, 150.0, 50_000.0
PARTS = ("pages", "series", "analytics", "export", "intake", "anomalies")
_PERIODS = [(1, "15m"), (2, "hour"), (7, "hour"), (30, "day"), (90, "day"), (90, "week"), (90, "month")]
_METRICS = [["calls"], ["charged_nanos"], ["calls", "failed", "p95_us"]]
_CALLS, _SERIES, _ANALYTICS = "/api/usage/calls", "/api/usage/series", "/api/analytics"
_ZONES = ("UTC", "Asia/Kolkata", "Europe/Berlin", "Asia/Kathmandu", "America/New_York")


def percentile(values: list[float], percent: int) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]


@contextmanager
def control(url: str, folder: Path) -> Iterator[tuple[httpx.Client, int]]:
    """The control plane as a process of its own, and a client of it."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MERCATO_", "DATABASE_"))}
    environment |= {"DATABASE_URL": url, "MERCATO_STATE": str(folder / "state")}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [BIN / "mercato", "serve", "control", "--port", str(PORT)], env=environment, cwd=folder, stderr=log,
            stdout=log,
        )  # fmt: skip
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=120) as client:
            deadline = time.monotonic() + 120
            while True:
                try:
                    if client.get("/health/live").status_code < 500:
                        break
                except httpx.TransportError:
                    assert process.poll() is None, (folder / "log").read_text()[-2000:]
                assert time.monotonic() < deadline, "the control plane did not start"
                time.sleep(0.2)
            yield client, process.pid
    finally:
        process.terminate()
        process.wait(60)


def cpu_seconds(pids: tuple[int, int]) -> float:
    """What the control plane and the database have used so far; backends live as long as their connections."""
    return sum(usage.cpu_s for usage in read_all(*pids).values())


def sign_in(client: httpx.Client, email: str) -> dict[str, str]:
    answer = client.post("/api/sessions", json={"email": email, "password": PASSWORD})
    assert answer.status_code < 300, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


class Askers:
    """Who asks: consumers who call much, middling and little, a busy vendor, the operator."""

    def __init__(self, client: httpx.Client, filled: Filled) -> None:
        self.consumers = [(number, sign_in(client, f"o{number}@example.org")) for number in filled.consumers]
        self.vendors = [(number, sign_in(client, f"o{number}@example.org")) for number in filled.vendors]
        self.operator = sign_in(client, "operator@example.org")


def pages(askers: Askers, draw: random.Random) -> tuple[str, dict[str, Any], dict[str, str]]:
    """A name of what is asked, its parameters and who asks."""
    side = draw.choice(["consumer", "consumer", "vendor", "marketplace"])
    headers, number = askers.operator, 1
    if side == "consumer":
        number, headers = draw.choice(askers.consumers)
    elif side == "vendor":
        number, headers = draw.choice(askers.vendors)
    filters: list[dict[str, Any]] = [
        {}, {"failed": True}, {"status": 503}, {"status_class": "4"}, {"client_left": True}, {"streamed": True},
        {"operation": "POST /v1/rerank"}, {"duration_above_us": 4_900_000}, {"price_above_nanos": 10**12},
        {"gateway": "gateway-2"}, {"release_id": "rel_none"}, {"error": "budget_spent"},
        {"service_id": f"svc_{draw.randrange(1, 401):032x}"},
    ]  # fmt: skip
    if side != "vendor":
        filters += [{"fallback": True}]
    if side == "consumer":
        filters += [{"key_id": f"key_{number * 10 + draw.randrange(10):032x}"}] * 2
    chosen = draw.choice(filters)
    since = datetime.now(UTC) - timedelta(days=draw.choice([1, 7, 31, 90]))
    name = f"{side} {next(iter(chosen), 'all')}"
    return name, {"side": side, "since": since.isoformat(), "limit": 50, **chosen}, headers


def plots(askers: Askers, draw: random.Random) -> tuple[str, dict[str, Any], dict[str, str]]:
    """A series as pages ask for it."""
    side = draw.choice(["consumer", "consumer", "vendor", "marketplace"])
    headers = askers.operator
    groups = {"consumer": ["key", "service", "operation", "subscription", "vendor", "status"],
              "vendor": ["consumer", "service", "release", "status"],
              "marketplace": ["vendor", "service", "status", "protocol", "consumer"]}[side]  # fmt: skip
    if side != "marketplace":
        _, headers = draw.choice(askers.consumers if side == "consumer" else askers.vendors)
    days, step = draw.choice(_PERIODS)
    now = datetime.now(UTC)
    until = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    asked: dict[str, Any] = {
        "side": side, "since": (until - timedelta(days=days)).isoformat(), "until": until.isoformat(), "step": step,
        "zone": draw.choice(_ZONES), "metric": draw.choice(_METRICS),
        "group_by": draw.sample(groups, draw.randrange(3)), "compare": draw.random() < 0.25,
        "forecast": draw.random() < 0.1,
    }  # fmt: skip
    return f"{side} {days}d {asked['zone']} {'+'.join(asked['group_by']) or 'total'}", asked, headers


def analytics(askers: Askers, draw: random.Random) -> tuple[str, dict[str, Any], dict[str, str]]:
    """Everything that an operator's page of analytics shows."""
    return "all reports", {}, askers.operator


async def make_analytics(url: str) -> list[Row]:
    """The worker's part, once: reading, computing with pandas, writing."""
    database = Database(url)
    began = time.perf_counter()
    try:
        await AnalyticsWork(database, SystemClock()).make_due()
    finally:
        await database.close()
    return [Row("analytics_make_s", time.perf_counter() - began, "s")]


def measure(
    client: httpx.Client, path: str, ask: Any, requests: int, metric: str, bar: float, pids: tuple[int, int]
) -> list[Row]:
    """p95 of all, and of each side, and the CPU time of server and database a request; the slowest are printed."""
    before = cpu_seconds(pids)
    draw = random.Random(7)
    times: dict[str, list[float]] = {}
    slow: list[tuple[float, str]] = []
    for _ in range(requests):
        name, params, headers = ask(draw)
        began = time.perf_counter()
        answer = client.get(path, params=params, headers=headers)
        took = (time.perf_counter() - began) * 1000
        assert answer.status_code == 200, answer.text
        for one in ("", f".{params['side']}") if "side" in params else ("",):
            times.setdefault(one, []).append(took)
        slow.append((took, name))
    for took, name in sorted(slow, reverse=True)[:8]:
        print(f"  slow: {took:8.1f} ms  {name}")
    cpu = (cpu_seconds(pids) - before) * 1000 / requests
    return [
        Row(metric.replace("p95_ms", "cpu_ms"), cpu, "ms"),
    ] + [
        Row(f"{metric}{one}", percentile(of, 95), "ms", "lower", bar, (percentile(of, 50), max(of)))
        for one, of in sorted(times.items())
    ]


def make_zones(client: httpx.Client, askers: Askers, url: str) -> list[Row]:
    """Each zone is asked for once; then the worker makes its days, as it does over the hours that follow."""
    for zone in _ZONES:
        answer = client.get(_SERIES, params={"side": "marketplace", "zone": zone}, headers=askers.operator)
        assert answer.status_code == 200, answer.text
    return asyncio.run(add_days(url, ".zones"))


def measure_export(client: httpx.Client, headers: dict[str, str], pids: tuple[int, int]) -> list[Row]:
    """Rows a second of all calls, in each format."""
    rows = []
    since = (datetime.now(UTC) - timedelta(days=91)).isoformat()
    for kind in ("jsonl", "csv"):
        params = {"side": "marketplace", "since": since, "format": kind}
        began, used, lines = time.perf_counter(), cpu_seconds(pids), 0
        with client.stream("GET", "/api/usage/calls/export", params=params, headers=headers) as answer:
            assert answer.status_code == 200
            for chunk in answer.iter_raw():
                lines += chunk.count(b"\n")
        took = time.perf_counter() - began
        rows += [
            Row(f"export_rows_per_s.{kind}", lines / took, "/s", "higher", EXPORT_BAR),
            Row(f"export_cpu_us_per_row.{kind}", (cpu_seconds(pids) - used) * 1e6 / lines, "us"),
        ]
    return rows


def measure_routes(
    client: httpx.Client, askers: Askers, url: str, requests: int, parts: Sequence[str], pids: tuple[int, int]
) -> Iterator[list[Row]]:
    """What the control plane answers over HTTP, part by part."""
    if "pages" in parts:
        yield measure(client, _CALLS, partial(pages, askers), requests, "events_page_p95_ms", PAGE_BAR_MS, pids)
    if "series" in parts:
        yield make_zones(client, askers, url)
        yield measure(client, _SERIES, partial(plots, askers), requests, "series_p95_ms", SERIES_BAR_MS, pids)
    if "analytics" in parts:
        yield asyncio.run(make_analytics(url))
        whole = partial(analytics, askers)
        yield measure(client, _ANALYTICS, whole, requests, "analytics_p95_ms", ANALYTICS_BAR_MS, pids)
    if "export" in parts:
        yield measure_export(client, askers.operator, pids)


def run(events: int, requests: int, folder: Path, parts: Sequence[str] = PARTS) -> list[Row]:
    """All figures, shown as they come."""
    folder.chmod(0o755)
    server = EmbeddedPostgres(folder / "pg")
    url = server.start()
    rows: list[Row] = []

    def note(found: list[Row]) -> None:
        rows.extend(found)
        show(found)

    try:
        if (folder / "filled").exists():
            filled = busy_and_quiet()
        else:
            filled, took = asyncio.run(fill(url, events))
            (folder / "filled").touch()
            note([Row("fill_s", took, "s")])
        note(asyncio.run(add_up(url, events)))
        with control(url, folder) as (client, pid):
            assert server.pid is not None
            pids = pid, server.pid
            for found in measure_routes(client, Askers(client, filled), url, requests, parts, pids):
                note(found)
        if "intake" in parts:
            note(asyncio.run(measure_intake(url)))
        if "anomalies" in parts:
            note(measure_anomalies())
    finally:
        server.stop()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=400)
    parser.add_argument("--parts", default=",".join(PARTS), help="which to measure; only a whole run is written down")
    parser.add_argument("--keep", type=Path, help="a folder for the database; a run with the same one fills no more")
    arguments = parser.parse_args()
    print(f"{arguments.events:,} usage events, {CONSUMERS:,} consumers, {CONSUMERS * 10:,} keys")
    if arguments.keep is not None:
        arguments.keep.mkdir(parents=True, exist_ok=True)
        rows = run(arguments.events, arguments.requests, arguments.keep, arguments.parts.split(","))
    else:
        with tempfile.TemporaryDirectory(prefix="mercato-bench-", ignore_cleanup_errors=True) as folder:
            rows = run(arguments.events, arguments.requests, Path(folder), arguments.parts.split(","))
    if set(arguments.parts.split(",")) != set(PARTS):
        return
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    known = json.loads(RESULTS.read_text())["sizes"] if RESULTS.exists() else {}
    known[str(arguments.events)] = [row.to_facts() for row in rows]
    facts = {"machine": machine, "rows": [row.to_facts() for row in rows], "sizes": known}
    RESULTS.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
