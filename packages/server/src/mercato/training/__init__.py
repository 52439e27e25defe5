"""Turning data into a model: runs on a provider, watched, bounded, and what they left."""

from mercato.training.claims import ClaimLinks, claim_run, handle_of
from mercato.training.code import read_code, unpack
from mercato.training.models import Artifact, Run, RunStep
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
from mercato.training.reconcile import TrainingStarter, end_overdue, find_next_deadline
from mercato.training.refusals import RunNotFound
from mercato.training.runs import Dossier, Said, StoredCode, TrainingRuns, store_code
from mercato.training.workflow import TrainingWork

__all__ = [
    "Artifact",
    "ClaimLinks",
    "Dossier",
    "Job",
    "LaunchUncertain",
    "Look",
    "Provider",
    "ProviderRefused",
    "ProviderUnavailable",
    "Run",
    "RunNotFound",
    "RunStep",
    "Said",
    "StoredCode",
    "StoredFile",
    "TrainingEnded",
    "TrainingRequested",
    "TrainingRuns",
    "TrainingStarter",
    "TrainingStopAsked",
    "TrainingWork",
    "claim_run",
    "end_overdue",
    "find_next_deadline",
    "handle_of",
    "read_code",
    "store_code",
    "unpack",
]
