"""A deployment on the vendor's own RunPod account: a load-balancer endpoint, its templates, one for each revision.

Source: RunPod's REST v2 (github.com/runpod/docs at a900806, `api-reference-v2/openapi.json`: createEndpoint,
updateEndpoint, listEndpointWorkers, createTemplate, listGpuTypes) and `serverless/load-balancing/overview` (what
`/ping` answers: 200 healthy, 204 starting).
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from mercato_cli.errors import Exit, MpError
from mercato_cli.web import open_client

REST_URL = "https://api.runpod.io/v2"
PORT = 8000
_TIMEOUT = 30.0
_LOOK_SECONDS = 1.0
_PATIENCE = 6
"""Tries of a call that RunPod asks to wait for (429) or breaks at (5xx)."""

_LONGEST_PAUSE = 60.0
_CPU = "cpu5c"


@dataclass(frozen=True, slots=True)
class Revision:
    """What was deployed once: an image, held by a template of RunPod's."""

    number: int
    image: str
    template: str


@dataclass(slots=True)
class CloudPlace:
    """What is remembered of a deployment, in a file of this machine; the key is no part of it."""

    path: Path
    endpoint: str = ""
    url: str = ""
    health: str = ""
    serving: int = 0
    revisions: list[Revision] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> "CloudPlace":
        """As it was kept; empty where nothing was."""
        try:
            payload = json.loads(path.read_text())
        except FileNotFoundError:
            return cls(path)
        revisions = [Revision(**each) for each in payload.pop("revisions")]
        return cls(path, revisions=revisions, **payload)

    def keep(self) -> None:
        """Whole or not at all."""
        payload = {name: value for name, value in asdict(self).items() if name != "path"}
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        draft.write_text(json.dumps(payload))
        draft.replace(self.path)

    def revision(self, number: int) -> Revision:
        """One that is there. Raises `MpError`."""
        for each in self.revisions:
            if each.number == number:
                return each
        there = ", ".join(str(each.number) for each in self.revisions)
        raise MpError(f"There is no revision {number}; there are {there}.", "Choose one of them.")


@dataclass(frozen=True, slots=True)
class Machine:
    """What a worker runs on: a GPU by its name, or so many virtual CPUs. `most` workers at a time."""

    gpu: str | None
    cpus: int
    most: int


