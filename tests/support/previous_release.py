"""The release before this one, from the history: its code in a folder, run in this environment."""

import subprocess
from pathlib import Path

import pytest

from mercato.app.revision import MIGRATIONS

_ROOT = Path(__file__).resolve().parents[2]
_PACKAGES = ("contracts", "checks", "cli", "gateway", "server")


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=_ROOT, capture_output=True, text=True, timeout=120)
    return done.stdout.strip() if done.returncode == 0 else ""


def find_previous() -> str:
    """The last tag of a release; before there is one, the commit before the schema's newest revision. Skips the test
    where the history is not here."""
    commit = _last_tag() or _git("rev-parse", "--verify", "--quiet", f"{_newest_revision_came_with()}^")
    if not commit:
        pytest.skip("the commit of the previous release is not in this clone (a shallow one?)")
    return commit


def find_returnable() -> str:
    """The previous release if its processes start on a newer schema, which was not promised from the beginning; or
    else the commit that the newest revision came with."""
    previous = find_previous()
    starts = "found < needed" in _git("show", f"{previous}:packages/server/src/mercato/app/records.py")
    return previous if starts else _newest_revision_came_with()


def _last_tag() -> str:
    return _git("describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^")


def _newest_revision_came_with() -> str:
    newest = max((MIGRATIONS / "versions").glob("[0-9]*.py"))
    return _git("log", "--diff-filter=A", "--format=%H", "-1", "--", str(newest.relative_to(_ROOT)))


def write_code(commit: str, folder: Path) -> str:
    """Its packages below `folder`, once; returns the value of PYTHONPATH with which processes are of that release."""
    place = folder / f"release-{commit[:12]}"
    if not place.exists():
        place.mkdir()
        archive = subprocess.run(
            ["git", "archive", commit, "--", *(f"packages/{name}/src" for name in _PACKAGES)],
            cwd=_ROOT, capture_output=True, check=True, timeout=120,
        ).stdout  # fmt: skip
        subprocess.run(["tar", "-x", "-C", str(place)], input=archive, check=True, timeout=120)
    return ":".join(str(place / "packages" / name / "src") for name in _PACKAGES)
