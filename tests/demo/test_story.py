"""The whole demonstration, as `make demo` runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.running import processes_naming
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_story_agrees_in_every_figure() -> None:
    answer = subprocess.run([sys.executable, "-m", "demo"], cwd=ROOT, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout[-4000:] + answer.stderr[-2000:]
    assert answer.stdout.rstrip().endswith("demo: ok")
    assert "NOT  " not in answer.stdout


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("moment", ["gateway is ready", "round 1 of us-equities-daily is open", "a person approved"])
def test_an_interruption_stops_everything_that_was_started(tmp_path: Path, moment: str) -> None:
    log = tmp_path / "demo.log"
    with log.open("w") as out:
        demo = subprocess.Popen(
            [sys.executable, "-m", "demo"], cwd=ROOT, stdout=out, env={**os.environ, "TMPDIR": str(tmp_path)}
        )
    deadline = time.monotonic() + 400
    while moment not in log.read_text():
        assert demo.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.2)
    demo.send_signal(signal.SIGINT)
    assert demo.wait(120) == 130
    started = [int(pid) for pid in re.findall(r"\(process (\d+)\)", log.read_text())]
    assert len(started) >= 4
    # Who started a daemon is not told when it is gone: the system takes a moment to bury it.
    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started), f"the end of {started}")
    # What supervises a deployment, and what trains, are processes of their own.
    assert processes_naming(tmp_path) == {}
    assert list(tmp_path.glob("mercato-demo-*")) == []
