"""The command `mp`, as a party of the story runs it: a process with `--json` and a configuration of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

MP = str(Path(sys.executable).with_name("mp"))
LONGEST_SECONDS = 180


class CommandRefused(Exception):
    """`mp` ended with another exit code than 0; the message is its own."""


class Mp:
    """Somebody's command, on a machine where `folder` is home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # Settings and profiles of this machine must not reach the story.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MERCATO_")}
        self.environment = inherited | {"XDG_CONFIG_HOME": str(folder / ".config")}
        self._running: set[subprocess.Popen[str]] = set()

    def __call__(self, *words: str, stdin: str = "") -> Any:
        """What `mp … --json` answers. Raises `CommandRefused`."""
        done = self.run(*words, stdin=stdin)
        if done.returncode:
            raise CommandRefused(f"mp {' '.join(words[:2])} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """`mp … --json` to its end, however it ends."""
        command = [MP, *words, "--json"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
        ) as process:
            self._running.add(process)
            try:
                out, err = process.communicate(stdin, timeout=LONGEST_SECONDS)
            except BaseException:
                process.kill()
                raise
            finally:
                self._running.discard(process)
        return subprocess.CompletedProcess(command, process.returncode, out, err)

    def stop(self) -> None:
        """End what runs now."""
        for process in list(self._running):
            process.terminate()
