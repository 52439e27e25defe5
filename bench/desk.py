"""The desk measured: signal writes a second, and how soon a thrown kill switch reaches who routes calls.

    python -m bench.desk [--batches 40] [--throws 10]

A control plane of this process on an embedded PostgreSQL, asked over HTTP. A write is 20 scores, signed, checked
against the round, hashed and in the log; a batch holds 250 of them. A switch is timed from the operator's request to
the line of the snapshot that gives the deployment weight 0, as every gateway reads it. Wall times on shared cores: read
them with their spread.
"""

import argparse
import asyncio
import base64
import json
import os
import platform
import random
import socket
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import uvicorn
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.discovery import show
from bench.discovery_rows import Row
from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.schema import migrate
from mercato.app.settings import Settings
from mercato.datasets import PanelBuilder, Panels, Round, RoundDrafts, Rounds, Schedule
from mercato.deployments import Deployments
from mercato.edge.wiring import Wiring
from mercato.identity import Caller, Keys, Role, SignUp
from mercato.identity.permissions import permissions_of
from mercato.publishing import Release, Service, Submission
from mercato.publishing.models import Deployment

RESULTS = Path(__file__).parent / "results" / "desk.json"
WRITES_BAR = 5000.0
KILL_BAR_SECONDS = 2.0
BATCH = 250
BATCHES, THROWS = 40, 10


@dataclass
class Desk:
    """A vendor with a linked deployment, an open round, an operator who is signed in."""

    wiring: Wiring
    client: httpx.AsyncClient
    round: Round
    deployment: str
    key: Ed25519PrivateKey
    vendor_key: str
    operator_token: str

    async def bodies(self, batches: int) -> list[tuple[bytes, str]]:
        """Batches with scores that nobody sent before, and their signatures."""
        panel = await Panels(self.wiring.database, self.wiring.objects).load(self.round.panel_id)
        chance, made = random.Random(1), []
        for _ in range(batches):
            writes = [
                {"deployment": self.deployment, "round": self.round.id, "era": era,
                 "scores": {one: round(chance.uniform(-1, 1), 6) for one in panel.names(era)},
                 "created_at": self.wiring.clock.now().isoformat()}
                for era in range(self.round.first_era, self.round.first_era + BATCH)
            ]  # fmt: skip
            body = json.dumps({"contract": "signal-write-batch/1", "writes": writes}).encode()
            made.append((body, f"ed25519={base64.b64encode(self.key.sign(body)).decode()}"))
        return made

    async def store(self, body: bytes, signature: str) -> None:
        """One batch."""
        headers = {"authorization": f"Bearer {self.vendor_key}", "mercato-signature": signature}
        answer = await self.client.post("/api/signals/store", content=body, headers=headers)
        assert answer.status_code == 201, answer.text

    async def operate(self, path: str, body: dict[str, str]) -> str:
        """The id in the answer to an operator's request."""
        headers = {"authorization": f"Bearer {self.operator_token}"}
        answer = await self.client.post(path, json=body, headers=headers)
        assert answer.status_code < 300, answer.text
        return str(answer.json()["id"])


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Desk]:
    """Everything runs until the block ends."""
    server = EmbeddedPostgres(folder / "pg")
    url = server.start()
    migrate(url)
    settings = Settings(state=folder / "state", DATABASE_URL=url, allow_private_endpoints=True)
    wiring = build_wiring(settings, url)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    web = uvicorn.Server(
        uvicorn.Config(create_app(wiring, list(ROLES)), host="127.0.0.1", port=port, log_level="warning")
    )
    serving = asyncio.create_task(web.serve())
    while not web.started:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield await _prepare(wiring, client)
    finally:
        web.should_exit = True
        await serving
        server.stop()


async def _prepare(wiring: Wiring, client: httpx.AsyncClient) -> Desk:
    common = (wiring.clock, wiring.ids, wiring.outbox)
    async with wiring.database.transaction() as session:
        people = SignUp(session, wiring.clock, wiring.ids, wiring.hasher, wiring.outbox)
        await people.bootstrap(email="operator@example.org", password="correct horse battery")
        vendor, user = await people.sign_up(
            slug="acme", name="Acme", email="acme@example.org", password="correct horse battery"
        )
    caller = Caller(
        organisation_id=vendor.id, organisation_slug=vendor.slug, actor=user.id, role=Role.ADMIN,
        permissions=permissions_of(Role.ADMIN, in_operator=False), is_operator=False,
    )  # fmt: skip
    deployment, key = await _deploy(wiring, caller), Ed25519PrivateKey.generate()
    async with wiring.database.transaction() as session:
        public = base64.b64encode(key.public_key().public_bytes_raw()).decode()
        desk = Deployments(session, wiring.clock, wiring.outbox)
        await desk.link(caller, deployment, public_key=public, interval_seconds=3600)
        keys = Keys(session, wiring.clock, wiring.ids, wiring.hasher, wiring.outbox)
        vendor_key = await keys.make(caller, kind="vk", name="bench", scopes=None, expires_at=None)
    await PanelBuilder(wiring.database, *common, wiring.objects, wiring.data_key).build(by="usr_bench")
    drafts = RoundDrafts(wiring.database, wiring.ids, wiring.objects)
    draft = await drafts.draft("us-equities-daily", first_era=7000, eras=BATCH)
    async with wiring.database.transaction() as session:
        schedule = Schedule(open_for=timedelta(days=1), embargo=timedelta(days=6))
        found = await Rounds(session, wiring.clock, wiring.outbox).open(draft, schedule, by="bench", reason="bench")
    signed = await client.post(
        "/api/sessions", json={"email": "operator@example.org", "password": "correct horse battery"}
    )
    return Desk(wiring, client, found, deployment, key, vendor_key.text, signed.json()["access_token"])


