"""Runs as jobs of RunPod's serverless queues: `mercato.training.Provider` over HTTP."""

import asyncio
import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

from mercato.adapters.runpod_places import CPU, Place
from mercato.adapters.training_runpod.client import RunPodClient
from mercato.adapters.training_runpod.waiting import Waiting
from mercato.platform import ObjectStore
from mercato.training import ClaimLinks, Job, Look, ProviderRefused, ProviderUnavailable, StoredFile, handle_of
from mercato_contracts.training import TrainingSpec, job_end_of

LOOK_SECONDS = 2.0
WHY_SECONDS = 10.0
_QUEUED_FOR = timedelta(minutes=35)
"""Longer than a run may be queued here: the marketplace decides first, and RunPod's deletion is the net below."""

_GRACE = timedelta(minutes=10)
_LEAST_MS, _MOST_MS = 5_000, 7 * 86_400_000
"""Of `executionTimeout` (send-requests, execution policies)."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_MOST_FILES = 100


class RunPodProvider:
    """`places` by GPU. Workers fetch code and data by links of `objects`, and claim their run by one of `claims`."""

    def __init__(
        self,
        client: RunPodClient,
        places: Mapping[str, Place],
        objects: ObjectStore,
        claims: ClaimLinks,
        *,
        look_seconds: float = LOOK_SECONDS,
        why_seconds: float = WHY_SECONDS,
    ) -> None:
        self._client = client
        self._places = dict(places)
        self._objects = objects
        self._claims = claims
        self._look_seconds = look_seconds
        self._waiting = Waiting(client, why_seconds)

    @property
    def fetches(self) -> bool:
        return True

    def nanos_per_hour(self, spec: TrainingSpec) -> int:
        return self._place(spec).nanos_per_hour

    def machines(self) -> dict[str, int]:
        return {"" if name == CPU else name: place.nanos_per_hour for name, place in self._places.items()}

    def environment(self) -> dict[str, str]:
        return {"provider": "runpod", "containment": "a container of RunPod's, fresh for each run"}

    async def launch(self, job: Job) -> str:
        """One `POST /run`, with an execution policy that ends the job whatever becomes of us."""
        place = self._place(job.spec)
        lives = min(_QUEUED_FOR + timedelta(seconds=job.seconds) + _GRACE, timedelta(milliseconds=_MOST_MS))
        code, *data = [await self._link(file, lives) for file in job.stored]
        given = {
            "spec": job.spec.model_dump(mode="json"),
            "seconds": job.seconds,
            "code": {"url": code["url"], "sha256": code["sha256"]},
            "data": data,
            "claim": self._claims.sign(job.run_id, place.endpoint, lives),
        }
        policy = {
            "executionTimeout": min(max(job.seconds * 1000, _LEAST_MS), _MOST_MS),
            "ttl": int(lives.total_seconds() * 1000),
        }
        try:
            name = await self._client.run(place.endpoint, {"input": given, "policy": policy})
        except ProviderUnavailable:
            await asyncio.sleep(self._look_seconds)
            raise
        return handle_of(place.endpoint, name)

    async def find(self, run_id: str) -> str | None:
        """RunPod finds no job by a name of ours; one that was begun claims its run, and then the run has its handle."""
        await asyncio.sleep(self._look_seconds)
        raise ProviderUnavailable(
            "The worker that launched it died or was not answered: it waits for its job to claim it."
        )

    async def look(self, handle: str, log_offset: int) -> Look:
        await asyncio.sleep(self._look_seconds)
        endpoint, job = _parts(handle)
        job_status = await self._client.status(endpoint, job)
        if job_status is None:
            return Look("gone", "RunPod knows its job no more: its time to live was over, or it was removed.")
        text, place = _new_text(job_status.get("output"), log_offset)
        spent = _milliseconds(job_status.get("executionTime"))
        match job_status.get("status"):
            case "IN_QUEUE":
                return Look("waiting", await self._waiting.why(endpoint), "", log_offset)
            case "IN_PROGRESS" | "RUNNING":
                spent = spent or _milliseconds(_of(job_status.get("output"), "elapsed_ms"))
                return Look("running", "", text, place, None, spent)
            case "COMPLETED":
                return Look("succeeded", "", text, place, 0, spent)
            case "CANCELLED":
                return Look("stopped", "It was stopped.", text, place, None, spent)
            case "TIMED_OUT":
                why = "RunPod ended it: its time was over." if spent else "RunPod found no worker for it in time."
                return Look("timed_out" if spent else "failed", why, text, place, None, spent)
            case "FAILED":
                why = _reason(job_status.get("error") or _of(job_status.get("output"), "error"))
                return Look(job_end_of(job_status.get("output"), why), why, text, place, 1, spent)
        raise ProviderUnavailable(f"RunPod gave a state that is not known: {str(job_status.get('status'))[:40]}.")

    async def stop(self, handle: str) -> None:
        await self._client.cancel(*_parts(handle))

    async def collect(self, handle: str, folder: Path, most_bytes: int) -> list[Path]:
        """From the job's output, which RunPod keeps for half an hour."""
        job_status = await self._client.status(*_parts(handle))
        artifacts = _of(None if job_status is None else job_status.get("output"), "artifacts")
        if job_status is None or not isinstance(artifacts, list):
            raise ProviderRefused("RunPod has the job's result no more.")
        if len(artifacts) > _MOST_FILES:
            raise ProviderRefused(f"The run left {len(artifacts)} files; at most {_MOST_FILES} are looked at.")
        return await asyncio.to_thread(_write_all, artifacts, folder, most_bytes)

    async def forget(self, handle: str) -> None:
        """RunPod removes results by itself; what should still run does not."""
        await self.stop(handle)

    async def _link(self, file: StoredFile, lives: timedelta) -> dict[str, str]:
        return {"name": file.name, "url": await self._objects.presign(file.key, lives), "sha256": file.sha256}

    def _place(self, spec: TrainingSpec) -> Place:
        place = self._places.get(spec.gpu or CPU)
        if place is None:
            offered = ", ".join(f"`{name}`" for name in self._places)
            raise ProviderRefused(f"RunPod is not set up here for `--gpu {spec.gpu or CPU}`; there are {offered}.")
        return place


