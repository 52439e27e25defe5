"""Turning data into a model: training runs on a provider.

Run: one training of a project's code, with limits and a budget; it ends once and for good.
Provider: a place where runs run (the port `Provider`); it knows a run's job by a handle.
Step: metrics that the code reported while it ran.
Artifact: a file that a run left and that was checked: LightGBM text or ONNX.
Claim: the request by which a job that runs elsewhere becomes the job of its run.
"""

from mercato.training.claims import ClaimLinks, claim_run, handle_of
from mercato.training.code import MOST_ZIPPED_BYTES, read_code, unpack
from mercato.training.lineage import SucceededRun, find_succeeded
from mercato.training.models import Run, RunStep
from mercato.training.news import TrainingEnded, TrainingRequested, TrainingStopAsked
from mercato.training.provider import (
    Job,
    LaunchUncertain,
    Look,
    Provider,
    ProviderRefused,
    ProviderUnavailable,
    StoredFile,
)
from mercato.training.reconcile import end_overdue, find_next_deadline, training_starter
from mercato.training.refusals import CodeRefused, RunNotFound
from mercato.training.runs import Dossier, Machine, OutputPage, StoredCode, TrainingRuns, store_code
from mercato.training.workflow import TrainingWork

__all__ = [
    "MOST_ZIPPED_BYTES",
    "ClaimLinks",
    "CodeRefused",
    "Dossier",
    "Job",
    "LaunchUncertain",
    "Look",
    "Machine",
    "OutputPage",
    "Provider",
    "ProviderRefused",
    "ProviderUnavailable",
    "Run",
    "RunNotFound",
    "RunStep",
    "StoredCode",
    "StoredFile",
    "SucceededRun",
    "TrainingEnded",
    "TrainingRequested",
    "TrainingRuns",
    "TrainingStopAsked",
    "TrainingWork",
    "claim_run",
    "end_overdue",
    "find_next_deadline",
    "find_succeeded",
    "handle_of",
    "read_code",
    "store_code",
    "training_starter",
    "unpack",
]
