"""Where runs run: the port. Its engines stand in `mercato.adapters`: processes of this machine, and RunPod."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from mercato_contracts.training import TrainingSpec

LookState = Literal["waiting", "running", "succeeded", "failed", "timed_out", "stopped", "gone"]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be run: `code` is the zip of the project, `data` a folder with the round's files, if there are any.

    `seconds` is how long it may run: the spec's limit, or what its budget buys, whichever is less. A provider that
    `fetches` is told where both are in the object store instead: `code` is empty and `data` is None.
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
    """How a job stands. `why`: why it waits or how it ended, in a sentence. `log` is what it said from the asked offset
    on, up to `log_next`; `milliseconds` of use so far are what it costs."""

    state: LookState
    why: str = ""
    log: str = ""
    log_next: int = 0
    exit_code: int | None = None
    milliseconds: int = 0


class ProviderUnavailable(Exception):
    """The provider does not answer, or has no room: asked again later. The text says why."""


class ProviderRefused(Exception):
    """The provider will not run this, now or later. The text says why."""


class LaunchUncertain(Exception):
    """Nobody knows whether the job was begun: it is not launched again, and found if it was. The text says why."""


class Provider(Protocol):
    """A place for runs. Every method may raise `ProviderUnavailable`."""

    @property
    def fetches(self) -> bool:
        """Whether jobs fetch their code and data from the object store by themselves."""
        ...

    def nanos_per_hour(self, spec: TrainingSpec) -> int:
        """What an hour of it costs, in nano-dollars. Raises `ProviderRefused` for what it does not have."""
        ...

    def environment(self) -> dict[str, str]:
        """What is worth recording about where it runs."""
        ...

    async def launch(self, job: Job) -> str:
        """Run it; the handle by which it is found. Not called again for a run unless it raised `ProviderUnavailable`,
        which says that nothing was begun. Raises `ProviderRefused`, `LaunchUncertain`."""
        ...

    async def find(self, run_id: str) -> str | None:
        """The handle of a job that may have been launched by a process that died meanwhile; None where there is none.

        Raises `ProviderUnavailable` where that is not known yet: such a job claims its run (`claims.py`), or the run's
        time passes."""
        ...

    async def look(self, handle: str, log_offset: int) -> Look:
        """How it stands, and what it said from `log_offset` on. The same end, however often it is asked."""
        ...

    async def stop(self, handle: str) -> None:
        """End it, all of it; what has ended stays as it ended."""
        ...

    async def collect(self, handle: str, folder: Path, most_bytes: int) -> list[Path]:
        """The files that it left, as they are (nothing of them can be trusted), at most `most_bytes` of them in
        `folder`. Raises `ProviderRefused` where it left more."""
        ...

    async def forget(self, handle: str) -> None:
        """Nothing of it is needed any more."""
        ...
