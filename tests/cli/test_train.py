"""`mp train` from a project's folder to its model, against a running marketplace."""

import json
from pathlib import Path

import pytest

from mercato_cli.curves import curves, sparkline
from mercato_cli.errors import Exit, RunExit
from tests.cli.conftest import Mp, Shop, join_vendor

TRAIN = """
import time
def train(spec, data, out, report):
    for step in range(1, 5):
        report(step, {"loss": 1.0 / step})
    print("rate", spec.hyperparameters["rate"], "seed", spec.seed)
    (out / "model.txt").write_text("tree\\nversion=v4\\nnum_class=1\\n")
    return {"ic": 0.03}
"""
SLEEPY = "import time\ndef train(spec, data, out, report):\n    print('begun', flush=True)\n    time.sleep(600)\n"


@pytest.fixture(scope="module")
def vendor(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Mp:
    """A vendor with a vendor key."""
    return join_vendor(shop, tmp_path_factory.mktemp("trains"), "trains")


def project(folder: Path, text: str) -> str:
    folder.mkdir()
    (folder / "train.py").write_text(text)
    return str(folder)


def test_a_model_is_trained_followed_and_fetched(vendor: Mp, tmp_path: Path) -> None:
    words = ("train", "start", project(tmp_path / "p", TRAIN), "--task", "demo", "--hp", "rate=0.1", "--seed", "7")
    started = vendor(*words)
    assert started.returncode == 0, started.stderr
    run = started.stdout.strip()
    followed = vendor("train", "logs", "-f", run)
    assert "rate 0.1 seed 7" in followed.stdout, vendor("train", "status", run).stdout
    waited = vendor("train", "wait", run)
    assert (waited.returncode, "succeeded" in waited.stdout) == (0, True)
    status = vendor("train", "status", run).stdout
    assert "█" in status
    assert "ic=0.03" in status
    body = vendor.json("train", "status", run)
    assert (body["spec"]["seed"], body["metrics"], len(body["steps"])) == (7, {"ic": 0.03}, 4)
    assert vendor("train", "pull", run, "--to", "got").returncode == 0
    assert (vendor.config / "got" / "model.txt").read_text().startswith("tree\n")
    assert run in vendor("train", "list").stdout


def test_wait_tells_by_its_exit_code_how_a_run_ended(vendor: Mp, tmp_path: Path) -> None:
    broken = vendor("train", "start", project(tmp_path / "b", "def train(*_):\n    1 / 0\n"), "--task", "b")
    slow = vendor("train", "start", project(tmp_path / "s", SLEEPY), "--task", "s", "--seconds", "2")
    sleepy = vendor("train", "start", project(tmp_path / "z", SLEEPY), "--task", "z")
    assert vendor("train", "wait", sleepy.stdout.strip(), "--wait-seconds", "0").returncode == 5
    assert vendor("train", "stop", sleepy.stdout.strip()).returncode == 0
    for started, end in ((broken, RunExit.FAILED), (slow, RunExit.TIMED_OUT), (sleepy, RunExit.STOPPED)):
        waited = vendor("train", "wait", started.stdout.strip())
        assert waited.returncode == end
        assert f"{started.stdout.strip()} {end.name.lower()}" in waited.stdout
    for words, code in ((("trn_0", "--wait-seconds", "x"), Exit.USAGE), (("trn_0",), Exit.REFUSED)):
        wrong = vendor("train", "wait", *words)
        assert wrong.returncode == code
        assert wrong.stdout == "", "only a run that ended writes to standard output"


def test_what_cannot_be_started_says_what_to_do(vendor: Mp, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    empty = vendor("train", "start", str(tmp_path / "empty"), "--task", "x")
    assert (empty.returncode, "mp init --template signal-train" in empty.stderr) == (2, True)
    folder = project(tmp_path / "p", TRAIN)
    wrong = vendor("train", "start", folder, "--task", "x", "--hp", "rate")
    assert (wrong.returncode, "--hp learning_rate=0.05" in wrong.stderr) == (2, True)
    poor = vendor("train", "start", folder, "--task", "x", "--max-cost", "0.000000001", "--json")
    assert json.loads(poor.stderr)["error"]["code"] == "training_over_budget"
    gone = vendor("train", "status", "trn_unknown")
    assert gone.returncode == 1


def test_curves_are_drawn_over_any_number_of_steps() -> None:
    assert sparkline([1.0, 2.0, 3.0]) == "▁▅█"
    assert sparkline([5.0]) == "▁"
    assert sparkline([]) == ""
    assert len(sparkline([float(n) for n in range(1000)])) == 60
    (line,) = curves([{"loss": 1.0}, {"loss": 0.5}])
    assert line == "loss  █▁  1 → 0.5  (lowest 0.5, highest 1)"
