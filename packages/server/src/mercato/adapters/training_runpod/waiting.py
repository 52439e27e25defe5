"""Why a job waits, in a sentence: from what RunPod tells of an endpoint's workers and queue."""

import time
from typing import Any

from mercato.adapters.training_runpod.client import RunPodClient
from mercato.training import ProviderUnavailable

_LINES = 5


class Waiting:
    """Asks at most once in `every_seconds` for each endpoint: REST v2 allows some sixty calls a minute."""

    def __init__(self, client: RunPodClient, every_seconds: float) -> None:
        self._client = client
        self._every_seconds = every_seconds
        self._reasons: dict[str, tuple[float, str]] = {}

    async def why(self, endpoint: str) -> str:
        """Never raises: not to know why is no reason to stop waiting."""
        at, why = self._reasons.get(endpoint, (0.0, ""))
        if why and time.monotonic() < at + self._every_seconds:
            return why
        try:
            why = await self._ask(endpoint)
        except ProviderUnavailable as lack:
            why = f"Waiting in RunPod's queue; the reason is not known: {lack}"
        self._reasons[endpoint] = (time.monotonic(), why)
        return why

    async def _ask(self, endpoint: str) -> str:
        health = await self._client.health(endpoint)
        queued = _count(health.get("jobs"), "inQueue")
        try:
            state = await self._client.workers(endpoint)
        except ProviderUnavailable:
            state = {"summary": health.get("workers")}
        summary = state.get("summary")
        if sick := _count(summary, "unhealthy"):
            return f"Crash loop: {sick} of its workers fail or die at once.{await self._last_words(endpoint, state)}"
        if cold := _count(summary, "initializing"):
            return f"Cold start: {cold} of its workers load their image; {queued} jobs are queued."
        throttled = _count(summary, "throttled")
        if throttled and _count(summary, "running") + _count(summary, "idle") == 0:
            return f"Throttled: all {throttled} of its workers wait until a machine has room for them."
        if running := _count(summary, "running"):
            return f"All {running} of its workers run other jobs; {queued} jobs are queued."
        if _count(summary, "idle"):
            return f"It is in RunPod's queue and is taken up soon; {queued} jobs are queued."
        return f"No capacity: RunPod has no worker for it yet; {queued} jobs are queued."

    async def _last_words(self, endpoint: str, state: dict[str, Any]) -> str:
        workers = state.get("workers")
        for worker in workers if isinstance(workers, list) else []:
            if isinstance(worker, dict) and worker.get("status") == "UNHEALTHY" and str(worker.get("id", "")).isalnum():
                lines = await self._client.last_lines(endpoint, str(worker["id"]), _LINES)
                if lines:
                    return f" Its last lines: {' | '.join(lines)}"
        return ""


def _count(summary: Any, name: str) -> int:
    value = summary.get(name) if isinstance(summary, dict) else None
    return value if isinstance(value, int) else 0
