"""Somebody who follows a page by the letter, beside a marketplace as `make up` starts it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.running import Place, Running, open_folder
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[2]
_SECONDS = 1200


@dataclass
class Marketplace:
    """What `make up` runs, its folder, and what it printed."""

    up: Running
    state: Path

    @property
    def exports(self) -> str:
        """The lines that a reader pastes into the second terminal."""
        return "\n".join(line for line in self.up.out().splitlines() if line.startswith("export "))

    @property
    def password(self) -> str:
        """The administrator's."""
        found = re.search(r"^administrator .* password (\S+)$", self.up.out(), re.M)
        assert found is not None, self.up.out()
        return found[1]


@contextmanager
def make_up() -> Iterator[Marketplace]:
    """`make up` on ports of its own: the settings are read from the Makefile."""
    settings = re.findall(r"(MERCATO_[A-Z_]+)=\$\$\{\1:-(\w+)\}", (ROOT / "Makefile").read_text())
    assert settings, "the Makefile sets none"
    # The documentation site is built by another target, and nobody here reads it.
    settings = [(name, value) for name, value in settings if name != "MERCATO_SITE"]
    with open_folder() as folder:
        place = Place(folder)
        up = place.start("up", environment=place.environment | dict(settings))
        eventually(lambda: "Ctrl-C stops everything." in up.out() or up.process.poll() is not None, up.err())
        try:
            yield Marketplace(up, place.state)
        finally:
            assert up.stop() == 0


class Reader:
    """A terminal in an empty folder, without anything of this repository's own environment."""

    def __init__(self, folder: Path, exports: str) -> None:
        self.folder = folder
        self._exports = exports
        ours = str(Path(sys.executable).parent)
        path = [each for each in os.environ["PATH"].split(":") if each != ours]
        left_out = ("MERCATO_", "PYTHON", "VIRTUAL_ENV", "XDG_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        python = f"{sys.base_prefix}/bin"
        self.environment = inherited | {"HOME": str(folder), "PATH": ":".join([python, *path])}

    def start(self, script: str, stdin: str) -> "subprocess.Popen[str]":
        """The lines one after the other in one shell, where each must succeed."""
        process = subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", f"{self._exports}\n{script}"],
            cwd=self.folder, env=self.environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        process.stdin.write(stdin)
        process.stdin.close()
        process.stdin = None
        return process

    def run(self, script: str, stdin: str = "") -> str:
        """What the lines print."""
        process = self.start(script, stdin)
        out, err = process.communicate(timeout=_SECONDS)
        assert process.returncode == 0, f"{script}\n{out}\n{err}"
        return out
