"""`buf`, which lints the published proto and finds what would break others: from the path, or from npm, pinned."""

import os
import shutil
import subprocess
from pathlib import Path

_PACKAGE = "@bufbuild/buf-linux-x64@1.75.0"
_LIBRARY = Path(__file__).parents[2] / ".engines/buf"


def find_buf() -> str | None:
    """The program; `None` where it is neither here nor to be had."""
    program = shutil.which("buf")
    if program is not None:
        return program
    if not _LIBRARY.is_dir() and not _fetch():
        return None
    return str(_LIBRARY / "package/bin/buf")


def _fetch() -> bool:
    npm = shutil.which("npm")
    if npm is None:
        return False
    part = _LIBRARY.with_name(f"buf.{os.getpid()}")
    part.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([npm, "pack", "--silent", "--pack-destination", str(part), _PACKAGE], timeout=300)
    if done.returncode != 0:
        shutil.rmtree(part)
        return False
    shutil.unpack_archive(next(part.glob("*.tgz")), part)
    for program in (part / "package/bin").iterdir():
        program.chmod(0o755)
    part.rename(_LIBRARY)
    return True
