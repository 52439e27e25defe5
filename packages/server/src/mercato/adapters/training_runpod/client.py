"""RunPod over HTTP: jobs of serverless queues, and what REST v2 tells of their workers.

Sources (RunPod's documentation, github.com/runpod/docs at a900806, 2026-08-20): operations, sizes and retention,
`serverless/endpoints/operation-reference`; policy, limits and errors, `serverless/endpoints/send-requests`; states,
`serverless/endpoints/job-states`; workers and their logs, `api-reference-v2/openapi.json`. That the status of a job
under way shows its last progress as `output` beside `delayTime` and `executionTime`: runpod-python, issue 105.
"""

import contextlib
import email.utils
import json
import ssl
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx

from mercato.adapters.runpod_places import JOBS_URL, REST_URL
from mercato.training import LaunchUncertain, ProviderRefused, ProviderUnavailable

_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_LOG_SECONDS = 3.0
_MOST_BYTES = 32 * 1024 * 1024
"""RunPod takes 10 MB from a worker; what is far more than that is not read."""

_LONGEST_PAUSE = 3600.0
_FIRST_PAUSE = 5.0
_BROKEN = 500


class RunPodClient:
    """Calls for one account. The key stands in no error and no log.

    Every call raises `ProviderUnavailable` where RunPod is away or over its limits: until `Retry-After` has passed, and
    without asking again before.
    """

    def __init__(self, api_key: str, *, jobs_url: str = JOBS_URL, rest_url: str = REST_URL) -> None:
        self._api_key = api_key
        self._jobs_url = jobs_url.rstrip("/")
        self._rest_url = rest_url.rstrip("/")
        self._context = ssl.create_default_context()
        self._closed_until: dict[str, float] = {}

    async def run(self, endpoint: str, body: dict[str, Any]) -> str:
        """`POST /run`: the new job's id. Raises `ProviderRefused`, `LaunchUncertain` where the answer was lost."""
        try:
            answer, document = await self._call("POST", f"{self._jobs_url}/{endpoint}/run", body)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            raise ProviderUnavailable("RunPod cannot be reached; it is tried again.") from None
        except httpx.HTTPError as error:
            raise LaunchUncertain(_LOST.format(f"was cut ({type(error).__name__})")) from None
        if answer.status_code >= _BROKEN:
            raise LaunchUncertain(_LOST.format(f"was {answer.status_code}"))
        self._refuse(answer, document)
        job = document.get("id") if isinstance(document, dict) else None
        if not isinstance(job, str) or not job:
            raise LaunchUncertain(_LOST.format("named no job"))
        return job

    async def status(self, endpoint: str, job: str) -> dict[str, Any] | None:
        """`GET /status/{job}`; None where RunPod knows it no more: its time to live or its result's is over."""
        return await self._ask("GET", f"{self._jobs_url}/{endpoint}/status/{job}")

    async def cancel(self, endpoint: str, job: str) -> None:
        """`POST /cancel/{job}`; what has ended or is not known any more stays as it is."""
        await self._ask("POST", f"{self._jobs_url}/{endpoint}/cancel/{job}", ended=True)

    async def health(self, endpoint: str) -> dict[str, Any]:
        """`GET /health`: counts of `jobs` and of `workers`."""
        return await self._ask("GET", f"{self._jobs_url}/{endpoint}/health") or {}

    async def workers(self, endpoint: str) -> dict[str, Any]:
        """`GET /v2/serverless/{id}/workers`: `workers` with their states, and a `summary` of counts."""
        return await self._ask("GET", f"{self._rest_url}/serverless/{endpoint}/workers") or {}

    async def last_lines(self, endpoint: str, worker: str, most: int) -> list[str]:
        """`GET /v2/serverless/{id}/workers/{worker}/logs`: the last lines of its container, from a stream of events."""
        url = f"{self._rest_url}/serverless/{endpoint}/workers/{worker}/logs"
        lines: list[str] = []
        # The stream stays open for what comes: after the backlog nothing ends it, so silence does.
        timeout = httpx.Timeout(_LOG_SECONDS, connect=_LOG_SECONDS)
        with contextlib.suppress(httpx.HTTPError):
            async with (
                httpx.AsyncClient(verify=self._context, timeout=timeout) as http,
                http.stream(
                    "GET", url, params={"source": "container", "tail": most}, headers=self._headers()
                ) as answer,
            ):
                if answer.status_code == httpx.codes.OK:
                    async for line in _events(answer, most):
                        lines.append(line)
        return lines[-most:]

    async def _ask(self, method: str, url: str, *, ended: bool = False) -> dict[str, Any] | None:
        try:
            answer, document = await self._call(method, url, None)
        except httpx.HTTPError as error:
            raise ProviderUnavailable(f"RunPod does not answer ({type(error).__name__}).") from None
        if answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_success and isinstance(document, dict):
            return document
        if ended and answer.status_code in (httpx.codes.BAD_REQUEST, httpx.codes.CONFLICT):
            return None
        # The job may be well: that it cannot be asked after says nothing of it.
        raise ProviderUnavailable(f"RunPod answered {answer.status_code}: {self._text(document)}")

    def _refuse(self, answer: httpx.Response, document: Any) -> None:
        if answer.is_success:
            return
        message = self._text(document)
        match answer.status_code:
            case 402:
                raise ProviderRefused(f"RunPod's account of this marketplace has no balance left (402): {message}")
            case 401 | 403:
                raise ProviderRefused(f"RunPod does not take this marketplace's key ({answer.status_code}): {message}")
            case 404:
                raise ProviderRefused("RunPod has no such endpoint (404): the operator's list of places is wrong.")
        raise ProviderRefused(f"RunPod refuses the job ({answer.status_code}): {message}")

    async def _call(self, method: str, url: str, body: dict[str, Any] | None) -> tuple[httpx.Response, Any]:
        # Limits are counted by endpoint and operation (send-requests, rate limits); a job's id is no part of those.
        limited = url if url.endswith("/run") else url.rpartition("/")[0]
        left = self._closed_until.get(limited, 0.0) - time.monotonic()
        if left > 0:
            raise ProviderUnavailable(f"RunPod asked to wait {left:.0f} s more (429).")
        async with (
            httpx.AsyncClient(verify=self._context, timeout=_TIMEOUT) as http,
            http.stream(method, url, json=body, headers=self._headers()) as answer,
        ):
            content = bytearray()
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > _MOST_BYTES:
                    raise httpx.DecodingError("the answer is too large")
        if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            pause = _pause_of(answer.headers.get("retry-after"))
            self._closed_until[limited] = time.monotonic() + pause
            raise ProviderUnavailable(f"RunPod asks to wait {pause:.0f} s (429).")
        return answer, _json_of(bytes(content))

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._api_key}"}

    def _text(self, document: Any) -> str:
        """What is wrong, from a problem of RFC 9457 or an `error`; never the key."""
        if not isinstance(document, dict):
            return "no reason given"
        errors = document.get("errors")
        parts = [document.get("detail") or document.get("error") or document.get("title") or "no reason given"]
        parts += errors if isinstance(errors, list) else []
        return "; ".join(str(part) for part in parts)[:400].replace(self._api_key, "…")


_LOST = "RunPod's answer {}: whether the job was begun is not known; if it was, it claims its run."


def _pause_of(header: str | None) -> float:
    """`Retry-After`: seconds or a date (RFC 9110, 10.2.3)."""
    if header is None:
        return _FIRST_PAUSE
    try:
        pause = float(header)
    except ValueError:
        try:
            pause = email.utils.parsedate_to_datetime(header).timestamp() - time.time()
        except ValueError:
            return _FIRST_PAUSE
    return min(max(pause, 0.0), _LONGEST_PAUSE)


def _json_of(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


async def _events(answer: httpx.Response, most: int) -> AsyncIterator[str]:
    """`line` of each event's data, `most` of them."""
    count = 0
    async for text in answer.aiter_lines():
        event = _json_of(text.removeprefix("data:").encode()) if text.startswith("data:") else None
        if isinstance(event, dict) and isinstance(event.get("line"), str):
            yield event["line"][:500]
            count += 1
            if count >= most:
                return
