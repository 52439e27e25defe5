"""Where the index of a machine lies: `FORMAT-MARK/` with a lock, the editions, and which of them is asked.

One process holds the lock and writes. An edition that is not whole belongs to a build that was not finished, and the
next writer goes on with it.
"""

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path

from mercato.adapters.lasting_files import write_last

_ABOUT = "about.json"
_CURRENT = "current"


@dataclass(frozen=True, slots=True)
class About:
    """What an edition says of itself. `after`: it was filled up to this listing; `place`: in the log of news, as
    transaction and number, up to which it has everything once it is whole; `vectors`: how many were written by then."""

    is_whole: bool = False
    after: str = ""
    place: tuple[int, int] = (0, 0)
    vectors: int = 0


class MachineFolder:
    """The folder in `root` of indexes of one format that are made of the same records and vectors (`mark`)."""

    def __init__(self, root: Path, format_name: str, mark: str) -> None:
        self._root = root
        self._folder = root / f"{format_name}-{sha256(mark.encode()).hexdigest()[:12]}"
        self._lock: int | None = None

    @property
    def writes(self) -> bool:
        """Whether this process is the one that writes."""
        return self._lock is not None

    def try_to_write(self) -> bool:
        """Become the process that writes, if none is; it stays so until `close` or its end. Raises `OSError`."""
        if self._lock is not None and not _is_at(self._lock, self._folder / "lock"):
            # The folder was removed: another process may have made and locked a new one.
            self.close()
        if self._lock is None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _lock(self._folder / "lock")
            if self._lock is not None:
                self._remove_others()
        return self._lock is not None

    def current(self) -> Path | None:
        """The edition that is asked."""
        try:
            name = (self._folder / _CURRENT).read_text().strip()
        except (OSError, ValueError):
            return None
        edition = self._folder / name
        return edition if name and edition.is_dir() and read_about(edition).is_whole else None

    def begin(self, place: tuple[int, int], *, anew: bool) -> Path:
        """The edition to fill: the one whose build was not finished, or an empty one. Raises `OSError`."""
        current = self.current()
        begun = [path for path in self._editions() if path != current]
        if not anew and len(begun) == 1 and not (about := read_about(begun[0])).is_whole and about.after:
            return begun[0]
        for path in begun:
            shutil.rmtree(path, ignore_errors=True)
        numbers = [int(path.name.removeprefix("edition-")) for path in self._editions()]
        edition = self._folder / f"edition-{max(numbers, default=0) + 1}"
        edition.mkdir(mode=0o700)
        write_about(edition, About(place=place))
        return edition

    def finish(self, edition: Path) -> None:
        """This edition is whole, and asked from now on; the one before goes. Raises `OSError`."""
        write_about(edition, replace(read_about(edition), is_whole=True))
        write_last(self._folder / _CURRENT, [edition.name.encode()])
        self.forget_but(edition)

    def forget_but(self, kept: Path | None) -> None:
        """Remove all other editions."""
        for path in self._editions():
            if path != kept:
                shutil.rmtree(path, ignore_errors=True)

    def close(self) -> None:
        """Let another process write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _editions(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if path.name.removeprefix("edition-").isdecimal())

    def _remove_others(self) -> None:
        """Indexes of other formats or models that no process has any more."""
        for path in self._root.iterdir():
            if path != self._folder and path.is_dir():
                lock = _lock(path / "lock") if (path / "lock").exists() else None
                if lock is not None:
                    shutil.rmtree(path, ignore_errors=True)
                    os.close(lock)


def read_about(edition: Path) -> About:
    """What the edition says of itself; that it is not whole, where it cannot be read."""
    try:
        found = json.loads((edition / _ABOUT).read_bytes())
        place = (int(found["place"][0]), int(found["place"][1]))
        return About(bool(found["is_whole"]), str(found["after"]), place, int(found["vectors"]))
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return About()


def write_about(edition: Path, about: About) -> None:
    """Raises `OSError`."""
    write_last(edition / _ABOUT, [json.dumps(asdict(about)).encode()])


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except OSError:
        return False


def _lock(path: Path) -> int | None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor
