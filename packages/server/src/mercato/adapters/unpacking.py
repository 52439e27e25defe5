"""Files and folders out of a tar, nothing else, and nowhere but below the folder they go to."""

import shutil
import tarfile
from pathlib import Path, PurePosixPath


def unpack(archive: tarfile.TarFile, folder: Path) -> None:
    """All members, closed to others. Raises `tarfile.TarError` for a link, a device, or a path that leads out."""
    for entry in archive:
        path = PurePosixPath(entry.name)
        if path.is_absolute() or ".." in path.parts or not (entry.isfile() or entry.isdir()):
            raise tarfile.TarError(f"{entry.name} is neither a file nor a folder within the archive")
        target = folder.joinpath(*path.parts)
        if entry.isdir():
            target.mkdir(mode=0o700, parents=True, exist_ok=True)
            continue
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        source = archive.extractfile(entry)
        assert source is not None
        with target.open("xb") as file:
            target.chmod(0o600)
            shutil.copyfileobj(source, file, 1 << 20)
