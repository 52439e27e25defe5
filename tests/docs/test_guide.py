"""The guide "From data to live signal in 15 minutes", by the letter, on real processes."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.running import BIN, Place, open_folder

GUIDE = (Path(__file__).parents[2] / "docs/guides/data-to-live-signal.md").read_text()
_PASSWORD = "correct horse battery"
_SECONDS = 900
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture
def place() -> Iterator[tuple[Place, dict[str, Any]]]:
    """A marketplace with an open round, as its operator prepared it."""
    with open_folder() as folder:
        place = Place(folder)
        up = place.start("up", "--json")
        told = up.await_line()
        for words in (("data", "build"), ("data", "open")):
            done = place.run(*words)
            assert done.returncode == 0, done.stderr
        yield place, told
        assert up.stop() == 0


def test_the_guide_works_by_the_letter(place: tuple[Place, dict[str, Any]], tmp_path: Path) -> None:
    _, told = place
    first, *rest = re.findall(r"```sh\n(.*?)```", GUIDE, re.S)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MERCATO_")}
    environment |= {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "MARKET": told["control_url"],
    }
    # The gateway of this marketplace is not at the usual port.
    gateway = f'--url "$MARKET" --gateway {told["gateway_url"]}'
    _run(first.replace('--url "$MARKET"', gateway), environment, tmp_path, f"{_PASSWORD}\n")
    _vouch(told)
    try:
        out = _run("\n".join(rest), environment, tmp_path)
        written = json.loads(_run("mp signals list --json", environment, tmp_path))["items"]
    finally:
        _run("mp undeploy momentum || true", environment, tmp_path)  # it may have stopped before
    assert [entry["place"] for entry in written] == [4, 3, 2, 1, 0]
    assert len({entry["deployment"] for entry in written}) == 1
    catalogue = json.loads(out.splitlines()[-1])
    (listed,) = [each for each in catalogue["items"] if each["vendor"] == "momentum-lab"]
    assert (listed["name"], listed["status"], listed["protocol"]) == ("momentum-lab/momentum", "live", "signal")


def _run(script: str, environment: dict[str, str], folder: Path, stdin: str = "") -> str:
    """What the lines print, run one after the other in one shell; each must succeed."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment, input=stdin, capture_output=True,
        text=True, timeout=_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def _vouch(told: dict[str, Any]) -> None:
    """The operator knows this vendor: its releases go live by rule."""
    with httpx.Client(base_url=told["control_url"], timeout=60) as api:
        administrator = {"email": "admin@localhost", "password": told["administrator"]["password"]}
        token = api.post("/api/sessions", json=administrator).json()["access_token"]
        api.headers["authorization"] = f"Bearer {token}"
        assert api.put("/api/organisations/momentum-lab/verification", json={"verified": True}).status_code == 200
