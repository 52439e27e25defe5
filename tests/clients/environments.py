"""The environments of the clients, made once for each state of their locks, in a folder that git ignores."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".clients"
DRIVERS = HERE / "drivers"


@contextmanager
def _alone() -> Iterator[None]:
    """One test process at a time makes environments."""
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _folder(kind: str, *decided_by: bytes) -> Path:
    return CACHE / f"{kind}-{hashlib.sha256(b'|'.join(decided_by)).hexdigest()[:12]}"


def _run(what: str, command: list[str], folder: Path) -> None:
    """Skips the test where a registry cannot be reached or has the packages no longer."""
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_SYSTEM_CERTS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=240)
    if done.returncode:
        pytest.skip(f"{what} could not be installed: {done.stderr.strip()[-300:]}")


def python_client_environment(lock: Path = HERE / "requirements.lock") -> Path:
    """A Python with exactly the packages of the lock, each checked against its hash."""
    uv = shutil.which(str(CACHE.parent / ".tools/bin/uv")) or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not here: run `make setup`")
    folder = _folder("python", lock.read_bytes(), sys.version.encode())
    with _alone():
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _run("An environment", [uv, "venv", "-q", "--python", sys.executable, str(folder)], CACHE)
            install = [uv, "pip", "install", "-q", "--python", str(folder), "--require-hashes", "-r", str(lock)]
            _run("The Python clients", install, CACHE)
            (folder / "ready").touch()
    return folder / "bin" / "python"


def node_client_environment(package: Path = HERE / "package.json") -> Path:
    """A folder whose `node_modules` holds what `package` names exactly. No package's install script is run."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not here")
    folder = _folder("node", package.read_bytes())
    with _alone():
        if not (folder / "ready").exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            shutil.copy(package, folder)
            flags = ["--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            _run("The Node clients", [npm, "install", *flags], folder)
            (folder / "ready").touch()
    return folder


def source_distribution(lock: Path, name: str, version: str) -> Path:
    """The archive of a release with its test suite, checked against the lock's hashes."""
    known = _hashes(lock, name, version)
    folder = CACHE / "sources"
    archive = folder / f"{name}-{version}.tar.gz"
    with _alone():
        folder.mkdir(exist_ok=True)
        if not archive.exists():
            # Not .venv's own: uv makes environments without pip.
            # Only this package as source: `:all:` would build the tools that build it from source too.
            pip = [str(CACHE.parent / ".tools/bin/python"), "-m", "pip", "download", "-q", "--no-deps"]
            pip += ["--no-binary", name]
            _run(f"The source of {name}", [*pip, f"{name}=={version}"], folder)
    assert hashlib.sha256(archive.read_bytes()).hexdigest() in known, f"{archive} is not what the lock names"
    return archive


def _hashes(lock: Path, name: str, version: str) -> set[str]:
    """Of one package, as the lock has them."""
    entry = lock.read_text().partition(f"\n{name}")[2].partition(f"=={version}")[2]
    found = set()
    for line in entry.splitlines()[1:]:
        if not line.startswith("    --hash=sha256:"):
            break
        found.add(line.strip().removeprefix("--hash=sha256:").rstrip(" \\"))
    return found
