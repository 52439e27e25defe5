"""A command in a real terminal, as a person sees it."""

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def run_in_terminal(words: Sequence[str], environment: Mapping[str, str], cwd: Path) -> tuple[int, str]:
    """The exit code and everything that the screen was sent, without colours; 160 columns wide."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    with subprocess.Popen(words, env=environment, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        # Linux says EIO once the last process that had the terminal is gone.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65536):
                seen += piece
        os.close(ours)
    return process.returncode, _COLOURS.sub("", seen.decode(errors="replace")).replace("\r\n", "\n")
