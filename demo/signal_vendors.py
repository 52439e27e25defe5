"""Chapter 8: vendors with nothing but `mp` train a model on a data round, run it, register it, say that it lives."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import yaml

from demo.command import MP, Mp
from demo.marketplace import Marketplace
from demo.processes import Processes, Running

DATASET = "us-equities-daily"
HEARTBEAT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Recipe:
    """Who a vendor is, and what its model learns from."""

    slug: str
    project: str
    hyperparameters: Sequence[str]


RECIPES = (
    Recipe("momentum-lab", "momentum", ("features=momentum,nearness,drawdown,distance", "trees=60")),
    Recipe("risk-works", "low-risk", ("features=volatility,beta,skew,largest", "trees=60", "leaves=5")),
)
"""Two honestly different models: one looks at where prices went, the other at how they went there."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A run as `mp train status` tells it, and the SHA-256 of the model that was fetched."""

    run: dict[str, Any]
    model_sha256: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a vendor signed for a round, by its own file, and the desk's receipts."""

    vendor: str
    deployment: str
    scores: dict[int, dict[str, float]]
    receipts: list[dict[str, Any]]


T = TypeVar("T")


def together(
    vendors: Sequence["SignalVendor"], work: Callable[["SignalVendor"], T], meanwhile: Callable[[], None] | None = None
) -> list[T]:
    """What each vendor's work gives, all at once; `meanwhile` is done again and again until then.

    If one fails, or somebody interrupts, the others are stopped.
    """
    with ThreadPoolExecutor(len(vendors)) as pool:
        futures = [pool.submit(work, vendor) for vendor in vendors]
        try:
            while wait(futures, 0.1, FIRST_EXCEPTION).not_done and not any(map(_failed, futures)):
                if meanwhile is not None:
                    meanwhile()
            return [future.result() for future in futures]
        finally:
            while not all(future.done() for future in futures):
                for vendor in vendors:
                    vendor.mp.stop()
                time.sleep(0.1)


def _failed(future: Future[T]) -> bool:
    return future.done() and future.exception() is not None