def _parts(handle: str) -> tuple[str, str]:
    endpoint, _, job = handle.partition("/")
    return endpoint, job


def _of(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _milliseconds(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_MS else 0


def _new_text(output: Any, log_offset: int) -> tuple[str, int]:
    """What a progress or an answer says beyond `log_offset`, and the place behind it.

    Progress may come late and out of order: what is older than what was heard says nothing new. Where more was said in
    between than is kept, a line says how much is missing.
    """
    reported = _of(output, "log") if isinstance(_of(output, "log"), dict) else output
    place, text = _of(reported, "place"), _of(reported, "text")
    if not isinstance(place, int) or not isinstance(text, str) or place < 0 or place + len(text) <= log_offset:
        return "", log_offset
    missing = place - log_offset
    head = f"[{missing} characters in between were not kept]\n" if missing > 0 else ""
    return head + text[max(log_offset - place, 0) :], place + len(text)


def _reason(value: Any) -> str:
    """The error of a job: our handler's sentence, or what the SDK made of an exception (rp_job.py, `run_job`)."""
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if isinstance(parsed, dict) and "error_message" in parsed:
        text = f"The worker failed: {parsed.get('error_type')}: {parsed['error_message']}"
    return text[:500] if value else "RunPod says that it failed, and not why."


def _write_all(artifacts: list[Any], folder: Path, most_bytes: int) -> list[Path]:
    written, whole = [], 0
    for each in artifacts:
        name, content = _of(each, "name"), _of(each, "content")
        if not isinstance(name, str) or not _NAME.fullmatch(name) or not isinstance(content, str):
            raise ProviderRefused(f"The run left {str(name)[:100]!r}, which is no plain file.")
        whole += len(content) * 3 // 4
        if whole > most_bytes:
            raise ProviderRefused(f"The run left {whole} bytes and more; at most {most_bytes} are kept.")
        try:
            data = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError):
            raise ProviderRefused(f"{name} arrived damaged: it is not base64.") from None
        if hashlib.sha256(data).hexdigest() != _of(each, "sha256"):
            raise ProviderRefused(f"{name} arrived damaged: its SHA-256 is not the one named.")
        path = folder / name
        path.write_bytes(data)
        written.append(path)
    return written
