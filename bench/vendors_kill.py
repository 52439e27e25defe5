"""The kill switch measured where it counts: from an operator's request to the first call that a gateway refuses."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.discovery_rows import Row
from mercato_cli.commands.init import write_project

KILL_BAR_S = 2.0
_THROWS = 10
_PAUSE_SECONDS = 0.005
_ASKED = {
    "contract": "signal-inference/2", "round": "rnd_" + "0" * 32, "features": ["feature_a"],
    "eras": [{"era": 1, "ids": ["a", "b"], "values": [[0.1], [0.2]]}],
}  # fmt: skip
_MANY = [{"unit": "requests", "per": "minute", "amount": 60_000}]


def measure_kill_switch(parsed: dict[str, Any], vendor: str, key: str, folder: Path) -> list[Row]:
    """`told` is what `mercato up --json` said, `key` of the vendor whose slug is `vendor`.

    A signal of the vendor's is published through the pipeline, called, switched off and on again.
    """
    control = parsed["control_url"]
    with _served(folder / "killed") as endpoint, _signed_in(control, parsed["administrator"]) as operator:
        _publish(folder / "killed", endpoint, control, key, operator)
        service = f"{vendor}/killed"
        _subscribe(control, parsed["consumer"], service)
        times = list(_throw(operator, vendor, f"{parsed['gateway_url']}/s/{service}", parsed["consumer"]["key"]))
    return [Row("kill_switch_s", statistics.median(times), "s", "lower", KILL_BAR_S, (min(times), max(times)))]


@contextmanager
def _served(project: Path) -> Iterator[str]:
    """A project of a template in the runner; its address."""
    write_project("killed", "signal-http", project)
    manifest = yaml.safe_load((project / "service.yaml").read_text())
    manifest["plans"][0]["limits"] = manifest["endpoint"]["limits"] = _MANY
    (project / "service.yaml").write_text(yaml.safe_dump(manifest, sort_keys=False))
    words = ["-m", "mercato_cli.runner", "serve", "--project", str(project), "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as runner:
        assert runner.stdout is not None
        try:
            yield f"http://{json.loads(runner.stdout.readline())['address'].removeprefix('http://')}"
        finally:
            runner.terminate()


@contextmanager
def _signed_in(control: str, person: dict[str, str]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=control, timeout=60) as api:
        who = {"email": person["email"], "password": person["password"]}
        token = _answered(api.post("/api/sessions", json=who))["access_token"]
        api.headers["authorization"] = f"Bearer {token}"
        yield api


def _publish(project: Path, endpoint: str, control: str, key: str, operator: httpx.Client) -> None:
    """As a vendor registers it, and a person approves it."""
    command = [str(Path(sys.executable).parent / "mp"), "register", str(project), "--endpoint", endpoint, "--json"]
    environment = {**os.environ, "MERCATO_TOKEN": key, "MERCATO_URL": control}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as registering:
        while registering.poll() is None:
            for item in _answered(operator.get("/api/approvals"))["items"]:
                path = f"/api/approvals/{item['submission']['id']}"
                operator.post(path, json={"decision": "approve", "reason": "a bench"})
            time.sleep(0.2)
        out, err = registering.communicate()
    assert registering.returncode == 0, (out, err)


def _subscribe(control: str, consumer: dict[str, str], service: str) -> None:
    with _signed_in(control, consumer) as api:
        plans = {plan["name"]: plan["id"] for plan in _answered(api.get(f"/api/services/{service}"))["plans"]}
        _answered(api.post("/api/subscriptions", json={"plan_id": plans["free"]}))


def _throw(operator: httpx.Client, vendor: str, url: str, key: str) -> Iterator[float]:
    headers = {"authorization": f"Bearer {key}"}
    with httpx.Client(base_url=url, headers=headers, timeout=60) as consumer:
        _until(consumer, 200)
        for _ in range(_THROWS):
            began = time.perf_counter()
            thrown = operator.post(
                "/api/kill-switches", json={"scope": "vendor", "target": vendor, "reason": "a bench"}
            )
            _until(consumer, 503)
            yield time.perf_counter() - began
            _answered(operator.post(f"/api/kill-switches/{_answered(thrown)['id']}/lift", json={"reason": "a bench"}))
            _until(consumer, 200)


def _until(consumer: httpx.Client, status: int) -> None:
    deadline = time.monotonic() + 60
    while (answer := consumer.post("/v1/signals", json=_ASKED)).status_code != status:
        assert time.monotonic() < deadline, answer.text
        time.sleep(_PAUSE_SECONDS)


def _answered(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code < 300, answer.text
    parsed: dict[str, Any] = answer.json()
    return parsed
