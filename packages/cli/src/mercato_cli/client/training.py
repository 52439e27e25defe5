"""Training runs, their logs and files."""

from typing import Any

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.training import LogPage, TrainingRun, TrainingRunPage


class TrainingCalls(Transport):
    """Training runs, their logs and files."""

    def start_training(self, spec: dict[str, Any], code: str) -> TrainingRun:
        """Queue a run; `code` is the project's zip in base64."""
        return self.ask(TrainingRun, "POST", "/api/training/runs", {"spec": spec, "code": code})

    def list_training(self) -> list[TrainingRun]:
        """Every run of the organisation, the newest first."""
        return list(self.pages(TrainingRunPage, "/api/training/runs"))

    def training(self, run_id: str) -> TrainingRun:
        """A run with its steps and what it left."""
        return self.ask(TrainingRun, "GET", f"/api/training/runs/{segment(run_id)}")

    def stop_training(self, run_id: str) -> TrainingRun:
        """Ask to stop the run."""
        return self.ask(TrainingRun, "POST", f"/api/training/runs/{segment(run_id)}/stop")

    def training_log(self, run_id: str, after: int, wait: int) -> LogPage:
        """The run's log from `after` on; waits up to `wait` seconds for something new."""
        return self.ask(
            LogPage, "GET", f"/api/training/runs/{segment(run_id)}/logs", query={"after": after, "wait": wait}
        )

    def training_artifact(self, run_id: str, name: str) -> bytes:
        """An artifact of the run, wherever the marketplace keeps it."""
        return self.fetch(f"/api/training/runs/{segment(run_id)}/artifacts/{segment(name)}")
