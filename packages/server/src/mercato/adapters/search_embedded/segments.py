"""Which files tantivy's index consists of, by its own list."""

import json
from pathlib import Path

_NEEDED = ("store", "term", "idx", "pos", "fast", "fieldnorm")
_META = "meta.json"


def segment_files(folder: Path) -> list[Path]:
    """The files that the list names; each is written once and never changed. None, where there is no index yet."""
    listed = _read(folder / _META)
    return [] if listed is None else _named(folder, listed)


def find_missing(folder: Path) -> list[Path]:
    """The files that the list names and that are not there."""
    while True:
        listed = _read(folder / _META)
        if listed is None:
            return [folder / _META]
        missing = [path for path in _named(folder, listed) if not path.exists()]
        # Merged segments are removed at any time, after the list has changed.
        if not missing or _read(folder / _META) == listed:
            return missing


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except (OSError, ValueError):
        return None


def _named(folder: Path, listed: str) -> list[Path]:
    try:
        segments = json.loads(listed)["segments"]
        found = []
        for segment in segments:
            name, deletes = str(segment["segment_id"]).replace("-", ""), segment.get("deletes")
            found += [folder / f"{name}.{kind}" for kind in _NEEDED]
            if deletes:
                found.append(folder / f"{name}.{int(deletes['opstamp'])}.del")
    except (ValueError, KeyError, TypeError, AttributeError):
        return [folder / _META]
    return found
