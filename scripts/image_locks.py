"""Writes the lock of each image, deploy/containers/*.lock: what its packages need of requirements.lock, with hashes.

An image holds no tool of tests. What builds our own wheels (hatchling, setuptools, mypy) is in build.lock.
"""

import re
import sys
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "deploy" / "containers"
IMAGES = {
    "server": ["mercato-server[desk,kafka,policy,temporal]"],
    "gateway": ["mercato-gateway"],
    "runner": ["mercato-cli"],
    "build": ["hatchling", "editables", "setuptools", "mypy"],
}


def lock_of(image: str) -> str:
    """The text of an image's lock."""
    blocks = _blocks((ROOT / "requirements.lock").read_text())
    names = {name for name in _closure(IMAGES[image]) if not name.startswith("mercato-")}
    missing = names - blocks.keys()
    if missing:
        raise SystemExit(f"not in requirements.lock: {sorted(missing)}")
    head = f"# The {image} image, from requirements.lock: `python scripts/image_locks.py` writes it anew.\n"
    return head + "".join(blocks[name] for name in sorted(names))


def _closure(wanted: list[str]) -> set[str]:
    found: set[str] = set()
    queue = [Requirement(each) for each in wanted]
    seen: set[tuple[str, frozenset[str]]] = set()
    while queue:
        requirement = queue.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if (name, frozenset(requirement.extras)) in seen:
            continue
        seen.add((name, frozenset(requirement.extras)))
        found.add(name)
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        for text in needs:
            need = Requirement(text)
            extras = requirement.extras or {""}
            if need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                queue.append(need)
    return found


def _blocks(text: str) -> dict[str, str]:
    """By name: each pin with its hashes; several where the version differs by Python's."""
    blocks: dict[str, str] = {}
    for part in re.split(r"(?m)^(?=[a-z0-9])", text):
        if "==" in part:
            name = part.split("==")[0].split("[")[0]
            blocks[name] = blocks.get(name, "") + part
    return blocks


def main() -> int:
    """Write all of them."""
    for image in IMAGES:
        (FOLDER / f"{image}.lock").write_text(lock_of(image))
    return 0


if __name__ == "__main__":
    sys.exit(main())
