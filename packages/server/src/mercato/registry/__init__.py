"""A model registry outside, where an operations team finds the marketplace's models beside its own.

- A *registry* is the engine that holds models and their versions: MLflow.
- A *model* there is one public service; its *versions* are the service's releases.
- An *alias* is a name that moves from version to version: `champion` is the current release, `canary` the one on trial.
- A model is *ours* if this marketplace made it. Others are never touched, whatever their names.
- The *feeder* reads the outbox and keeps the registry as the catalogue is. One process does it at a time.
"""

from mercato.registry.feeding import READER, RegistryFeeder, count_waiting_news, forget_registry_feeder
from mercato.registry.ports import (
    OwnModel,
    RegisteredModel,
    RegisteredVersion,
    Registry,
    RegistryFailed,
    RegistryRefused,
    RegistryRejected,
    RegistryTaken,
    RegistryUnavailable,
)
from mercato.registry.reading import ModelReader
from mercato.registry.reconciling import Reconciled, reconcile

__all__ = [
    "READER",
    "ModelReader",
    "OwnModel",
    "Reconciled",
    "RegisteredModel",
    "RegisteredVersion",
    "Registry",
    "RegistryFailed",
    "RegistryFeeder",
    "RegistryRefused",
    "RegistryRejected",
    "RegistryTaken",
    "RegistryUnavailable",
    "count_waiting_news",
    "forget_registry_feeder",
    "reconcile",
]
