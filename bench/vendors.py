"""The vendor's half measured: how fast `mp` starts, the catalogue of many vendors, tokens, runs, the kill switch.

    python -m bench.vendors [--vendors 100] [--reads 400]

A whole marketplace runs as `mercato up` starts it; its catalogue is filled with listings of that many vendors. The
desk's own figures (`bench.desk`) are measured after it, so that one file has them all.
Wall times on shared cores: read them with their spread.
"""

import argparse
import asyncio
import http.client
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench import desk
from bench.discovery import show
from bench.discovery_rows import Row
from bench.vendors_kill import measure_kill_switch
from bench.vendors_tokens import make_vendor_key, measure_tokens
from bench.vendors_training import measure_training
from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.app import schema  # every room's tables
from mercato.identity import SecretHasher, SignUp
from mercato.platform import Database, Outbox, SystemClock, SystemIds
from mercato.publishing import Plan, Release, Service, Submission
from mercato.publishing.models import Deployment
from mercato_contracts import ids as prefix

RESULTS = Path(__file__).parent / "results" / "vendors.json"
BIN = Path(sys.executable).parent
CATALOG_BAR_MS = 100.0
STARTUP_BAR_MS = 300.0
PASSWORD = "correct horse battery"  # of vendors that live as long as the bench
_FIRST_PORT = 21_700
_STARTS = 21


def percentile(values: list[float], percent: int) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]


def measure_startup() -> list[Row]:
    """`mp --help` from the start of the process to its end."""
    times, cpu = [], []
    for _ in range(_STARTS):
        began, used = time.perf_counter(), _cpu_of_children()
        subprocess.run([BIN / "mp", "--help"], check=True, capture_output=True)
        times.append((time.perf_counter() - began) * 1000)
        cpu.append((_cpu_of_children() - used) * 1000)
    times, cpu = times[1:], cpu[1:]  # the first reads the files from the disk
    return [
        Row("cli_startup_ms", statistics.median(times), "ms", "lower", STARTUP_BAR_MS, (min(times), max(times))),
        Row("cli_startup_cpu_ms", statistics.median(cpu), "ms", "lower", None, (min(cpu), max(cpu))),
    ]


def _cpu_of_children() -> float:
    """Seconds of CPU that processes used which we started and which have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextmanager
def marketplace(folder: Path) -> Iterator[tuple[dict[str, Any], str]]:
    """`mercato up` in a folder: what it says (addresses, first people and key) and the database's address."""
    ports = {"PORT": 0, "GATEWAY_PORT": 1, "WORKER_PORT": 2, "GATEWAY_ADMIN_PORT": 3}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MERCATO_", "DATABASE_"))}
    environment |= {f"MERCATO_{name}": str(_FIRST_PORT + at) for name, at in ports.items()}
    environment["MERCATO_STATE"] = str(folder / "state")
    environment["MERCATO_ALLOW_PRIVATE_ENDPOINTS"] = "true"  # the vendor's server runs on this machine
    with (folder / "log").open("w") as log:
        up = subprocess.Popen(
            [BIN / "mercato", "up", "--json"], env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=log
        )
    try:
        assert up.stdout is not None
        started = up.stdout.readline()
        assert started, (folder / "log").read_text()[-2000:]
        url = EmbeddedPostgres(folder / "state" / "postgres").find_running()
        assert url is not None
        yield json.loads(started), url
    finally:
        up.terminate()
        up.wait(120)


async def fill(url: str, vendors: int) -> None:
    """One listed service with a live release, a deployment and a plan for each vendor."""
    assert schema.METADATA.tables
    clock, hasher = SystemClock(), SecretHasher()
    database, ids, outbox = Database(url), SystemIds(clock), Outbox(clock)
    for number in range(vendors):
        async with database.transaction() as session:
            organisation, _ = await SignUp(session, clock, ids, hasher, outbox).sign_up(
                slug=f"vendor-{number}",
                name=f"Vendor {number}",
                email=f"v{number}@example.org",
                password=PASSWORD,
            )
            for row in _listing(ids, organisation.id, clock.now()):
                session.add(row)
                await session.flush()
    await database.close()


