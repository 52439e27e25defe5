"""The registry of MLflow 3, by its REST API: `MlflowClient` asks, `MlflowRegistry` makes it hold what it shall."""

from mercato.adapters.registry_mlflow.client import MlflowClient
from mercato.adapters.registry_mlflow.registry import MlflowRegistry

__all__ = ["MlflowClient", "MlflowRegistry"]