class Cloud:
    """RunPod's REST v2 for one key. Raises `MpError` for what it refuses; the key stands in no text."""

    def __init__(self, api_key: str, base_url: str = REST_URL) -> None:
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")
        self._http = open_client(base_url, timeout=_TIMEOUT, headers={"authorization": f"Bearer {api_key}"})

    def add_template(self, name: str, image: str) -> str:
        """Its id; one of this name that a try before left is used again where it is the same."""
        for each in self._ask("GET", "/templates")["templates"]:
            if each["name"] == name:
                if each["image"] == image:
                    return str(each["id"])
                self._ask("DELETE", f"/templates/{each['id']}")
        body = {
            "name": name, "image": image, "serverless": True, "disk": 10, "ports": [f"{PORT}/http"],
            "env": {"PORT": str(PORT), "PORT_HEALTH": str(PORT), "HEALTH_CHECK_PATH": "/ping"},
            "startSsh": False, "startJupyter": False,
        }  # fmt: skip
        return str(self._ask("POST", "/templates", body)["id"])

    def add_endpoint(self, name: str, template: str, machine: Machine) -> dict[str, Any]:
        """The endpoint; one of this name that a try before left is used again, with this template."""
        for each in self._ask("GET", "/serverless")["endpoints"]:
            if each["name"] == name:
                return self.change_endpoint(str(each["id"]), template)
        body: dict[str, Any] = {
            "name": name, "type": "LOAD_BALANCER", "templateId": template,
            "scaling": {"type": "REQUEST_COUNT", "requestCount": 4},
            "workers": {"min": 0, "max": machine.most, "idleTimeout": 60},
        }  # fmt: skip
        body |= {"gpu": self._gpu(machine.gpu)} if machine.gpu else {"cpu": [{"id": _CPU, "vcpuCount": machine.cpus}]}
        return self._ask("POST", "/serverless", body)

    def change_endpoint(self, endpoint: str, template: str) -> dict[str, Any]:
        """Its workers are replaced by ones of this template, one after the other."""
        return self._ask("PATCH", f"/serverless/{endpoint}", {"templateId": template})

    def remove(self, endpoint: str, templates: list[str]) -> None:
        """The endpoint and these templates; what is gone is gone."""
        for path in (f"/serverless/{endpoint}", *(f"/templates/{each}" for each in templates)):
            self._ask("DELETE", path, missing_is_fine=True)

    def await_healthy(self, place: CloudPlace, wait_seconds: float, say: Callable[[str], None]) -> None:
        """Until `/ping` is answered 200 and every worker runs this revision. Raises `MpError` when the time is over."""
        deadline = time.monotonic() + wait_seconds
        while True:
            payload = self._ask("GET", f"/serverless/{place.endpoint}/workers")
            stale = sum(1 for each in payload["workers"] if each["isStale"])
            health = self._ping(place.health)
            if health == httpx.codes.OK and payload["workers"] and not stale:
                return
            why = _why(payload["summary"], stale, health)
            if time.monotonic() > deadline:
                raise MpError(f"It is not healthy yet: {why}", "Look at its workers in RunPod's console.", Exit.WAITING)
            say(why)
            time.sleep(_LOOK_SECONDS)

    def _ping(self, url: str) -> int:
        # The first call of an endpoint that sleeps is what wakes a worker: RunPod holds it until one is there.
        try:
            return self._http.get(url, timeout=10.0).status_code
        except httpx.HTTPError:
            return 0

    def _gpu(self, wanted: str) -> dict[str, Any]:
        """Endpoints take pools of GPUs; of the wanted one's pool the others are left out."""
        kinds = self._ask("GET", "/catalog/gpus")["gpus"]
        for each in kinds:
            if wanted.lower() in (each["id"].lower(), each["name"].lower()) and each["pool"]:
                others = [kind["id"] for kind in kinds if kind["pool"] == each["pool"] and kind["id"] != each["id"]]
                return {"pools": [each["pool"]], "count": 1} | ({"excludedTypes": others} if others else {})
        offered = ", ".join(sorted(each["name"] for each in kinds if each["pool"]))
        raise MpError(f"RunPod has no GPU {wanted} for endpoints.", f"Choose one of: {offered}.")

    def _ask(
        self, method: str, path: str, body: dict[str, Any] | None = None, *, missing_is_fine: bool = False
    ) -> dict[str, Any]:
        for attempt in range(_PATIENCE):
            try:
                answer = self._http.request(method, f"{self._base_url}{path}", json=body)
            except httpx.HTTPError as error:
                raise MpError(
                    f"RunPod cannot be reached: {type(error).__name__}.", "Try again.", Exit.UNREACHABLE
                ) from None
            # A creation that broke on the way may have happened; the same names find it when it is run again.
            broken = answer.status_code >= 500 and method == "GET"
            if answer.status_code != httpx.codes.TOO_MANY_REQUESTS and not broken:
                break
            if attempt + 1 < _PATIENCE:
                time.sleep(_pause_of(answer))
        if answer.is_success:
            return dict(answer.json()) if answer.content else {}
        if answer.status_code == httpx.codes.NOT_FOUND and missing_is_fine:
            return {}
        raise self._refusal(answer)

    def _refusal(self, answer: httpx.Response) -> MpError:
        try:
            payload = answer.json()
        except ValueError:
            payload = {}
        reason = "; ".join(
            [str(payload.get("detail") or payload.get("error") or "no reason given"), *payload.get("errors", [])]
        )
        reason = reason.replace(self._api_key, "…")
        match answer.status_code:
            case 401 | 403:
                return MpError(f"RunPod does not take the key: {reason}.", "Set RUNPOD_API_KEY.", Exit.NOT_LOGGED_IN)
            case 402:
                return MpError(f"Your RunPod account has no balance left: {reason}.", "Top it up.", Exit.REFUSED)
        return MpError(
            f"RunPod refuses it ({answer.status_code}): {reason}.", "Correct it and deploy again.", Exit.REFUSED
        )


def _pause_of(answer: httpx.Response) -> float:
    try:
        return min(max(float(answer.headers.get("retry-after", "2")), 0.0), _LONGEST_PAUSE)
    except ValueError:
        return 2.0


def _why(summary: dict[str, int], stale: int, health: int) -> str:
    if summary["unhealthy"]:
        return f"{summary['unhealthy']} workers fail their health check."
    if summary["throttled"]:
        return f"{summary['throttled']} workers wait for a machine."
    if summary["initializing"]:
        return f"{summary['initializing']} workers load the image."
    if stale:
        return f"{stale} workers of the revision before are being replaced."
    return "no worker is there yet." if summary["total"] == 0 else f"`/ping` answers {health}."
