"""Writes `tests/vectors/semver.json` anew: what npm's own `semver` answers for the ranges in it, and for more."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.npm_semver import ask, find_semver, some_ranges  # noqa: E402

_GENERATED = 250
_SEED = 1
_FILE = ROOT / "tests" / "vectors" / "semver.json"
_ABOUT = (
    "Versions in their order; what is none; ranges and which of the versions each contains; what is no range. "
    "Written by scripts/semver_vectors.py from npm's semver 7; versions, invalid_versions and the ranges under "
    "`written` are edited by hand."
)


def main() -> None:
    vectors = json.loads(_FILE.read_text())
    package = find_semver()
    if package is None:
        raise SystemExit("This needs Node with npm.")
    versions, written = vectors["versions"], vectors["written"]
    ranges = list(dict.fromkeys([*written, *some_ranges(_SEED, _GENERATED)]))
    answers = ask(package, versions, ranges)
    lines = [
        json.dumps({"range": text, "contains": [versions[place] for place in places]})
        for text, places in zip(ranges, answers, strict=True)
        if places is not None
    ]
    parts = {
        "about": json.dumps(_ABOUT),
        "versions": json.dumps(versions),
        "invalid_versions": json.dumps(vectors["invalid_versions"]),
        "written": json.dumps(written),
        "ranges": "[\n    " + ",\n    ".join(lines) + "\n  ]",
        "invalid_ranges": json.dumps([text for text, places in zip(ranges, answers, strict=True) if places is None]),
    }
    _FILE.write_text("{\n" + ",\n".join(f'  "{name}": {value}' for name, value in parts.items()) + "\n}\n")


if __name__ == "__main__":
    main()
