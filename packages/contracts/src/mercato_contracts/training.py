"""Training: what a run is asked for, how it goes, what it leaves."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from mercato_contracts.wire import Count, Nanos, Slug, Wire

HyperParameter = bool | int | float | Annotated[str, Field(max_length=200)]
RunState = Literal["queued", "running", "collecting", "succeeded", "failed", "timed_out", "stopped"]
TERMINAL: frozenset[str] = frozenset({"succeeded", "failed", "timed_out", "stopped"})
"""States that a run never leaves."""

ProviderName = Literal["local", "runpod"]
JobEnd = Literal["failed", "timed_out"]
_TIMED_OUT_BEFORE = "It took longer than its "
"""How workers built before `JobFailure.end` begin the error of a job whose time was over."""

ArtifactKind = Literal["lightgbm", "onnx"]


class TrainingLimits(Wire):
    """What a run may use at most; what uses more is ended."""

    seconds: Annotated[int, Field(ge=1, le=86_400)] = 3600
    memory_mib: Annotated[int, Field(ge=64, le=1_048_576)] = 4096
    processes: Annotated[int, Field(ge=1, le=1024)] = Field(default=64, description="Processes and threads")
    disk_mib: Annotated[int, Field(ge=1, le=1_048_576)] = 2048


class TrainingSpec(Wire):
    """A model to be trained. The same spec, code and data give the same model, as far as the code keeps to its seed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "training-spec/1",
                    "task": "us-equities",
                    "round": None,
                    "hyperparameters": {"learning_rate": 0.05, "num_leaves": 31},
                    "seed": 7,
                    "provider": "local",
                    "gpu": None,
                    "max_cost_nanos": 2_000_000_000,
                    "limits": {"seconds": 600, "memory_mib": 2048, "processes": 64, "disk_mib": 512},
                }
            ]
        }
    )

    contract: Literal["training-spec/1"] = "training-spec/1"
    task: Slug
    round: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The data round; none: no data"
    )
    hyperparameters: Annotated[dict[Annotated[str, Field(max_length=64)], HyperParameter], Field(max_length=100)] = {}
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    provider: ProviderName = "local"
    gpu: Annotated[str, Field(max_length=64)] | None = None
    max_cost_nanos: Annotated[int, Field(ge=0, le=9_000_000_000_000_000_000)] | None = Field(
        default=None, description="Nano-dollars at which the run is stopped"
    )
    limits: TrainingLimits = TrainingLimits()


class StartTrainingRequest(Wire):
    """A spec and the code that it is run with: a zip of the project's folder, in base64."""

    spec: TrainingSpec
    code: Annotated[str, Field(max_length=12_000_000)]


class ClaimRequest(Wire):
    """A job that runs elsewhere says which one it is."""

    job: Annotated[str, Field(min_length=1, max_length=100)]


class JobFailure(Wire):
    """The answer of a job that runs elsewhere and did not succeed; its log goes beside these fields."""

    error: Annotated[str, Field(min_length=1, description="What went wrong, in one sentence")]
    end: JobEnd = Field(default="failed", description="`timed_out` when the job was ended because its time was over")


def job_end_of(answer: Any, error: str) -> JobEnd:
    """The `end` in a failed job's answer; from a worker that does not send it, what the error's first words say."""
    end = answer.get("end") if isinstance(answer, dict) else None
    if end == "timed_out" or (end != "failed" and error.startswith(_TIMED_OUT_BEFORE)):
        return "timed_out"
    return "failed"


class TrainingStepView(Wire):
    """What the code reported at a step."""

    step: int
    metrics: dict[str, float]
    at: datetime


class ArtifactView(Wire):
    """A file that a run left: a LightGBM model as text, or ONNX."""

    name: str
    kind: ArtifactKind
    bytes: int
    sha256: str


class TrainingRun(Wire):
    """A run. `state` ends in one of `succeeded`, `failed`, `timed_out`, `stopped`, and then stays."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "contract": "training-run/1",
                    "id": "trn_0193a0c0f0007000800000000000000a",
                    "spec": {"contract": "training-spec/1", "task": "us-equities", "seed": 7},
                    "state": "running",
                    "why": "",
                    "code_sha256": "0" * 64,
                    "data_sha256": None,
                    "environment": {"python": "3.11.2"},
                    "cost_nanos": 1_000_000,
                    "nanos_per_hour": 50_000_000,
                    "steps": [{"step": 1, "metrics": {"loss": 0.5}, "at": "2026-11-25T10:03:20Z"}],
                    "metrics": {},
                    "artifacts": [],
                    "exit_code": None,
                    "created_at": "2026-11-25T10:03:00Z",
                    "started_at": "2026-11-25T10:03:01Z",
                    "ended_at": None,
                    "deadline_at": "2026-11-25T11:04:00Z",
                }
            ]
        }
    )

    contract: Literal["training-run/1"] = "training-run/1"
    id: str
    spec: TrainingSpec
    state: RunState
    why: str = Field(description="Why it waits, or how it ended, in one sentence; empty when there is nothing to say")
    code_sha256: str
    data_sha256: str | None
    environment: dict[str, str] = Field(description="Where it ran: versions, machine, containment")
    cost_nanos: Nanos
    nanos_per_hour: Nanos
    steps: list[TrainingStepView]
    metrics: dict[str, float] = Field(description="What the code reported at the end")
    artifacts: list[ArtifactView]
    exit_code: int | None
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime = Field(description="When the present state is over at the latest")


class TrainingRunPage(Wire):
    """Some runs, the newest first, without their steps; `next` is the `after` of the next page."""

    items: list[TrainingRun]
    next: str | None


class LogPage(Wire):
    """What a run said, from `offset` on: ask again with `next`. `ended` once nothing follows."""

    text: str
    offset: Count
    next: Count
    ended: bool
