"""The folder of a hosted deployment: its revisions, which one is wanted, and what its host says.

revisions/N/project, revisions/N/revision.json    what was deployed, never changed afterwards
place.json      the port that stays
wanted          the number of the revision that shall serve; empty: none, and the host ends
links.json      the deployments whose heartbeats it sends (`links.py`)
status.json     what the host says: which revision serves, restarts, the last failure
lock            held by the host for as long as it lives
"""

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_LEFT_OUT = shutil.ignore_patterns(".git", ".venv", "__pycache__", "node_modules", ".mypy_cache", ".ruff_cache")


@dataclass(frozen=True, slots=True)
class Revision:
    """What was deployed once. `artifact` lies in the revision's own folder; 0 leaves a resource unbounded."""

    number: int
    artifact: str | None
    cpus: int
    memory_mib: int


class Place:
    """Reads and writes one deployment's folder. Every file is whole or absent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def port(self) -> int:
        """Where it serves."""
        return int(json.loads((self.folder / "place.json").read_text())["port"])

    def settle(self, port: int) -> None:
        """Take this port for good."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(self.folder / "place.json", json.dumps({"port": port}))

    def exists(self) -> bool:
        """Whether anything was ever deployed here."""
        return (self.folder / "place.json").exists()

    def add(self, project: Path, artifact: Path | None, *, cpus: int, memory_mib: int) -> Revision:
        """A copy of the project as it is now."""
        number = max(self.numbers(), default=0) + 1
        draft = self.folder / f".revision-{number}"
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(project, draft / "project", ignore=_LEFT_OUT)
        if artifact is not None:
            shutil.copyfile(artifact, draft / artifact.name)
        revision = Revision(number, artifact.name if artifact else None, cpus, memory_mib)
        (draft / "revision.json").write_text(json.dumps(asdict(revision)))
        (self.folder / "revisions").mkdir(exist_ok=True)
        draft.rename(self.folder / "revisions" / str(number))
        return revision

    def numbers(self) -> list[int]:
        """Of all revisions, in their order."""
        top = self.folder / "revisions"
        return sorted(int(each.name) for each in top.iterdir()) if top.exists() else []

    def revision(self, number: int) -> Revision:
        """One that is there."""
        return Revision(**json.loads((self.of(number) / "revision.json").read_text()))

    def of(self, number: int) -> Path:
        """The revision's folder."""
        return self.folder / "revisions" / str(number)

    def want(self, number: int | None) -> None:
        """The revision that shall serve from now on."""
        write_whole(self.folder / "wanted", "" if number is None else str(number))

    def wanted(self) -> int | None:
        """The revision that shall serve."""
        try:
            text = (self.folder / "wanted").read_text()
        except FileNotFoundError:
            return None
        return int(text) if text else None

    def say(self, **status: Any) -> None:
        """What the host says."""
        write_whole(self.folder / "status.json", json.dumps(status))

    def status(self) -> dict[str, Any]:
        """The host's last status; empty if there was none."""
        try:
            written: dict[str, Any] = json.loads((self.folder / "status.json").read_text())
        except FileNotFoundError:
            return {}
        return written

    def hold(self) -> int | None:
        """The lock, where nobody has it; kept until all who inherited the descriptor have closed it."""
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return None
        return lock

    def is_hosted(self) -> bool:
        """Whether a host lives, or is being started."""
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def forget_status(self) -> None:
        """Forget the status of an earlier host."""
        (self.folder / "status.json").unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """The file with this text, or as it was."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)
