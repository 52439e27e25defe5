"""Files that are there whole or not at all."""

import os
from collections.abc import Iterable
from pathlib import Path


def write_last(path: Path, parts: Iterable[bytes | memoryview]) -> None:
    """Write the file so that it lasts; until the end the one before stays. Raises `OSError`."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in the folder last."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
