"""Progress lines, drawn on a real terminal: late, in place, as wide as the screen, and never where nobody looks."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

_LONG = """
import time
from mercato_cli.console import Console
from mercato_cli.progress import Progress
console = Console(as_json={as_json})
with Progress(console, "train.parquet {padding}", total=4096, unit="bytes") as progress:
    until = time.monotonic() + {seconds}
    while time.monotonic() < until:
        progress.reach(2048)
        time.sleep(0.05)
    console.note("said meanwhile")
console.say("done")
"""


def _draw(seconds: float, *, columns: int = 80, as_json: bool = False, term: str = "xterm", padding: str = "") -> str:
    """What a terminal of this width receives."""
    code = _LONG.format(seconds=seconds, as_json=as_json, padding=padding)
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    environment |= {"TERM": term, "PYTHONUTF8": "1"}
    process = subprocess.Popen([sys.executable, "-c", code], stdout=slave, stderr=slave, stdin=slave, env=environment)
    os.close(slave)
    expected = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # the terminal's other end is closed
            break
        if not piece:
            break
        expected += piece
    assert process.wait(60) == 0
    os.close(master)
    return expected.decode()


def test_a_line_comes_after_a_second_and_goes_at_the_end() -> None:
    answer = _draw(1.6)
    assert " 50%  2.0 KiB of 4.0 KiB" in answer
    assert "\r\x1b[K" + "said meanwhile" in answer, "the line makes room for what is said"
    assert answer.endswith("done\r\n")
    assert "\x1b[K" in answer.rpartition("█")[2], "nothing of the bar is left"


def test_what_takes_less_than_a_second_shows_nothing() -> None:
    assert _draw(0.1) == "said meanwhile\r\ndone\r\n"


def test_a_line_is_never_wider_than_the_terminal() -> None:
    answer = _draw(1.4, columns=40, padding="x" * 100)
    frames = [frame for frame in answer.split("\r\x1b[K") if "█" in frame]
    assert frames
    assert all(len(frame) <= 39 and frame.endswith("…") for frame in frames)


@pytest.mark.parametrize(("as_json", "term"), [(True, "xterm"), (False, "dumb")])
def test_machines_and_dumb_terminals_get_no_line(as_json: bool, term: str) -> None:
    assert "█" not in _draw(1.4, as_json=as_json, term=term)


def test_a_pipe_gets_no_line(tmp_path: Path) -> None:
    code = _LONG.format(seconds=1.4, as_json=False, padding="")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("done\n", "said meanwhile\n")
