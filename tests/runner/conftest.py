"""A vendor's project in a folder of its own, and the runner as its own process."""

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

_SECONDS = 60.0

HANDLER = """
    import math
    import time
    from pathlib import Path

    from mercato_cli.runner import Refused
    from mercato_contracts.signals import SignalInferenceResponse


    class Handler:
        def __init__(self, artifact):
            self.model = "plain" if artifact is None else artifact.read_text()

        def infer(self, request):
            print("a handler may print")
            scores = {name: math.tanh(bars[-1].close - bars[0].close) for name, bars in request.history.items()}
            if "REFUSE" in scores:
                raise Refused("history_too_short", "REFUSE has too few closes.", fields={"history.REFUSE": "2 closes"})
            if "FAIL" in scores:
                raise RuntimeError("the secret of the vendor")
            if "LACK" in scores:
                del scores["LACK"]
            if "WILD" in scores:
                return {"as_of": request.as_of, "model": "m", "horizon_days": 5, "scores": {**scores, "WILD": math.nan}}
            if "SLEEP" in scores:
                (Path(__file__).parent / "started").touch()
                time.sleep(1)
            return SignalInferenceResponse(as_of=request.as_of, model=self.model, horizon_days=5, scores=scores)
"""


class Runner:
    """`python -m mercato_cli.runner serve` with a client."""

    def __init__(self, project: Path, *words: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "mercato_cli.runner", "serve", "--project", str(project), *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate(timeout=_SECONDS)[1]
        self.address: str = json.loads(line)["address"]
        self.http = httpx.Client(base_url=self.address, timeout=_SECONDS)

    def ask(self, body: Any, **headers: str) -> httpx.Response:
        """`POST /v1/signals`."""
        return self.http.post("/v1/signals", json=body, headers=headers)

    def stop(self) -> tuple[int, str]:
        """SIGTERM; its exit code and what it wrote to standard error."""
        self.http.close()
        self.process.terminate()
        answer = self.process.communicate(timeout=_SECONDS)[1]
        return self.process.returncode, answer


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with a small handler."""
    (tmp_path / "handler.py").write_text(textwrap.dedent(HANDLER))
    return tmp_path


@pytest.fixture
def runner(project: Path) -> Iterator[Runner]:
    """The runner on that project."""
    running = Runner(project)
    yield running
    if running.process.poll() is None:
        running.stop()
