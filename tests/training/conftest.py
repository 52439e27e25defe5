"""A vendor who trains, and a worker process that a test may kill."""

import asyncio
import base64
import contextlib
import hashlib
import os
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mercato.adapters.objects_folder import LocalFolder
from mercato.adapters.signed_links import SignedLinks
from mercato.adapters.training_local import LocalProvider
from mercato.adapters.training_runpod import Place, RunPodClient, RunPodProvider
from mercato.identity import Caller
from mercato.platform import Database, Ids, MarketplaceSecret, ObjectStore, Outbox, Session, SystemClock, SystemIds
from mercato.training import ClaimLinks, Dossier, Provider, TrainingRuns
from mercato_contracts.training import TERMINAL, TrainingSpec
from tests.conftest import People
from tests.fakes.runpod import API_KEY
from tests.support.waiting import SECONDS
from tests.training.scripts import encoded

WORKER = Path(__file__).with_name("training_worker.py")


def store_in(folder: Path) -> ObjectStore:
    """The object store of a test's marketplace."""
    return LocalFolder(
        folder / "objects", SignedLinks(MarketplaceSecret.of(b"k" * 32), SystemClock()), "http://127.0.0.1:9"
    )


def runpod_in(folder: Path, jobs_url: str, rest_url: str, endpoint: str) -> RunPodProvider:
    """RunPod as a worker of a test has it: an hour costs 3,600 dollars, and nothing is paused for long."""
    client = RunPodClient(API_KEY, jobs_url=jobs_url, rest_url=rest_url)
    places = {"cpu": Place(endpoint, 3_600_000_000_000)}
    return RunPodProvider(client, places, store_in(folder), claims_of_test(), look_seconds=0.1, why_seconds=0.5)


def claims_of_test() -> ClaimLinks:
    """Links of claims that nobody serves: a test makes the claim itself."""
    return ClaimLinks(MarketplaceSecret.of(b"k" * 32), "http://127.0.0.1:9", SystemClock())


@dataclass
class Trainer:
    """A vendor and the use cases, each in a transaction of its own, by the system's clock."""

    database: Database
    folder: Path
    caller: Caller
    people: People
    runpod: RunPodProvider | None = None
    sent: str = ""
    """SHA-256 of the last code that was sent."""

    def desk(self, session: Session) -> TrainingRuns:
        clock = SystemClock()
        providers: dict[str, Provider] = {
            "local": LocalProvider(self.folder / "runs", nanos_per_hour=3_600_000_000_000)
        }
        if self.runpod is not None:
            providers["runpod"] = self.runpod
        return TrainingRuns(session, clock, SystemIds(clock), Outbox(clock), store_in(self.folder), providers)

    async def start(self, train: str, **spec: Any) -> str:
        async with self.database.transaction() as session:
            wanted = TrainingSpec.model_validate({"task": "test", "seed": 7, "hyperparameters": {"rate": 0.1}} | spec)
            code = encoded(train)
            self.sent = hashlib.sha256(base64.b64decode(code)).hexdigest()
            return (await self.desk(session).start(self.caller, wanted, code)).run.id

    async def look(self, run_id: str) -> Dossier:
        async with self.database.transaction() as session:
            return await self.desk(session).get(self.caller, run_id)

    async def stop(self, run_id: str) -> None:
        async with self.database.transaction() as session:
            await self.desk(session).stop(self.caller, run_id)

    async def said(self, run_id: str) -> str:
        said, place = "", 0
        while True:
            async with self.database.transaction() as session:
                page = await self.desk(session).read_log(self.caller, run_id, place)
            said, place = said + page.text, page.next
            if not page.text:
                return said

    async def until(self, run_id: str, fits: Callable[[Dossier], bool], seconds: float = SECONDS) -> Dossier:
        dossier = await self.look(run_id)
        try:
            async with asyncio.timeout(seconds):
                while not fits(dossier):
                    await asyncio.sleep(0.05)
                    dossier = await self.look(run_id)
        except TimeoutError:
            pytest.fail(f"{dossier.run.state}: {dossier.run.why}; it said {await self.said(run_id)}")
        return dossier

    async def ended(self, run_id: str) -> Dossier:
        return await self.until(run_id, lambda seen: seen.run.state in TERMINAL)

    async def until_said(self, run_id: str, text: str) -> None:
        async with asyncio.timeout(SECONDS):
            while text not in await self.said(run_id):
                await asyncio.sleep(0.05)


@pytest.fixture
async def trainer(database: Database, people: People, ids: Ids, tmp_path: Path) -> Trainer:
    """Acme."""
    return Trainer(database, tmp_path, await people.join("acme"), people)


@contextlib.asynccontextmanager
async def worker(
    database_url: str, folder: Path, *moment: str, **environment: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker over this folder; `moment` says when it kills itself."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(WORKER), database_url, str(folder), *moment, env={**os.environ, **environment}
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(60):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
