"""One whole marketplace for all tests of `mp`, and the command as a person runs it."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.forked_mp import needs_start, run_mp
from tests.support.http_server import Server, serve_vectors
from tests.support.running import Place, open_folder
from tests.support.waiting import eventually

MANIFEST = """\
mercato: 1
name: {name}
version: {version}
title: Vectors of sentences
summary: Turns a sentence into a vector of numbers, the same each time.
protocol: openai
task: {task}
endpoint: {{url: "{url}/v1", model: vectors, limits: []}}
plans:
  - name: free
    limits: [{{unit: requests, per: minute, amount: 600}}]
  - name: metered
    price: {{per_1k_input_tokens: "0.02"}}
tags: [vectors]
licence: MIT
"""


@dataclass
class Shop:
    """A running marketplace and who is at home there."""

    url: str
    gateway: str
    consumer_key: str
    password: str
    operator_password: str


class Mp:
    """`mp` with a configuration folder of its own."""

    def __init__(self, config: Path) -> None:
        self.config = config
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MERCATO_")}
        self.environment = inherited | {"XDG_CONFIG_HOME": str(config)}

    @property
    def file(self) -> Path:
        """Where it keeps profiles."""
        return self.config / "mercato" / "profiles.json"

    def __call__(self, *words: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        """`mp …` to its end."""
        return run_mp(words, self.environment | environment, self.config, stdin, real=needs_start(environment))

    def json(self, *words: str, stdin: str = "") -> Any:
        """What `mp … --json` answers; it must succeed."""
        done = self(*words, "--json", stdin=stdin)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="session")
def shop() -> Iterator[Shop]:
    """The whole marketplace, as `mercato up` runs it."""
    with open_folder() as folder:
        place = Place(folder)
        up = place.start("up", "--json")
        ready = up.await_line()
        yield Shop(
            url=ready["control_url"],
            gateway=ready["gateway_url"],
            consumer_key=ready["consumer"]["key"],
            password=ready["consumer"]["password"],
            operator_password=ready["administrator"]["password"],
        )
        assert up.stop() == 0


@pytest.fixture
def mp(tmp_path: Path) -> Mp:
    """The command of somebody who is not logged in."""
    return Mp(tmp_path)


@pytest.fixture
def consumer(mp: Mp, shop: Shop) -> Mp:
    """The command of the first consumer, with the first key."""
    mp("login", "--url", shop.url, "--gateway", shop.gateway, "--token", "-", stdin=shop.consumer_key)
    return mp


@pytest.fixture
def person(mp: Mp, shop: Shop) -> Mp:
    """The command of the first consumer's administrator."""
    words = ("login", "--url", shop.url, "--gateway", shop.gateway, "--email", "demo@localhost")
    assert mp(*words, stdin=shop.password).returncode == 0
    return mp


@pytest.fixture(scope="session")
def vectors() -> Iterator[Server]:
    """A vendor's server that speaks OpenAI's embeddings."""
    with serve_vectors() as server:
        yield server


def join_vendor(shop: Shop, config: Path, slug: str) -> Mp:
    """The command of a new organisation's administrator, logged in with a vendor key."""
    mp = Mp(config)
    joined = mp("signup", slug, "--url", shop.url, "--email", f"{slug}@example.org", stdin="correct horse battery")
    assert joined.returncode == 0, joined.stderr
    key = mp("keys", "make", "--kind", "vk").stdout.strip()
    assert mp("login", "--url", shop.url, "--token", "-", stdin=key).returncode == 0
    return mp


@pytest.fixture(scope="session")
def vendor(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Mp:
    """The command of acme, a vendor."""
    return join_vendor(shop, tmp_path_factory.mktemp("vendor"), "acme")


def approve_all(operator: Mp) -> None:
    """Approve what waits, whoever submitted it."""
    for waiting in operator.json("approvals", "list")["items"]:
        decided = operator("approvals", "approve", waiting["submission"]["id"], "--reason", "looked at it")
        assert decided.stdout.strip().endswith("is approved and live."), decided.stderr


def publish(vendor: Mp, shop: Shop, name: str, task: str, url: str) -> None:
    """Release it with an operator's approval."""
    manifest = f"{name}.yaml"
    (vendor.config / manifest).write_text(MANIFEST.format(name=name, version="1.0.0", url=url, task=task))
    done = vendor("publish", manifest, "--wait-seconds", "0")
    assert done.returncode in (0, 5), done.stderr

    operator = Mp(vendor.config / "operator")
    operator.config.mkdir(exist_ok=True)
    login = ("login", "--url", shop.url, "--email", "admin@localhost")
    assert operator(*login, stdin=shop.operator_password).returncode == 0

    def released() -> bool:
        approve_all(operator)
        return vendor("publish", manifest, "--wait-seconds", "1").returncode == 0

    eventually(released, f"{name} is released")


@pytest.fixture(scope="session")
def service(vendor: Mp, shop: Shop, vectors: Server) -> str:
    """The name of a published service."""
    publish(vendor, shop, "vectors", "embeddings", vectors.url)
    return "acme/vectors"
