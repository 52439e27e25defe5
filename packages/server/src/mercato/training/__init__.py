"""Turning data into a model: runs on a provider, watched, bounded, and what they left."""

from mercato.training.code import read_code, unpack
from mercato.training.models import Artifact, Run, RunStep
from mercato.training.provider import Job, Look, Provider, ProviderRefused, ProviderUnavailable
from mercato.training.reconcile import TrainingStarter, end_overdue
from mercato.training.refusals import RunNotFound
from mercato.training.runs import Dossier, Said, TrainingRuns
from mercato.training.workflow import TrainingWork

__all__ = [
    "Artifact",
    "Dossier",
    "Job",
    "Look",
    "Provider",
    "ProviderRefused",
    "ProviderUnavailable",
    "Run",
    "RunNotFound",
    "RunStep",
    "Said",
    "TrainingRuns",
    "TrainingStarter",
    "TrainingWork",
    "end_overdue",
    "read_code",
    "unpack",
]
