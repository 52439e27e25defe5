"""Workflows of the forge: valid, with the fewest rights, and nothing foreign that is not pinned by its commit."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.reader import ROOT

_BIN = Path(sys.executable).parent
_WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_workflows() -> None:
    assert _WORKFLOWS


@pytest.mark.parametrize("file", _WORKFLOWS, ids=lambda file: file.stem)
def test_a_workflow_is_valid_and_safe(file: Path) -> None:
    _run(_BIN / "actionlint", "-shellcheck=", "-pyflakes=", file)
    _run(_BIN / "zizmor", "--offline", "--persona=pedantic", "--no-progress", file)


@pytest.mark.parametrize("file", _WORKFLOWS, ids=lambda file: file.stem)
def test_every_job_has_a_time_limit_and_rights_of_its_own(file: Path) -> None:
    workflow: dict[str, Any] = yaml.safe_load(file.read_text())
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 90, name
        assert "permissions" in job, name
        for step in job["steps"]:
            assert "uses" not in step or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"]), step


def test_the_tests_on_the_forge_are_those_of_the_repository() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    assert [step["run"] for step in jobs["test"]["steps"] if "run" in step] == [".ci/run"]