class SignalVendor:
    """One vendor on a machine of its own."""

    def __init__(self, recipe: Recipe, marketplace: Marketplace, processes: Processes, folder: Path) -> None:
        self.recipe = recipe
        self.slug = recipe.slug
        self.service = f"{recipe.slug}/{recipe.project}"
        self.email, self.password = f"ada@{recipe.slug}.example", uuid4().hex
        self.mp = Mp(folder / recipe.slug)
        self.deployment = ""
        self._project = self.mp.folder / recipe.project
        self._marketplace = marketplace
        self._processes = processes
        self._run = ""
        self._metrics: dict[str, float] = {}

    def join(self) -> None:
        """Sign up, make a vendor key, log in with it, begin a project."""
        addresses = ("--url", self._marketplace.control_url, "--gateway", self._marketplace.gateway_url)
        self.mp("signup", self.slug, "--email", self.email, *addresses, stdin=f"{self.password}\n")
        key = self.mp("keys", "make", "--kind", "vk", "--name", "workstation")["key"]
        self.mp("login", "--token", "-", *addresses, stdin=key)
        self.mp("init", self.recipe.project, "--template", "signal-train")
        self._allow_many_calls()

    def _allow_many_calls(self) -> None:
        """The template's plan allows 60 calls a minute; whoever watches a kill switch asks more often."""
        path = self._project / "service.yaml"
        manifest = yaml.safe_load(path.read_text())
        limit = [{"unit": "requests", "per": "minute", "amount": 6000}]
        manifest["plans"][0]["limits"] = limit
        manifest["endpoint"]["limits"] = limit
        path.write_text(yaml.safe_dump(manifest, sort_keys=False))

    def pull(self, number: int, *names: str) -> dict[str, Any]:
        """The files of a round, all or those named; each is compared with its checksum."""
        files = [word for name in names for word in ("--file", name)]
        answer: dict[str, Any] = self.mp(
            "data", "pull", DATASET, "--round", str(number), "--to", str(self._data(number)), *files
        )
        return answer

    def train(self, round_id: str) -> Trained:
        """Train on the round with the local provider, wait, fetch the model."""
        given = [word for one in self.recipe.hyperparameters for word in ("--hp", one)]
        words = (
            "train",
            "start",
            str(self._project),
            "--task",
            self.recipe.project,
            "--round",
            round_id,
            "--seed",
            "7",
        )
        self._run = self.mp(*words, *given, "--max-cost", "1")["id"]
        run = self.mp("train", "wait", self._run, "--wait-seconds", "120")
        self._metrics = run["metrics"]
        self.mp("train", "pull", self._run, "--to", str(self._models))
        return Trained(run, hashlib.sha256((self._models / "model.txt").read_bytes()).hexdigest())

    def deploy(self) -> str:
        """Serve the model on this machine, supervised; its address."""
        words = ("deploy", str(self._project), "--name", self.recipe.project)
        return str(self.mp(*words, "--artifact", str(self._models / "model.txt"))["endpoint"])

    def register(self, endpoint: str) -> None:
        """Publish the version with this endpoint; returns when people have approved it."""
        (listed,) = self.mp("register", str(self._project), "--endpoint", endpoint)["items"]
        self.deployment = listed["id"]

    def come_alive(self) -> Running:
        """Link the deployment to a key of its own, and say every few seconds that it lives."""
        self.mp("link-infra", self.deployment)
        self.mp("heartbeat", self.deployment)
        command = [MP, "heartbeat", self.deployment, "--every", str(HEARTBEAT_SECONDS)]
        return self._processes.start(f"heartbeat of {self.slug}", command, self.mp.environment)

    def claim(self) -> None:
        """Say what the training found on the eras that were held out, so that live results can be held against it."""
        answer = self._metrics
        words = ("--eras", f"{answer['eras_judged']:.0f}", "--mean-ic", str(answer["rank_ic"]))
        self.mp("score", "claim", self.deployment, *words, "--deviation", str(answer["rank_ic_deviation"]),
                "--source", f"held out in {self._run}")  # fmt: skip

    def write(self, number: int) -> Written:
        """Have the deployment score the round, sign what it says and hand it in."""
        if not self._data(number).exists():
            self.pull(number)
        file = self.mp.folder / f"signals-{number}.json"
        self.mp("signals", "make", str(self._data(number)), self.deployment, "--out", str(file))
        receipts = self.mp("signals", "store", str(file))["items"]
        scores = {write["era"]: write["scores"] for write in json.loads(file.read_text())["writes"]}
        return Written(self.slug, self.deployment, scores, receipts)

    def prove(self, receipt: dict[str, Any]) -> dict[str, Any]:
        """Fetch the proof that a write stands in the log, and check it again without asking anybody."""
        file = str(self.mp.folder / f"{receipt['id']}.json")
        self.mp("signals", "proof", receipt["id"], "--out", file)
        answer: dict[str, Any] = self.mp("signals", "verify", file, "--digest", receipt["digest"])
        return answer

    def live_request(self, number: int) -> bytes:
        """What the deployment was asked about a round, as anybody else would ask it."""
        from mercato_cli.live_eras import read_live

        return read_live(self._data(number)).model_dump_json().encode()

    def targets(self, number: int) -> dict[int, dict[str, float]]:
        """The truth of a resolved round, by era and id."""
        from pyarrow import parquet

        self.pull(number, "targets.parquet")
        columns = parquet.read_table(self._data(number) / "targets.parquet").to_pydict()
        truth: dict[int, dict[str, float]] = {}
        for era, one, target in zip(columns["era"], columns["id"], columns["target"], strict=True):
            truth.setdefault(era, {})[one] = target
        return truth

    def leave(self) -> None:
        """Nothing of it goes on: no run, no process behind the deployment."""
        if self._run and not self._metrics:
            self.mp.run("train", "stop", self._run)
            self.mp.run("train", "wait", self._run, "--wait-seconds", "20")
        self.mp.run("undeploy", self.recipe.project)

    @property
    def _models(self) -> Path:
        return self._project / "models"

    def _data(self, number: int) -> Path:
        return self.mp.folder / "data" / f"round-{number}"
