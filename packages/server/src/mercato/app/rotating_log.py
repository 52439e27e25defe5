"""A log file that never grows beyond its share of the disk."""

import os
from pathlib import Path

_MAX_BYTES = 10 * 1024 * 1024
_KEPT = 5


class RotatingLog:
    """Appends lines to `path`; at `max_bytes` it becomes `path.1`, that one `path.2`, and the sixth is dropped."""

    def __init__(self, path: Path, max_bytes: int = _MAX_BYTES) -> None:
        self.path = path
        self._max_bytes = max_bytes
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def write(self, line: bytes) -> None:
        """One line with its end. A full disk costs the line, never the writer."""
        try:
            if self._size + len(line) > self._max_bytes:
                self._rotate()
            self._size += os.write(self._file, line)
        except OSError:
            pass

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> None:
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self._size = os.fstat(self._file).st_size

    def _rotate(self) -> None:
        os.close(self._file)
        for number in range(_KEPT - 1, 0, -1):
            older = Path(f"{self.path}.{number}")
            if older.exists():
                older.replace(f"{self.path}.{number + 1}")
        self.path.replace(f"{self.path}.1")
        self._open()
