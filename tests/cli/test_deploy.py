"""A project served on this machine: no call is lost while revisions change, and what dies comes back."""

import json
import os
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mercato_cli.hosting.place import Place
from tests.cli.conftest import Mp
from tests.support.running import processes_naming
from tests.support.waiting import eventually

HANDLER = """
class Handler:
    def __init__(self, artifact): pass
    def infer(self, request):
        return {{"contract": "signal-inference/2", "model": "{word}",
                "eras": [{{"era": era.era, "scores": {{name: 0.5 for name in era.ids}}}} for era in request.eras]}}
"""
ASKED = {
    "contract": "signal-inference/2",
    "round": "rnd_019ab3c1f2d47e0b8a6d5c4b3a291807",
    "features": ["feature_a"],
    "eras": [{"era": 1, "ids": ["a", "b"], "values": [[0.1], [0.2]]}],
}


@pytest.fixture
def deployer(mp: Mp, tmp_path: Path) -> Iterator[Mp]:
    """Nothing of it stays."""
    yield mp
    mp("undeploy", "signals")


def project(folder: Path, word: str) -> str:
    folder.mkdir(exist_ok=True)
    text = HANDLER.format(word=word)
    (folder / "handler.py").write_text(text)
    (folder / "service.yaml").write_text("mercato: 1\nname: signals\nprotocol: signal\n")
    return str(folder)


def status_of(mp: Mp) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((mp.config / "mercato" / "hosting" / "signals" / "status.json").read_text())
    return body


def ask(endpoint: str) -> str:
    """The model that answered; why not, where none did."""
    request = urllib.request.Request(
        f"{endpoint}/v1/signals", json.dumps(ASKED).encode(), {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return str(json.load(answer)["model"])
    except (urllib.error.URLError, OSError) as error:
        return f"failed: {error}"


class Load:
    """Asks without pause until it is told to end."""

    def __init__(self, endpoint: str) -> None:
        self.answers: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(endpoint,))

    def _run(self, endpoint: str) -> None:
        while not self._ended.is_set():
            self.answers.append(ask(endpoint))

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()


def test_no_call_is_lost_while_revisions_change_and_what_dies_comes_back(deployer: Mp, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    first = deployer.json("deploy", project(folder, "one"), "--name", "signals", "--memory", "4096", "--cpu", "1")
    endpoint = first["endpoint"]
    assert ask(endpoint) == "one"
    with Load(endpoint) as load:
        second = deployer.json("deploy", project(folder, "two"), "--name", "signals")
        assert (second["revision"], second["endpoint"]) == (2, endpoint)
        eventually(lambda: load.answers[-1] == "two", "the second revision answers")
        assert deployer.json("rollback", "signals")["revision"] == 1
        eventually(lambda: load.answers[-1] == "one", "the first answers again")
    assert set(load.answers) == {"one", "two"}, [answer for answer in load.answers if "failed" in answer][:3]

    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "handler.py").write_text("raise RuntimeError('broken')\n")
    (bad / "service.yaml").write_text("mercato: 1\nname: signals\nprotocol: signal\n")
    refused = deployer("deploy", str(bad), "--name", "signals")
    assert (refused.returncode, "did not become healthy" in refused.stderr) == (1, True)
    assert ask(endpoint) == "one", "a revision that fails changes nothing"

    runner = status_of(deployer)["runner"]
    os.kill(runner, signal.SIGKILL)
    eventually(lambda: ask(endpoint) == "one", "the runner is started again")
    assert status_of(deployer)["restarts"] == 1
    host = status_of(deployer)["pid"]
    runner = status_of(deployer)["runner"]
    os.kill(host, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{runner}").exists(), "the runner dies with its host")
    assert deployer.json("rollback", "signals", "--to", "2")["endpoint"] == endpoint
    assert ask(endpoint) == "two"
    assert deployer("undeploy", "signals").returncode == 0
    assert ask(endpoint).startswith("failed")


@pytest.mark.slow
def test_a_host_starts_and_ends_whoever_asks_meanwhile_and_whatever_a_runner_left(deployer: Mp, tmp_path: Path) -> None:
    folder = tmp_path / "p"
    text = "import subprocess\nsubprocess.Popen(['sleep', '600'])\n"
    project(folder, "one")
    (folder / "handler.py").write_text(text + (folder / "handler.py").read_text())
    place = Place(deployer.config / "mercato" / "hosting" / "signals")
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            if place.exists():
                place.is_hosted()

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        first = deployer.json("deploy", str(folder), "--name", "signals")
    finally:
        ended.set()
        looking.join(60)
    assert ask(first["endpoint"]) == "one"
    try:
        assert deployer("undeploy", "signals").returncode == 0
    finally:
        for pid, command in processes_naming(deployer.config).items():
            if command.startswith("sleep"):
                os.kill(pid, signal.SIGKILL)


def test_what_cannot_be_deployed_says_what_to_do(mp: Mp, tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    empty = mp("deploy", str(tmp_path / "p"))
    assert (empty.returncode, "mp init" in empty.stderr) == (2, True)
    assert "mp deploy" in mp("rollback", "nothing").stderr
    assert "--name" in mp("rollback", "../evil").stderr
