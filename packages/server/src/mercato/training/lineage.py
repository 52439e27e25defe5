"""Which training run a model came from."""

from collections.abc import Collection
from dataclasses import dataclass

from mercato.platform import Session
from mercato.training.repository import TrainingRepository


@dataclass(frozen=True, slots=True)
class SucceededRun:
    """A run that succeeded. `artifacts` are pairs of a file's name and its SHA-256, by name."""

    id: str
    code_sha256: str
    data_sha256: str | None
    artifacts: tuple[tuple[str, str], ...]


async def find_succeeded(session: Session, organisation_id: str, run_ids: Collection[str]) -> dict[str, SucceededRun]:
    """Of these runs, by id, those of this organisation that succeeded."""
    rows = TrainingRepository(session)
    found: dict[str, SucceededRun] = {}
    for run_id in run_ids:
        run = await rows.find(run_id)
        if run is not None and run.organisation_id == organisation_id and run.state == "succeeded":
            left = tuple((artifact.name, artifact.sha256) for artifact in await rows.artifacts(run_id))
            found[run_id] = SucceededRun(run.id, run.code_sha256, run.data_sha256, left)
    return found
