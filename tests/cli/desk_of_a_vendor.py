"""A vendor at the desk of a running marketplace: a deployed project, a round that is scored, and the one after."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import yaml

from tests.cli.conftest import Mp, Shop
from tests.support.running import BIN
from tests.support.terminal import run_in_terminal
from tests.support.waiting import eventually

DATASET = "us-equities-daily"
ERAS = 5


@dataclass
class Desk:
    """A vendor whose deployed signal is registered and linked, an operator, an open round."""

    vendor: Mp
    operator: Mp
    api: httpx.Client
    deployment: str
    round: dict[str, Any]

    @property
    def data(self) -> str:
        """Where the round was pulled to."""
        return str(self.vendor.config / "round")

    def terminal(self, mp: Mp, *words: str) -> tuple[int, str]:
        """What a person sees."""
        return run_in_terminal([str(BIN / "mp"), *words], mp.environment, mp.config)

    def eras(self) -> list[int]:
        """Of the round."""
        return list(range(self.round["first_era"], self.round["last_era"] + 1))

    def state(self) -> str:
        """Of the round."""
        return str(self.api.get(f"/api/rounds/{self.round['id']}").json()["state"])


def code(done: Any) -> tuple[int, str]:
    """Exit code and code of a refusal, of a command with `--json`."""
    return done.returncode, json.loads(done.stderr)["error"].get("code", "")


@pytest.fixture(scope="module")
def operator(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Mp:
    mp = Mp(tmp_path_factory.mktemp("operator"))
    words = ("login", "--url", shop.url, "--gateway", shop.gateway, "--email", "admin@localhost")
    assert mp(*words, stdin=shop.operator_password).returncode == 0
    return mp


@pytest.fixture(scope="module")
def vendor(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mp]:
    """A vendor with a vendor key, and a signal that is served on this machine."""
    mp = Mp(tmp_path_factory.mktemp("signallers"))
    addresses = ("--url", shop.url, "--gateway", shop.gateway)
    mp.json("signup", "signallers", *addresses, "--email", "s@example.org", stdin="correct horse battery")
    mp.json("login", "--token", "-", *addresses, stdin=mp.json("keys", "make", "--kind", "vk")["key"])
    mp.json("init", "level", "--template", "signal-http")
    # Whoever waits for a switch asks more often than the template's plan allows.
    manifest = mp.config / "level" / "service.yaml"
    answer = yaml.safe_load(manifest.read_text())
    answer["plans"][0]["limits"] = answer["endpoint"]["limits"] = [
        {"unit": "requests", "per": "minute", "amount": 6000}
    ]
    manifest.write_text(yaml.safe_dump(answer, sort_keys=False))
    yield mp
    mp("undeploy", "level")


@pytest.fixture(scope="module")
def api(shop: Shop) -> Iterator[httpx.Client]:
    """The control API, as the operator's administrator."""
    with httpx.Client(base_url=shop.url, timeout=120) as client:
        person = {"email": "admin@localhost", "password": shop.operator_password}
        token = client.post("/api/sessions", json=person).json()["access_token"]
        client.headers["authorization"] = f"Bearer {token}"
        yield client


@pytest.fixture(scope="module")
def desk(vendor: Mp, operator: Mp, api: httpx.Client) -> Desk:
    assert api.post("/api/datasets", json={}).status_code == 200
    asked = {"reason": "a test", "eras": ERAS, "open_seconds": 86_400, "embargo_seconds": 0}
    opened = api.post(f"/api/datasets/{DATASET}/rounds", json=asked)
    assert opened.status_code == 201, opened.text
    endpoint = vendor.json("deploy", "level")["endpoint"]
    found = Desk(vendor, operator, api, _register(vendor, operator, endpoint), opened.json())
    vendor.json("link-infra", found.deployment, "--interval", "3600")
    vendor.json("heartbeat", found.deployment)
    vendor.json("data", "pull", DATASET, "--to", found.data)
    return found


def _register(vendor: Mp, operator: Mp, endpoint: str) -> str:
    words = ("register", "level", "--endpoint", endpoint, "--wait-seconds", "1", "--json")
    answers: list[dict[str, Any]] = []

    def registered() -> bool:
        for waiting in operator.json("approvals", "list")["items"]:
            operator("approvals", "approve", waiting["submission"]["id"], "--reason", "looked at it")
        done = vendor(*words)
        assert done.returncode in (0, 5), done.stderr
        answers.extend([json.loads(done.stdout)] if done.returncode == 0 else [])
        return done.returncode == 0

    eventually(registered, "the release")
    return str(answers[0]["items"][0]["id"])


@pytest.fixture(scope="module")
def receipts(desk: Desk) -> list[dict[str, Any]]:
    """Of what was made of the round, signed and stored."""
    made = desk.vendor.json("signals", "make", desk.data, desk.deployment)
    assert made["eras"] == list(range(desk.round["first_era"], desk.round["last_era"] + 1))
    items: list[dict[str, Any]] = desk.vendor.json("signals", "store", "signals.json")["items"]
    return items


@pytest.fixture(scope="module")
def scored(desk: Desk, receipts: list[dict[str, Any]]) -> str:
    """The round's id, once it is resolved."""
    assert receipts
    name = desk.round["id"]
    assert desk.api.post(f"/api/rounds/{name}/close", json={"reason": "a test"}).status_code == 200
    eventually(lambda: desk.state() in ("scored", "resolved"), "the round is scored")
    desk.api.post(f"/api/rounds/{name}/resolve", json={"reason": "a test"})
    assert desk.state() == "resolved"
    return str(name)


@pytest.fixture(scope="module")
def next_round(desk: Desk, scored: str) -> str:
    """The id of the round after, scored and under embargo: the signal has a weight in it."""
    assert scored
    asked = {"reason": "a test", "eras": ERAS, "open_seconds": 86_400, "embargo_seconds": 86_400}
    opened = desk.api.post(f"/api/datasets/{DATASET}/rounds", json=asked)
    assert opened.status_code == 201, opened.text
    found: str = opened.json()["id"]
    desk.vendor.json("data", "pull", DATASET, "--to", str(desk.vendor.config / "next"))
    desk.vendor.json("signals", "make", str(desk.vendor.config / "next"), desk.deployment, "--out", "next.json")
    desk.vendor.json("signals", "store", "next.json")
    assert desk.api.post(f"/api/rounds/{found}/close", json={"reason": "a test"}).status_code == 200
    eventually(lambda: desk.api.get(f"/api/rounds/{found}").json()["state"] == "scored", "the next round is scored")
    return found
