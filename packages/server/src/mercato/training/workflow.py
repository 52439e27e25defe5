"""A run as durable steps: launch once, watch until it ends, collect what it left.

If a worker dies, another continues with the same step. A mark in the run's row guards the launch: a worker that finds
the mark looks for the job and launches none, so a run may be lost but never runs twice.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import structlog

from mercato.datasets import TRAIN
from mercato.platform import Clock, Database, Json, ObjectNotFound, ObjectStore, Outbox, Session, Steps, Workflow
from mercato.training.artifacts import MOST_BYTES, check_artifacts
from mercato.training.models import Artifact, Run
from mercato.training.news import TrainingEnded
from mercato.training.progress import read_progress
from mercato.training.provider import (
    Job,
    LaunchUncertain,
    Look,
    Provider,
    ProviderRefused,
    ProviderUnavailable,
    StoredFile,
)
from mercato.training.refusals import ArtifactRefused
from mercato.training.repository import TrainingRepository
from mercato.training.runs import CODE, code_key, cost_of
from mercato_contracts.masking import mask
from mercato_contracts.training import TERMINAL, TrainingSpec

log = structlog.get_logger(__name__)

WORKFLOW = "train"
_BY = "training-workflow"
GRACE = timedelta(minutes=2)
"""Time beyond a state's own limit, after which the run counts as lost."""
_COLLECTING_FOR = timedelta(minutes=15)
_LOOK_SECONDS = 0.3
_AWAY_SECONDS = 5.0
_LOOKS = 60
"""Looks in one durable step: some twenty seconds."""
_ENDS = {"succeeded": "collecting", "failed": "failed", "timed_out": "timed_out", "stopped": "stopped"}


