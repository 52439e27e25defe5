"""Training: what a run is asked for, how it goes, what it leaves."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from mercato_contracts.fields import CONTRACT, CreatedAt, NextPage
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
    """The limits of a run; a run that exceeds one is ended."""

    seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=3600, description="The most seconds of running, at most a day"
    )
    memory_mib: Annotated[int, Field(ge=64, le=1_048_576)] = Field(default=4096, description="The most memory, in MiB")
    processes: Annotated[int, Field(ge=1, le=1024)] = Field(default=64, description="Processes and threads")
    disk_mib: Annotated[int, Field(ge=1, le=1_048_576)] = Field(default=2048, description="The most disk space, in MiB")


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

    contract: Annotated[Literal["training-spec/1"], CONTRACT] = "training-spec/1"
    task: Slug = Field(description="The name of what is trained")
    round: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The data round; none: no data"
    )
    hyperparameters: Annotated[dict[Annotated[str, Field(max_length=64)], HyperParameter], Field(max_length=100)] = (
        Field(default={}, description="Values that the code reads by name, at most 100")
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(default=0, description="The seed of all randomness")
    provider: ProviderName = Field(default="local", description="Where it runs")
    gpu: Annotated[str, Field(max_length=64)] | None = Field(
        default=None, description="The kind of GPU; left out: none"
    )
    max_cost_nanos: Annotated[int, Field(ge=0, le=9_000_000_000_000_000_000)] | None = Field(
        default=None, description="Nano-dollars at which the run is stopped"
    )
    limits: TrainingLimits = Field(default=TrainingLimits(), description="What the run may use at most")


class StartTrainingRequest(Wire):
    """A spec and the code that it is run with: a zip of the project's folder, in base64."""

    spec: TrainingSpec = Field(description="What is to be trained")
    code: Annotated[str, Field(max_length=12_000_000)] = Field(
        description="A zip of the project's folder, base64, at most 12,000,000 characters"
    )


class ClaimRequest(Wire):
    """A job that runs elsewhere says which one it is."""

    job: Annotated[str, Field(min_length=1, max_length=100)] = Field(description="The provider's id of the job")


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

    step: int = Field(description="The step's number")
    metrics: dict[str, float] = Field(description="What was reported, by name")
    at: datetime = Field(description="When it was reported, UTC")


class ArtifactView(Wire):
    """A file that a run left: a LightGBM model as text, or ONNX."""

    name: str = Field(description="The file's name")
    kind: ArtifactKind = Field(description="The format of the model")
    bytes: int = Field(description="The file's size in bytes")
    sha256: str = Field(description="SHA-256 of the file")


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

    contract: Annotated[Literal["training-run/1"], CONTRACT] = "training-run/1"
    id: str = Field(description="The run's id, `trn_…`")
    spec: TrainingSpec = Field(description="What is trained")
    state: RunState = Field(description="Where the run stands")
    why: str = Field(description="Why it waits, or how it ended, in one sentence; empty when there is nothing to say")
    code_sha256: str = Field(description="SHA-256 of the code")
    data_sha256: str | None = Field(description="SHA-256 of the data; null without data")
    environment: dict[str, str] = Field(description="Where it ran: versions, machine, containment")
    cost_nanos: Nanos = Field(description="What it has cost so far, in nano-dollars")
    nanos_per_hour: Nanos = Field(description="What an hour costs, in nano-dollars")
    steps: list[TrainingStepView] = Field(description="What the code reported, oldest first; empty in lists")
    metrics: dict[str, float] = Field(description="What the code reported at the end")
    artifacts: list[ArtifactView] = Field(description="The files that it left")
    exit_code: int | None = Field(description="The exit code of its process; null until it ended, or where it had none")
    created_at: CreatedAt
    started_at: datetime | None = Field(description="When it began to run, UTC; null before")
    ended_at: datetime | None = Field(description="When it ended, UTC; null before")
    deadline_at: datetime = Field(description="When the present state is over at the latest")


class TrainingRunPage(Wire):
    """Some runs, the newest first, without their steps; `next` is the `after` of the next page."""

    items: list[TrainingRun] = Field(description="The runs of this page, newest first")
    next: NextPage


class LogPage(Wire):
    """A run's output from `offset` on; ask again with `next`. `ended` once nothing follows."""

    text: str = Field(description="A part of the run's output")
    offset: Count = Field(description="Where this part begins in the output")
    next: Count = Field(description="Where the next part begins in the output")
    ended: bool = Field(description="Whether nothing follows")
