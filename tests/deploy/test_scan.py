"""`make scan` finds what it is there to find, and the scan of vulnerabilities fails where it cannot ask."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mercato_contracts.keys import make_key
from tests.fakes.control_plane import new_id
from tests.support.reader import ROOT

_BIN = Path(sys.executable).parent


def _leaks(folder: Path) -> int:
    command: list[str | Path] = [
        _BIN / "gitleaks",
        "dir",
        ".",
        "--no-banner",
        "--redact",
        "--config",
        ROOT / ".gitleaks.toml",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, timeout=300).returncode


def test_secrets_are_found_and_made_up_ones_of_tests_are_not(tmp_path: Path) -> None:
    key = make_key("ck", new_id("key"), os.urandom(32))
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_it.py").write_text(f'KEY = "{key}"\n')
    assert _leaks(tmp_path) == 0
    (tmp_path / "settings.py").write_text(f'KEY = "{key}"\n')
    assert _leaks(tmp_path) == 1
    (tmp_path / "settings.py").unlink()
    # A private key is a private key in tests too.
    words = " ".join(("BEGIN", "RSA", "PRIVATE", "KEY")), " ".join(("END", "RSA", "PRIVATE", "KEY"))
    (tmp_path / "tests/key.pem").write_text(f"-----{words[0]}-----\n{os.urandom(600).hex()}\n-----{words[1]}-----\n")
    assert _leaks(tmp_path) == 1


def test_dangerous_code_is_found(tmp_path: Path) -> None:
    source = tmp_path / "loads.py"
    command: list[str | Path] = [
        _BIN / "bandit",
        "-q",
        "-c",
        ROOT / "pyproject.toml",
        "--severity-level",
        "medium",
        source,
    ]
    for text, code in (("import json\n", 0), ("import pickle\n\npickle.loads(b'')\n", 1)):
        source.write_text(text)
        assert subprocess.run(command, capture_output=True, timeout=300).returncode == code


@pytest.mark.slow
def test_vulnerabilities_that_cannot_be_asked_for_are_no_pass() -> None:
    environment = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
    refused = subprocess.run(
        [ROOT / "scripts/scan", "vulnerabilities"], env=environment, capture_output=True, timeout=300
    )
    assert refused.returncode != 0
