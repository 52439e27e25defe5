"""Wheels: complete metadata, and `mercato-cli` alone from its wheel is a working `mp`."""

import email
import os
import subprocess
import sys
import tomllib
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from tests.support.reader import ROOT

_PACKAGES = ("contracts", "checks", "cli", "gateway", "server")
_UV = ROOT / ".tools/bin/uv"


@pytest.mark.parametrize("package", _PACKAGES)
def test_a_package_says_what_it_is(package: str) -> None:
    folder = ROOT / "packages" / package
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["license-files"] == ["LICENSE"]
    assert project["classifiers"]
    assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert (folder / "README.md").read_text().startswith(f"# {project['name']}\n")
    assert (next((folder / "src").iterdir()) / "py.typed").is_file()


def _notes(*words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, ROOT / "scripts/release-notes", *words], capture_output=True, text=True)


def test_notes_of_a_release_are_its_section_of_the_changelog() -> None:
    answer = _notes("Unreleased")
    assert answer.returncode == 0, answer.stderr
    assert "### Added" in answer.stdout
    assert "\n## " not in answer.stdout


@pytest.mark.parametrize("version", ["v9.9.9", "0.1", ""])
def test_nothing_is_released_without_notes_or_under_another_version(version: str) -> None:
    refused = _notes(version)
    assert refused.returncode != 0
    assert "Traceback" not in refused.stderr


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheels")
    environment = {"PATH": "/usr/bin:/bin", "MERCATO_GATEWAY_PURE": "1", "HOME": str(folder)}
    built = subprocess.run(
        [ROOT / "scripts/wheels", folder / "dist"], env=environment, capture_output=True, text=True, timeout=900
    )
    assert built.returncode == 0, built.stderr
    return folder / "dist"


def _metadata(wheel: Path) -> tuple[Message, list[str]]:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (path,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        return email.message_from_bytes(archive.read(path)), names


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("package", _PACKAGES)
def test_a_wheel_is_complete(wheels: Path, package: str) -> None:
    (wheel,) = wheels.glob(f"mercato_{package}-*.whl")
    metadata, names = _metadata(wheel)
    assert metadata["Name"] == f"mercato-{package}"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["Description-Content-Type"] == "text/markdown"
    assert str(metadata.get_payload()).startswith(f"# mercato-{package}\n")
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert any(name.endswith("/py.typed") for name in names)
    assert not [name for name in names if name.startswith("tests/") or "/__pycache__/" in name]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_command_alone_is_installed_from_its_wheel(wheels: Path, tmp_path: Path) -> None:
    place = tmp_path / "venv"
    own = [str(wheel) for name in ("contracts", "checks", "cli") for wheel in wheels.glob(f"mercato_{name}-*.whl")]
    _run(_UV, "venv", "--quiet", "--python", sys.executable, place)
    _run(_UV, "pip", "install", "--quiet", "--python", place / "bin/python", *own)
    version = _run(place / "bin/mp", "--version")
    assert tomllib.loads((ROOT / "packages/cli/pyproject.toml").read_text())["project"]["version"] in version
    assert "publish" in _run(place / "bin/mp", "--help")
    _run(place / "bin/mp", "init", "--help")
    there = _run(_UV, "pip", "list", "--python", place / "bin/python").lower()
    assert "mercato-server" not in there
    assert "fastapi" not in there


def _run(*command: str | Path) -> str:
    environment = {**os.environ, "UV_SYSTEM_CERTS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