async def _deploy(wiring: Wiring, vendor: Caller) -> str:
    now, ids = wiring.clock.now(), wiring.ids
    service = Service(
        id=ids.new("svc"), vendor_id=vendor.organisation_id, name="signal", title="Signal", summary="", description="",
        protocol="signal", task="stock-signals", paths="published", licence="MIT", tags=[], modalities=["text"],
        regions=[], context_window=None, status="listed", latest_version="1.0.0", created_at=now, updated_at=now,
    )  # fmt: skip
    submission = Submission(
        id=ids.new("sbm"), vendor_id=vendor.organisation_id, service_name="signal", version="1.0.0", manifest="",
        document=None, digest="", state="released", created_by=vendor.actor, created_at=now, ended_at=now,
    )  # fmt: skip
    release = Release(
        id=ids.new("rel"), service_id=service.id, submission_id=submission.id, version="1.0.0", manifest={},
        document=None, document_digest=None, operations=[{"method": "POST", "path": "/v1/signals"}],
        released_at=now, status="live", status_reason="", status_at=now,
    )  # fmt: skip
    deployment = Deployment(
        id=ids.new("dep"), release_id=release.id, url="http://127.0.0.1:9/v1", addresses=["127.0.0.1"],
        upstream_model=None, weight=100, timeout_ms=60_000, max_connections=16, on_disconnect="abort", limits=[],
        created_at=now,
    )  # fmt: skip
    async with wiring.database.transaction() as session:
        for row in (service, submission, release, deployment):
            session.add(row)
            await session.flush()
    return deployment.id


async def measure_writes(desk: Desk, batches: int) -> list[Row]:
    """Two connections, batch after batch."""
    made = await desk.bodies(batches + 1)
    await desk.store(*made.pop())  # reads the round's ids once
    rates: list[float] = []
    began, worked = time.perf_counter(), time.process_time()
    for at in range(0, batches, 2):
        before = time.perf_counter()
        await asyncio.gather(*(desk.store(*each) for each in made[at : at + 2]))
        rates.append(2 * BATCH / (time.perf_counter() - before))
    total = batches * BATCH
    rate = total / (time.perf_counter() - began)
    cpu = (time.process_time() - worked) * 1e6 / total
    return [
        Row("signal_writes_per_s", rate, "writes/s", "higher", WRITES_BAR, (min(rates), max(rates))),
        Row("signal_write_cpu_us", cpu, "µs"),
    ]


async def measure_kill(desk: Desk, throws: int) -> list[Row]:
    """From the operator's request to weight 0 in the snapshot, with the whole desk switched off."""
    times: list[float] = []
    headers = {"authorization": f"Bearer {desk.wiring.gateway_token}"}
    async with desk.client.stream("GET", "/internal/snapshot", headers=headers) as stream:
        lines = stream.aiter_lines()
        await _until(lines, desk.deployment, 100)
        for _ in range(throws):
            began = time.perf_counter()
            switch = await desk.operate("/api/kill-switches", {"scope": "all", "reason": "a bench"})
            await _until(lines, desk.deployment, 0)
            times.append(time.perf_counter() - began)
            await desk.operate(f"/api/kill-switches/{switch}/lift", {"reason": "a bench"})
            await _until(lines, desk.deployment, 100)
    return [
        Row(
            "kill_switch_snapshot_s", statistics.median(times), "s", "lower", KILL_BAR_SECONDS, (min(times), max(times))
        )
    ]


async def _until(lines: AsyncIterator[str], deployment: str, weight: int) -> None:
    async for line in lines:
        for release in json.loads(line).get("releases", []) if deployment in line else []:
            if any(one["id"] == deployment and one["weight"] == weight for one in release["deployments"]):
                return


async def run(batches: int, throws: int) -> list[Row]:
    """All figures."""
    with tempfile.TemporaryDirectory(prefix="mercato-bench-", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        async with opened(Path(folder)) as desk:
            return [*await measure_writes(desk, batches), *await measure_kill(desk, throws)]


def main() -> None:
    parser = argparse.ArgumentParser(description="The desk: writes a second, and the kill switch")
    parser.add_argument("--batches", type=int, default=BATCHES)
    parser.add_argument("--throws", type=int, default=THROWS)
    asked = parser.parse_args()
    rows = asyncio.run(run(asked.batches, asked.throws))
    show(rows)
    machine = {"processor": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"machine": machine, "rows": [row.to_facts() for row in rows]}, indent=2) + "\n")


if __name__ == "__main__":
    main()
