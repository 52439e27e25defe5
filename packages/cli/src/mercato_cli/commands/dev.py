"""`mp dev`: the vendor's handler in the runner that production uses, anew after each save."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError

if TYPE_CHECKING:
    from mercato_cli.validating.running import Running

_LOOK_SECONDS = 0.3
_LEFT_OUT = {".git", ".venv", "venv", "__pycache__", "node_modules", "data"}
_MOST_FILES = 5_000

Stamps = dict[Path, tuple[int, int]]
"""Time of the last change in nanoseconds, and size."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("."))
@click.option("--artifact", type=click.Path(path_type=Path), help="The trained model.")
@click.option("--port", type=click.IntRange(0, 65535), default=9000, show_default=True, help="0: one that is free.")
@command
def dev(mp: Mp, folder: Path, artifact: Path | None, port: int) -> None:
    """Serve the project in FOLDER on this machine until Ctrl-C.

    After each save the runner starts anew; what does not run says why and waits for the next save. With --json a line
    for each start and each failure.
    """
    from mercato_cli.validating.running import NotRunning, running

    if not folder.is_dir():
        raise MpError(f"{folder} is not a folder.", "Create one with `mp init`.")
    while True:
        stamps = _stamps(folder)
        try:
            with running(folder, artifact, port=port, show_log=True) as runner:
                port = runner.port  # the same one again after a save
                _greet(mp, runner, folder)
                _await_change(mp, folder, stamps, runner)
        except NotRunning as error:
            mp.console.show({"event": "failed", "why": str(error)}, lambda why=error: _complain(mp, why))  # type: ignore[misc]
            _await_change(mp, folder, stamps, None)


def _greet(mp: Mp, runner: "Running", folder: Path) -> None:
    address = f"http://127.0.0.1:{runner.port}"
    mp.console.show({"event": "ready", "address": address}, lambda: mp.console.say(f"Serving {folder} at {address}"))
    mp.console.note(f"Try it: {example_call(folder, address)}")


def _complain(mp: Mp, why: Exception) -> None:
    mp.console.say(f"It does not run: {why}")
    mp.console.note("Correct it and save; it starts again by itself.")


def example_call(folder: Path, address: str) -> str:
    """A command line that calls one operation of the project."""
    text = (folder / "openapi.yaml").read_text(encoding="utf-8") if (folder / "openapi.yaml").is_file() else ""
    if "/embeddings:" in text:
        body = '{"input": "What is a marketplace?"}'
        return f"curl {address}/v1/embeddings --json '{body}'"
    if "/v1/signals" in text:
        era = '{"era": 1, "ids": ["a", "b"], "values": [[0.1], [0.9]]}'
        about = f'"contract": "signal-inference/2", "round": "rnd_{"0" * 32}", "features": ["feature_a"]'
        body = f'{{{about}, "eras": [{era}]}}'
        return f"curl {address}/v1/signals --json '{body}'"
    return f"curl {address}/openapi.json"


def _await_change(mp: Mp, folder: Path, stamps: Stamps, runner: "Running | None") -> None:
    """Until a file is saved, added or removed. A runner that ended by itself is reported once."""
    is_reported = False
    while _stamps(folder) == stamps:
        if runner is not None and runner.process.poll() is not None and not is_reported:
            is_reported = True
            mp.console.note(f"The runner ended with code {runner.process.returncode}; save a file to start it again.")
        time.sleep(_LOOK_SECONDS)


def _stamps(folder: Path) -> Stamps:
    found: Stamps = {}
    for path in _files(folder):
        try:
            stat = path.stat()
        except OSError:
            continue  # gone between the listing and the look
        found[path] = (stat.st_mtime_ns, stat.st_size)
        if len(found) >= _MOST_FILES:
            break
    return found


def _files(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.name in _LEFT_OUT:
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)
        elif path.is_file() and not path.name.startswith("."):
            yield path
