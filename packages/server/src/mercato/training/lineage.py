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


async def find_succeeded(session: Session, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], SucceededRun]:
    """Of these pairs of an organisation and a run, those where the run is the organisation's and succeeded."""
    rows, run_ids = TrainingRepository(session), {run_id for _, run_id in wanted}
    if not run_ids:
        return {}
    left: dict[str, list[tuple[str, str]]] = {}
    for artifact in await rows.artifacts_of(run_ids):
        left.setdefault(artifact.run_id, []).append((artifact.name, artifact.sha256))
    return {
        (run.organisation_id, run.id): SucceededRun(
            run.id, run.code_sha256, run.data_sha256, tuple(left.get(run.id, ()))
        )
        for run in await rows.find_many(run_ids)
        if run.state == "succeeded" and (run.organisation_id, run.id) in wanted
    }
