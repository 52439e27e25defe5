"""The port for places where runs run. Its engines are in `mercato.adapters`: processes of this machine, and RunPod."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from mercato_contracts.training import TrainingSpec

LookState = Literal["waiting", "running", "succeeded", "failed", "timed_out", "stopped", "gone"]


@dataclass(frozen=True, slots=True)
class Job:
    """A job to run: `code` is the zip of the project, `data` a folder with the round's files, if there are any.

    `seconds` is how long it may run: the spec's limit, or what its budget buys, whichever is less. A provider that
    `fetches` gets `stored` instead, which is where both are in the object store; then `code` is empty, `data` is None.
    """

    run_id: str
    spec: TrainingSpec
    code: bytes
    data: Path | None
    seconds: int
    stored: "tuple[StoredFile, ...]" = ()


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a job in the object store: `code.zip`, and those of the round."""

    name: str
    key: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Look:
    """The state of a job. `why` is a sentence: why it waits, or how it ended. `log` is its output from the requested
    offset up to `log_next`. `milliseconds` is the use so far, which it is billed by."""

    state: LookState
    why: str = ""
    log: str = ""
    log_next: int = 0
    exit_code: int | None = None
    milliseconds: int = 0


class ProviderUnavailable(Exception):
    """The provider does not respond or has no capacity; the caller retries later. The text says why."""


class ProviderRefused(Exception):
    """The provider will not run this, now or later. The text says why."""


class LaunchUncertain(Exception):
    """Nobody knows whether the job was started: it is not launched again, but looked for. The text says why."""


class Provider(Protocol):
    """A place for runs. Every method may raise `ProviderUnavailable`."""

    @property
    def fetches(self) -> bool:
        """Whether jobs fetch their code and data from the object store by themselves."""
        ...

    def nanos_per_hour(self, spec: TrainingSpec) -> int:
        """The price of an hour, in nano-dollars. Raises `ProviderRefused` for a machine that it does not have."""
        ...

    def machines(self) -> dict[str, int]:
        """What an hour costs, in nano-dollars, by GPU; an empty name is a machine without one."""
        ...

    def environment(self) -> dict[str, str]:
        """Facts about the provider that are recorded with each run."""
        ...

    async def launch(self, job: Job) -> str:
        """Start it; returns its handle. Called again for the same run only after `ProviderUnavailable`, which promises
        that nothing was started. Raises `ProviderRefused`, `LaunchUncertain`."""
        ...

    async def find(self, run_id: str) -> str | None:
        """The handle of a job that a process may have launched before it died; None if there is none.

        Raises `ProviderUnavailable` if that is not known yet: such a job claims its run (`claims.py`), or the run's
        time passes."""
        ...

    async def look(self, handle: str, log_offset: int) -> Look:
        """Its state, and its output from `log_offset` on. The end is the same, however often it is asked for."""
        ...

    async def stop(self, handle: str) -> None:
        """Stop it with all its processes; a job that has ended stays as it ended."""
        ...

    async def collect(self, handle: str, folder: Path, most_bytes: int) -> list[Path]:
        """Copy the files that it left into `folder`, unchecked. Raises `ProviderRefused` if they have more than
        `most_bytes` together."""
        ...

    async def forget(self, handle: str) -> None:
        """Delete what is left of it; nothing of it is needed any longer."""
        ...
