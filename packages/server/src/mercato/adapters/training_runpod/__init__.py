"""Runs as jobs of RunPod's serverless queues."""

from mercato.adapters.training_runpod.client import JOBS_URL, REST_URL, RunPodClient
from mercato.adapters.training_runpod.places import Place, read_places
from mercato.adapters.training_runpod.provider import RunPodProvider

__all__ = ["JOBS_URL", "REST_URL", "Place", "RunPodClient", "RunPodProvider", "read_places"]
