"""`mp credentials`: a secret goes in by prompt, file or standard input, and no answer shows it again."""

import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from tests.cli.conftest import Mp, Shop
from tests.support.running import BIN
from tests.support.waiting import SECONDS

SECRET = "sk-test-4f9a1c7e5b3d"


@pytest.fixture(scope="module")
def vendor(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Mp:
    """The administrator of a new organisation."""
    mp = Mp(tmp_path_factory.mktemp("guarded"))
    joined = mp("signup", "guarded", "--url", shop.url, "--email", "g@example.org", stdin="correct horse battery")
    assert joined.returncode == 0, joined.stderr
    return mp


def test_from_standard_input_and_from_a_file(vendor: Mp, tmp_path: Path) -> None:
    assert vendor("credentials", "list").stderr.strip().startswith("No credentials.")
    piped = vendor("credentials", "set", "provider", stdin=SECRET + "\n")
    assert piped.returncode == 0, piped.stderr
    file = tmp_path / "secret"
    file.write_bytes(SECRET.encode() + b"\r\n")
    again = vendor("credentials", "set", "provider", "--from-file", str(file), "--json")
    dashed = vendor("credentials", "set", "provider", "--from-file", "-", "--json", stdin=SECRET)
    assert again.stdout == dashed.stdout, "the same secret changes nothing"
    (item,) = vendor.json("credentials", "list")["items"]
    table = vendor("credentials", "list")
    assert (item["name"], item["used_by"]) == ("provider", [])
    assert item["fingerprint"] in table.stdout
    for done in (piped, again, dashed, table):
        assert SECRET not in done.stdout + done.stderr
    assert vendor("credentials", "remove", "provider").returncode == 0
    gone = vendor("credentials", "remove", "provider")
    assert (gone.returncode, "mp" in gone.stderr or "credentials" in gone.stderr) == (1, True)


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ("two\nlines-of-it", 1, "line break"),
        ("short", 1, "characters"),
        ("", 1, "characters"),
        ("s\u00e9cret-of-mine", 2, "ASCII"),
        ("x" * 20_000, 2, "too long"),
    ],
    ids=["lines", "short", "empty", "letters", "long"],
)
def test_what_cannot_be_one_is_refused_without_being_quoted(vendor: Mp, given: str, code: int, said: str) -> None:
    done = vendor("credentials", "set", "wrong", stdin=given)
    assert done.returncode == code
    assert said in done.stderr
    assert not given or given not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_secret_is_never_an_argument(vendor: Mp) -> None:
    done = vendor("credentials", "set", "provider", SECRET)
    assert done.returncode == 2
    assert vendor.json("credentials", "list")["items"] == []


def test_at_a_terminal_it_is_asked_for_and_not_shown(vendor: Mp) -> None:
    ours, theirs = pty.openpty()
    words = [str(BIN / "mp"), "credentials", "set", "typed"]
    process = subprocess.Popen(
        words, env=vendor.environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    shown = _read_until(ours, b"Secret of typed")
    os.write(ours, SECRET.encode() + b"\n")
    shown += _read_until(ours, b"fingerprint")
    assert process.wait(SECONDS) == 0
    os.close(ours)
    assert SECRET.encode() not in shown
    assert "typed" in [item["name"] for item in vendor.json("credentials", "list")["items"]]
    vendor("credentials", "remove", "typed")


def _read_until(terminal: int, wanted: bytes) -> bytes:
    shown, deadline = b"", time.monotonic() + SECONDS
    while wanted not in shown:
        assert time.monotonic() < deadline, shown
        try:
            shown += os.read(terminal, 1024)
        except OSError:
            break  # what Linux says once the other side has closed
    assert wanted in shown
    return shown
