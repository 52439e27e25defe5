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


def run_in_terminal(
    words: Sequence[str],
    environment: Mapping[str, str],
    cwd: Path,
    *,
    columns: int = 160,
    typed: str = "",
    with_colours: bool = False,
) -> tuple[int, str]:
    """The exit code and everything that the screen was sent, without colours unless asked for them.

    Each line of `typed` is entered once the program waits with a prompt that ends in a colon.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    given = {name: value for name, value in environment.items() if name not in ("COLUMNS", "LINES")}
    entries = typed.splitlines()
    with subprocess.Popen(
        words,
        env=given,
        cwd=cwd,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0) and None,
    ) as process:
        os.close(theirs)
        seen, answered = b"", 0
        # Linux says EIO once the last process that had the terminal is gone.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 65536):
                seen += piece
                if entries and seen[answered:].rstrip(b" ").endswith(b":"):
                    answered = len(seen)
                    os.write(ours, f"{entries.pop(0)}\n".encode())
        os.close(ours)
    screen = seen.decode(errors="replace").replace("\r\n", "\n")
    return process.returncode, screen if with_colours else _COLOURS.sub("", screen)
