"""The guide "From data to live signal in 15 minutes", by the letter, from an empty folder and an empty environment."""

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.reader import ROOT, Marketplace, Reader, make_up
from tests.support.waiting import eventually

GUIDE = (ROOT / "docs/guides/data-to-live-signal.md").read_text()
_PASSWORD = "correct horse battery"
_SECONDS = 1500
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture
def marketplace() -> Iterator[Marketplace]:
    with make_up() as marketplace:
        yield marketplace


def test_the_guide_works_by_the_letter(marketplace: Marketplace, tmp_path: Path) -> None:
    install, *steps = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)
    Reader(tmp_path, f"{marketplace.exports}\nexport MERCATO={ROOT}").run(install)
    vendor = Reader(tmp_path, f"{marketplace.exports}\n. .venv/bin/activate\nexport MERCATO_PROFILE=momentum-lab")
    _await_data(marketplace)
    process = vendor.start("\n".join(steps), f"{_PASSWORD}\n")
    operator = threading.Thread(target=_operate, args=(tmp_path, marketplace, process), daemon=True)
    operator.start()
    try:
        out, err = process.communicate(timeout=_SECONDS)
        assert process.returncode == 0, f"{out}\n{err}"
        assert "waits for a person" in err, "with --json too"
        written = json.loads(vendor.run("mp signals list --json"))["items"]
        _goes_on_living(vendor)
    finally:
        process.kill()
        vendor.run("mp undeploy momentum || true")  # it may have stopped before
    assert [entry["place"] for entry in written] == [4, 3, 2, 1, 0]
    assert len({entry["deployment"] for entry in written}) == 1
    catalogue = json.loads(out.splitlines()[-1])
    (listed,) = [each for each in catalogue["items"] if each["vendor"] == "momentum-lab"]
    assert (listed["name"], listed["status"], listed["protocol"]) == ("momentum-lab/momentum", "live", "signal")


def _await_data(marketplace: Marketplace) -> None:
    """A person has read two pages by the time that the dataset is built; the worker's log says when it is."""
    log = marketplace.state / "logs" / "worker.log"
    eventually(lambda: "the sample round" in log.read_text(), "a round of the sample dataset")


def _operate(folder: Path, marketplace: Marketplace, process: "subprocess.Popen[str]") -> None:
    """The third terminal: the guide's own lines, once something waits."""
    (block,) = re.findall(r"```bash\n(.*?)```", GUIDE, re.S)
    log_in, decide = block.split("mp approvals list\n")
    operator = Reader(folder, marketplace.exports)
    operator.run(log_in, f"{marketplace.password}\n")
    operator = Reader(folder, f"{marketplace.exports}\n. .venv/bin/activate\nexport MERCATO_PROFILE=operator")
    while process.poll() is None:
        waiting = json.loads(operator.run("mp approvals list --json"))["items"]
        if waiting:
            operator.run(decide.replace("SUBMISSION", waiting[0]["submission"]["id"]))
            return
        time.sleep(1)


def _goes_on_living(vendor: Reader) -> None:
    """Nobody types a heartbeat, and the next ones arrive."""

    def heard() -> tuple[str, str]:
        (item,) = json.loads(vendor.run("mp deployments list --json"))["items"]
        return item["link"]["heard_at"], item["link"]["state"]

    first, _ = heard()
    eventually(lambda: heard()[0] > first, "another heartbeat")
    assert heard()[1] == "live"