def _listing(ids: SystemIds, vendor: str, now: Any) -> list[Any]:
    service = Service(
        id=ids.new(prefix.SERVICE), vendor_id=vendor, name="signal", title="A signal", summary="Scores stocks. " * 6,
        description="", protocol="signal", task="signals", paths="published", licence="Apache-2.0",
        tags=["stocks", "daily"], modalities=["tabular"], regions=[], context_window=None, status="listed",
        latest_version="1.0.0", created_at=now, updated_at=now,
    )  # fmt: skip
    submission = Submission(
        id=ids.new(prefix.SUBMISSION), vendor_id=vendor, service_name="signal", version="1.0.0", manifest="",
        document=None, digest="0" * 64, state="released", created_by="bench", created_at=now,
    )  # fmt: skip
    release = Release(
        id=ids.new(prefix.RELEASE), service_id=service.id, submission_id=submission.id, version="1.0.0",
        manifest={"protocol": "signal"}, document=None, document_digest=None, operations=[], released_at=now,
        status="live", status_reason="", status_at=now,
    )  # fmt: skip
    deployment = Deployment(
        id=ids.new(prefix.DEPLOYMENT), release_id=release.id, url="http://127.0.0.1:9", addresses=["127.0.0.1"],
        upstream_model=None, weight=100, timeout_ms=1000, max_connections=10, on_disconnect="abort", limits=[],
        created_at=now,
    )  # fmt: skip
    plan = Plan(
        id=ids.new(prefix.PLAN), service_id=service.id, name="free", title="", currency="USD", monthly_nanos=0,
        per_call_nanos=0, per_1k_input_nanos=0, per_1k_output_nanos=0, included_unit=None, included=0, overage=True,
        limits=[], created_at=now,
    )  # fmt: skip
    return [service, submission, release, deployment, plan]


def measure_catalog(port: int, vendors: int, reads: int) -> list[Row]:
    """Reads on one kept-alive connection, over more than the five seconds that a page is kept; then with `ETag`."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    whole, unchanged = [], []
    etag, size = "", 0
    for _ in range(reads):
        took, etag, size = _read(connection, {})
        whole.append(took)
        took, _, _ = _read(connection, {"if-none-match": etag})
        unchanged.append(took)
        time.sleep(6 / reads)
    print(f"a page has {size} bytes")
    name = f"{vendors}_vendors"
    spread = (min(whole), max(whole))
    return [
        Row(f"catalog_p95_ms.{name}", percentile(whole, 95), "ms", "lower", CATALOG_BAR_MS, spread),
        Row(f"catalog_p50_ms.{name}", percentile(whole, 50), "ms", "lower", None, spread),
        Row(f"catalog_unchanged_p95_ms.{name}", percentile(unchanged, 95), "ms"),
    ]


def _read(connection: http.client.HTTPConnection, headers: dict[str, str]) -> tuple[float, str, int]:
    """Milliseconds, ETag, bytes."""
    began = time.perf_counter()
    connection.request("GET", "/api/catalog", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    took = (time.perf_counter() - began) * 1000
    assert answer.status in (200, 304), body
    return took, answer.headers["etag"], len(body)


def run(vendors: int, reads: int) -> list[Row]:
    """All figures, shown as they come."""
    rows = measure_startup()
    show(rows)
    folder = Path(tempfile.mkdtemp(prefix="mercato-bench-"))
    folder.chmod(0o755)  # PostgreSQL runs as another user where we are root
    with marketplace(folder) as (started, url):
        port = _FIRST_PORT
        asyncio.run(fill(url, vendors))
        timed = measure_catalog(port, vendors, reads)
        show(timed)
        key = make_vendor_key(port, "v0@example.org", PASSWORD)
        tokens = measure_tokens(port, key)
        show(tokens)
        training = measure_training(port, key, folder)
        show(training)
        killing = measure_kill_switch(started, "vendor-0", key, folder)
        show(killing)
    signals = asyncio.run(desk.run(desk.BATCHES, desk.THROWS))
    show(signals)
    return rows + timed + tokens + training + killing + signals


def main() -> None:
    parser = argparse.ArgumentParser(description="mp and the public catalogue")
    parser.add_argument("--vendors", type=int, default=100)
    parser.add_argument("--reads", type=int, default=400)
    asked = parser.parse_args()
    rows = run(asked.vendors, asked.reads)
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "rows": [row.to_facts() for row in rows]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