@dataclass(frozen=True, slots=True)
class TrainingWork:
    """The training workflow, with everything that its steps need."""

    database: Database
    clock: Clock
    outbox: Outbox
    objects: ObjectStore
    providers: Mapping[str, Provider]

    def workflow(self) -> Workflow:
        """The durable workflow; its subject is a run's id."""
        return Workflow(
            WORKFLOW,
            self.run,
            {"launch": self._launch, "watch": self._watch, "collect": self._collect, "clear": self._clear},
        )

    async def run(self, steps: Steps, run_id: str) -> None:
        """From launch to end."""
        if await steps.run("launch"):
            number = 0
            while await steps.run("watch", number):
                number += 1
            await steps.run("collect")
        await steps.run("clear")

    async def _launch(self, run_id: str) -> Json:
        """Launch the job, or find it; returns whether there is a job to watch."""
        while True:
            run = await self._find(run_id)
            if run.state in TERMINAL:
                return False
            if run.handle is not None:
                return await self._launched(run, run.handle)
            if run.stop_asked_at is not None:
                return await self._end(run_id, "stopped", "It was stopped before it began.")
            try:
                if run.launching_at is not None:
                    return await self._take_up(run)
                return await self._launch_anew(run)
            except LaunchUncertain as doubt:
                await self._change(run_id, why=mask(str(doubt)))
            except ProviderUnavailable as lack:
                # Retry only a launch that did not start; one that may have started is waited for.
                begun = {} if run.launching_at is not None else {"launching_at": None}
                await self._change(run_id, why=mask(str(lack)), **begun)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _take_up(self, run: Run) -> bool:
        """Another worker started to launch it: either its job exists, or the run is lost."""
        handle = await self._providers_of(run).find(run.id)
        if handle is None:
            return await self._end(run.id, "failed", "The worker died while it launched this run; start it again.")
        return await self._launched(run, handle)

    async def _launch_anew(self, run: Run) -> bool:
        spec = TrainingSpec.model_validate(run.spec)
        if self._providers_of(run).fetches:
            return await self._begin(run, Job(run.id, spec, b"", None, run.seconds, _stored(run)))
        with tempfile.TemporaryDirectory(prefix="mercato-data-") as folder:
            try:
                code = await self.objects.get(code_key(run.id))
                if run.data_key is not None:
                    await self._fetch(run.data_key, Path(folder) / TRAIN)
            except ObjectNotFound:
                return await self._end(run.id, "failed", "The run's code or data is no longer there.")
            return await self._begin(run, Job(run.id, spec, code, Path(folder) if run.data_key else None, run.seconds))

    async def _begin(self, run: Run, job: Job) -> bool:
        if not await self._change(run.id, launching_at=self.clock.now()):
            return False
        try:
            handle = await self._providers_of(run).launch(job)
        except ProviderRefused as refusal:
            return await self._end(run.id, "failed", mask(str(refusal)))
        return await self._launched(run, handle)

    async def _fetch(self, key: str, path: Path) -> None:
        with path.open("wb") as file:
            async for chunk in self.objects.stream(key):
                await asyncio.to_thread(file.write, chunk)

    async def _launched(self, run: Run, handle: str) -> bool:
        provider = self._providers_of(run)
        if await self._change(run.id, handle=handle, environment=provider.environment(), why="It waits for a machine."):
            return True
        # The run ended during the launch, so nobody will watch this job.
        await _until_available(lambda: provider.stop(handle))
        return False

    async def _watch(self, run_id: str, number: int) -> Json:
        """Watch for a while; returns whether there is more to watch. Slices are numbered from 0."""
        log.debug("watching a training run", run=run_id, slice=number)
        for _ in range(_LOOKS):
            run = await self._find(run_id)
            assert run.handle is not None
            provider = self._providers_of(run)
            try:
                # A run that the reconciler ended must not continue either.
                if run.state in TERMINAL or run.stop_asked_at is not None:
                    await provider.stop(run.handle)
                if run.state in TERMINAL:
                    return False
                look = await provider.look(run.handle, run.log_bytes)
            except ProviderUnavailable as lack:
                await self._change(run_id, why=mask(str(lack)))
            else:
                if await self._note(run, look):
                    return False
            await asyncio.sleep(_LOOK_SECONDS)
        return True

    async def _note(self, run: Run, look: Look) -> bool:
        """Write down what was seen; returns whether the job has ended."""
        now = self.clock.now()
        steps, done = read_progress(look.log)
        async with self.database.transaction() as session:
            rows = TrainingRepository(session)
            current = await rows.find(run.id, lock=True)
            assert current is not None
            if current.state in TERMINAL:
                return True
            if look.log_next > current.log_bytes:
                await rows.put_log(run.id, current.log_bytes, look.log_next, mask(look.log))
                current.log_bytes = look.log_next
            for step, metrics in steps.items():
                await rows.put_step(run.id, step, metrics, now)
            if done is not None:
                current.metrics = dict(done)
            # A provider that was not asked for a while may report less than before, but used time stays used.
            current.milliseconds = max(current.milliseconds, look.milliseconds)
            current.cost_nanos = cost_of(current.milliseconds, current.nanos_per_hour)
            if current.started_at is None and look.state != "waiting":
                current.started_at = now
                current.state = "running"
                current.deadline_at = now + timedelta(seconds=run.seconds) + GRACE
            if look.state in ("waiting", "running"):
                if current.stop_asked_at is None:
                    current.why = mask(look.why)
                return False
            await self._note_end(session, current, look)
        return True

    async def _note_end(self, session: Session, run: Run, look: Look) -> None:
        now = self.clock.now()
        run.exit_code = look.exit_code
        run.state = _ENDS.get(look.state, "failed")
        if look.state == "timed_out" and run.seconds < int(run.spec["limits"]["seconds"]):
            run.state, look = "stopped", replace(look, why=f"Its budget was used up after {run.seconds} s.")
        run.why = mask(look.why or ("The job disappeared without a trace." if look.state == "gone" else ""))
        if run.state == "collecting":
            run.deadline_at = now + _COLLECTING_FOR
        else:
            run.ended_at = now
            await self._tell(session, run)

    async def _collect(self, run_id: str) -> Json:
        run = await self._find(run_id)
        if run.state != "collecting":
            return False
        assert run.handle is not None
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="mercato-out-"))
        try:
            files = await self._collect_files(run, run.handle, folder)
            checked = await asyncio.to_thread(check_artifacts, files)
            kept = []
            for each in checked:
                key = f"training/{run_id}/out/{each.name}"
                await self.objects.put(key, each.path)
                kept.append(Artifact(run_id=run_id, name=each.name, kind=each.kind, bytes=each.bytes,
                                     sha256=each.sha256, key=key))  # fmt: skip
        except (ArtifactRefused, ProviderRefused) as refusal:
            return await self._end(run_id, "failed", mask(str(refusal)))
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        async with self.database.transaction() as session:
            for artifact in kept:
                await TrainingRepository(session).put_artifact(artifact)
        return await self._end(run_id, "succeeded", "")

    async def _collect_files(self, run: Run, handle: str, folder: Path) -> list[Path]:
        """Retries while the provider does not respond, until the run's deadline for collecting has passed."""
        while True:
            try:
                return await self._providers_of(run).collect(handle, folder, MOST_BYTES)
            except ProviderUnavailable as lack:
                if not await self._change(run.id, why=mask(str(lack))):
                    raise ProviderRefused(str(lack)) from None
            await asyncio.sleep(_LOOK_SECONDS)

    async def _clear(self, run_id: str) -> Json:
        """Delete the job's files; the code and the artifacts stay."""
        run = await self._find(run_id)
        handle = run.handle
        if handle is not None:
            await _until_available(lambda: self._providers_of(run).forget(handle))
        return True

    async def _end(self, run_id: str, state: str, why: str) -> bool:
        """End it, unless it has ended. Returns False, the result of a step after which there is no more to do."""
        now = self.clock.now()
        async with self.database.transaction() as session:
            rows = TrainingRepository(session)
            if await rows.change_open(run_id, state=state, why=why, ended_at=now):
                run = await rows.find(run_id)
                assert run is not None
                await self._tell(session, run)
        return False

    async def _tell(self, session: Session, run: Run) -> None:
        news = TrainingEnded(by=_BY, run_id=run.id, organisation_id=run.organisation_id, state=run.state)
        await self.outbox.add(session, news)

    async def _change(self, run_id: str, **values: Any) -> bool:
        async with self.database.transaction() as session:
            return await TrainingRepository(session).change_open(run_id, **values)

    async def _find(self, run_id: str) -> Run:
        async with self.database.transaction() as session:
            run = await TrainingRepository(session).find(run_id)
        assert run is not None
        return run

    def _providers_of(self, run: Run) -> Provider:
        return self.providers[run.provider]


async def _until_available(act: Callable[[], Awaitable[None]]) -> None:
    while True:
        try:
            return await act()
        except ProviderUnavailable as lack:
            log.warning("a training provider does not respond", why=mask(str(lack)))
            await asyncio.sleep(_AWAY_SECONDS)


def _stored(run: Run) -> tuple[StoredFile, ...]:
    code = StoredFile(CODE, code_key(run.id), run.code_sha256)
    if run.data_key is None or run.data_sha256 is None:
        return (code,)
    return code, StoredFile(TRAIN, run.data_key, run.data_sha256)
