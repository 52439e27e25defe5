"""Files that are mapped into memory: whoever wants to change one waits until it is no longer mapped.

A process that reads a mapped file dies (SIGBUS) when another process truncates it. Linux lets a process hold a lease on
a file: opening it for writing then waits, for 45 seconds at most, until the holder lets go. Removing a file does not
wait and does no harm, because what is mapped stays. Where a file system has no leases (NFS), size and time of the last
change tell afterwards.
"""

import contextlib
import fcntl
import os
import signal
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class _Held:
    descriptor: int
    is_leased: bool
    sight: tuple[int, int]


class Leases:
    """Leases of one process; not for several threads at once."""

    def __init__(self) -> None:
        self._held: dict[Path, _Held] = {}

    def hold(self, paths: Collection[Path]) -> None:
        """Hold these files and no others. Raises `OSError` where one cannot be opened."""
        for path in [path for path in self._held if path not in paths]:
            os.close(self._held.pop(path).descriptor)
        for path in paths:
            if path not in self._held:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                self._held[path] = _Held(descriptor, _lease(descriptor), _sight(descriptor))

    def find_wanted(self) -> list[Path]:
        """The files that somebody waits to change, or has changed."""
        return [path for path, held in self._held.items() if _is_wanted(held)]

    def release(self) -> None:
        """Let all go."""
        self.hold(())


def _lease(descriptor: int) -> bool:
    with contextlib.suppress(OSError):
        # The kernel tells the holder by SIGIO, which would end the process. SIGURG is ignored by default.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        return True
    return False


def _is_wanted(held: _Held) -> bool:
    if held.is_leased and fcntl.fcntl(held.descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK:
        return True
    return _sight(held.descriptor) != held.sight


def _sight(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_size, found.st_mtime_ns
