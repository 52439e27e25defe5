"""Starts, reads and stops runs for the caller's organisation."""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mercato.datasets import TRAIN, DataShelves, RoundFile, RoundNotFound
from mercato.identity import Caller, Permission
from mercato.platform import Clock, Ids, ObjectStore, Outbox, Session
from mercato.training.code import read_code
from mercato.training.models import Artifact, Run, RunStep
from mercato.training.news import TrainingRequested, TrainingStopAsked
from mercato.training.provider import Provider, ProviderRefused
from mercato.training.refusals import ArtifactNotFound, BudgetTooSmall, ProviderMissing, RunNotFound, TooManyRuns
from mercato.training.repository import TrainingRepository
from mercato_contracts import ids as id_prefix
from mercato_contracts.training import TERMINAL, TrainingSpec

CODE = "code.zip"
MOST_OPEN = 20
QUEUED_FOR = timedelta(minutes=30)
"""How long a run may wait for a worker and a machine."""
_LEAST_SECONDS = 1
_PAGE_CHUNKS = 200
_LAST_CHUNKS = 40
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Dossier:
    """A run with its steps and artifacts."""

    run: Run
    steps: list[RunStep]
    artifacts: list[Artifact]


@dataclass(frozen=True, slots=True)
class OutputPage:
    """A page of a run's output, from `offset`; `next` is the offset of the next page. `ended`: there is no more."""

    text: str
    offset: int
    next: int
    ended: bool


@dataclass(frozen=True, slots=True)
class StoredCode:
    """The code of a run to be started, in the store of files under the run's id."""

    run_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A kind of machine that a provider offers; `gpu` is empty for one without."""

    provider: str
    gpu: str
    nanos_per_hour: int


async def store_code(objects: ObjectStore, ids: Ids, content: bytes) -> StoredCode:
    """Store the code before the run's row is committed: a worker that hears of the run must find it.

    The store may be slow, so requests store the result of `TrainingRuns.check` before their transaction.
    """
    run_id = ids.new(id_prefix.TRAINING_RUN)
    await objects.put(code_key(run_id), content)
    return StoredCode(run_id, hashlib.sha256(content).hexdigest())


class TrainingRuns:
    """The runs of the caller's organisation."""

    def __init__(
        self,
        session: Session,
        clock: Clock,
        ids: Ids,
        outbox: Outbox,
        objects: ObjectStore,
        providers: Mapping[str, Provider],
    ) -> None:
        self._session = session
        self._rows = TrainingRepository(session)
        self._shelves = DataShelves(session, clock, objects)
        self._clock = clock
        self._ids = ids
        self._outbox = outbox
        self._objects = objects
        self._providers = providers

    async def check(self, caller: Caller, spec: TrainingSpec, code: str) -> bytes:
        """The code of a run that may start now, to be stored. Raises what `start` raises, except `RoundNotFound`."""
        caller.require(Permission.TRAINING_WRITE)
        content = read_code(code, needs="train.py")
        affordable_seconds(spec, self._price(spec))
        if await self._rows.count_open(caller.organisation_id) >= MOST_OPEN:
            raise TooManyRuns(f"{MOST_OPEN} runs of your organisation are under way.", most=MOST_OPEN)
        return content

    async def start(self, caller: Caller, spec: TrainingSpec, code: str | StoredCode) -> Dossier:
        """Queue a run. `code` is the code as it was sent, or as it was stored before the transaction.

        Raises `CodeRefused`, `ProviderMissing`, `BudgetTooSmall`, `TooManyRuns`, `RoundNotFound`.
        """
        caller.require(Permission.TRAINING_WRITE)
        if isinstance(code, str):
            code = await store_code(self._objects, self._ids, await self.check(caller, spec, code))
        elif await self._rows.count_open(caller.organisation_id) >= MOST_OPEN:
            raise TooManyRuns(f"{MOST_OPEN} runs of your organisation are under way.", most=MOST_OPEN)
        nanos_per_hour = self._price(spec)
        seconds = affordable_seconds(spec, nanos_per_hour)
        data = None if spec.round is None else await self._training_file(caller, spec.round)
        now = self._clock.now()
        run = Run(
            id=code.run_id,
            organisation_id=caller.organisation_id,
            created_by=caller.actor,
            spec=spec.model_dump(mode="json"),
            provider=spec.provider,
            code_sha256=code.sha256,
            data_sha256=None if data is None else data.sha256,
            data_key=None if data is None else data.object_key,
            environment={},
            state="queued",
            why="It waits for a worker.",
            seconds=seconds,
            nanos_per_hour=nanos_per_hour,
            milliseconds=0,
            cost_nanos=0,
            log_bytes=0,
            metrics={},
            created_at=now,
            deadline_at=now + QUEUED_FOR,
        )
        self._rows.add(run)
        await self._rows.flush()
        await self._outbox.add(self._session, TrainingRequested(by=caller.actor, run_id=run.id))
        return Dossier(run, [], [])

    def machines(self, caller: Caller) -> list[Machine]:
        """Where runs can run, and what an hour costs there."""
        caller.require(Permission.SERVICES_READ)
        return [
            Machine(name, gpu, nanos)
            for name, provider in sorted(self._providers.items())
            for gpu, nanos in sorted(provider.machines().items())
        ]

    async def list_all(self, caller: Caller, *, before: str | None, limit: int) -> list[Run]:
        """The newest first."""
        caller.require(Permission.SERVICES_READ)
        return await self._rows.list_own(caller.organisation_id, before, limit)

    async def get(self, caller: Caller, run_id: str) -> Dossier:
        """Raises `RunNotFound`."""
        run = await self._get(caller, run_id)
        return Dossier(run, await self._rows.steps(run_id), await self._rows.artifacts(run_id))

    async def stop(self, caller: Caller, run_id: str) -> Dossier:
        """Ask to stop it; a run that has ended stays as it ended. Raises `RunNotFound`."""
        caller.require(Permission.TRAINING_WRITE)
        run = await self._get(caller, run_id)
        if run.state not in TERMINAL and run.stop_asked_at is None:
            now = self._clock.now()
            await self._rows.change_open(run_id, stop_asked_at=now, why="It is being stopped.")
            await self._session.refresh(run)
            await self._outbox.add(self._session, TrainingStopAsked(by=caller.actor, run_id=run_id))
        return await self.get(caller, run_id)

    async def read_log(self, caller: Caller, run_id: str, after: int) -> OutputPage:
        """A page of its output from the offset `after`. Raises `RunNotFound`."""
        run = await self._get(caller, run_id)
        chunks = await self._rows.logs(run_id, after, _PAGE_CHUNKS)
        stop = chunks[-1].stop if chunks else after
        # The end is written last, so a run that has ended has all its output here.
        ended = run.state in TERMINAL and len(chunks) < _PAGE_CHUNKS
        return OutputPage("".join(chunk.text for chunk in chunks), after, stop, ended)

    async def read_log_end(self, caller: Caller, run_id: str) -> OutputPage:
        """The last page of its output. Raises `RunNotFound`."""
        run = await self._get(caller, run_id)
        chunks = await self._rows.last_logs(run_id, _LAST_CHUNKS)
        start, stop = (chunks[0].place, chunks[-1].stop) if chunks else (0, 0)
        return OutputPage("".join(chunk.text for chunk in chunks), start, stop, run.state in TERMINAL)

    async def get_artifact(self, caller: Caller, run_id: str, name: str) -> Artifact:
        """Raises `RunNotFound`, `ArtifactNotFound`."""
        await self._get(caller, run_id)
        for artifact in await self._rows.artifacts(run_id):
            if artifact.name == name:
                return artifact
        raise ArtifactNotFound(f"{run_id} left no {name[:100]}.", run=run_id)

    async def _get(self, caller: Caller, run_id: str) -> Run:
        caller.require(Permission.SERVICES_READ)
        run = await self._rows.find(run_id)
        if run is None or run.organisation_id != caller.organisation_id:
            raise RunNotFound(f"Your organisation has no training run {run_id[:80]}.")
        return run

    async def _training_file(self, caller: Caller, round_id: str) -> RoundFile:
        seen = await self._shelves.get_round_by_id(caller, round_id)
        for file in seen.files:
            if file.name == TRAIN:
                return file
        raise RoundNotFound(f"Round {round_id[:80]} has no training data.")

    def _price(self, spec: TrainingSpec) -> int:
        provider = self._providers.get(spec.provider)
        if provider is None:
            raise ProviderMissing(f"This marketplace has no provider `{spec.provider}`.", provider=spec.provider)
        try:
            return provider.nanos_per_hour(spec)
        except ProviderRefused as refusal:
            raise ProviderMissing(str(refusal), provider=spec.provider) from None


def affordable_seconds(spec: TrainingSpec, nanos_per_hour: int) -> int:
    """How long the run may take: its own limit, or what its budget buys. Raises `BudgetTooSmall`."""
    if spec.max_cost_nanos is None or nanos_per_hour == 0:
        return spec.limits.seconds
    affordable = spec.max_cost_nanos * _HOUR // nanos_per_hour
    if affordable < _LEAST_SECONDS:
        raise BudgetTooSmall(
            f"A second costs {math.ceil(nanos_per_hour / _HOUR)} nano-dollars; the budget is {spec.max_cost_nanos}.",
            nanos_per_hour=nanos_per_hour,
        )
    return min(spec.limits.seconds, affordable)


def cost_of(milliseconds: int, nanos_per_hour: int) -> int:
    """In whole nano-dollars, rounded up."""
    return -(-milliseconds * nanos_per_hour // (_HOUR * 1000))


def code_key(run_id: str) -> str:
    """Where the code of a run is stored."""
    return f"training/{run_id}/{CODE}"
