"""Phase 5 goes on where the marketplace cannot look: the files beside the manifest, for secrets and pickles."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

from mercato_checks.codes import capped, found
from mercato_checks.findings import Finding
from mercato_checks.secrets import scan_text

_LEFT_OUT = {
    ".git",
    ".venv",
    "venv",
    "__pycache__",
    "node_modules",
    "data",
    ".ruff_cache",
    ".pytest_cache",
    ".mypy_cache",
}
_PICKLES = {".pkl", ".pickle", ".joblib", ".dill"}
_MOST_TEXT_BYTES = 1024 * 1024
_MOST_FILES = 5_000
_MOST_ALIKE = 20


def scan_files(folder: Path) -> list[Finding]:
    """Findings in all files of the project but the two that are sent, which phase 5 has read already."""
    findings = []
    for number, path in enumerate(_files(folder)):
        if number >= _MOST_FILES:
            break
        name = path.relative_to(folder).as_posix()
        if _is_pickle(path):
            findings.append(found("pickle_found", name, f"{name} is a pickle."))
        elif path.stat().st_size <= _MOST_TEXT_BYTES and name not in ("service.yaml", "openapi.yaml"):
            try:
                findings += scan_text(path.read_text(encoding="utf-8"), name)
            except UnicodeDecodeError:
                continue  # not text: nothing to read in it
    return capped(findings, _MOST_ALIKE)


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in _LEFT_OUT or path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        elif path.is_file():
            yield path


def _is_pickle(path: Path) -> bool:
    """By its name, by the two bytes that protocols 2 to 5 begin with, or as PyTorch packs it: `data.pkl` in a zip."""
    if path.suffix in _PICKLES:
        return True
    with path.open("rb") as file:
        begins = file.read(2)
    if len(begins) == 2 and begins[0] == 0x80 and begins[1] in (2, 3, 4, 5):
        return True
    if begins != b"PK" or not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(name.endswith(".pkl") for name in archive.namelist())
