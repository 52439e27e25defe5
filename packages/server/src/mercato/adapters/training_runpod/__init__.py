"""Runs as jobs of RunPod's serverless queues."""

from mercato.adapters.runpod_places import Place, read_places
from mercato.adapters.training_runpod.client import RunPodClient
from mercato.adapters.training_runpod.provider import RunPodProvider

__all__ = ["Place", "RunPodClient", "RunPodProvider", "read_places"]
