"""`python -m mercato_cli.runner train`: a project's training as a process that reports progress line by line.

Standard output carries JSON lines and nothing else; what the vendor's code prints goes to standard error.
"""

import hashlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from mercato_cli.runner.project import ProjectNotUsable, load_train
from mercato_cli.runner.signals import failure

_PIECE_BYTES = 1024 * 1024
_MOST_ARTIFACTS = 100


class Lines:
    """The JSON lines. Made before the vendor's code is loaded: it takes standard output for itself."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # prints of the vendor's code, and of what it starts, go to standard error

    def say(self, **facts: Any) -> None:
        """One line, at once."""
        self._out.write(json.dumps(facts, allow_nan=False) + "\n")
        self._out.flush()

    def report(self, step: int, metrics: dict[str, float]) -> None:
        """Called by `train.py` to report progress. Raises `ValueError` for an invalid step or number."""
        if isinstance(step, bool) or not isinstance(step, int) or step < 0:
            raise ValueError(f"report: the step is a whole number from 0 on, not {step!r}")
        self.say(event="progress", step=step, metrics=_finite(metrics))


def train(project: Path, spec_file: Path, data: Path, out: Path) -> bool:
    """Runs `train.py` and reports the result; returns whether it succeeded. Raises `ProjectNotUsable`."""
    from mercato_contracts.training import TrainingSpec

    try:
        spec = TrainingSpec.model_validate_json(spec_file.read_bytes(), extra="ignore")
    except (OSError, ValueError) as error:
        raise ProjectNotUsable(f"{spec_file} is no training spec: {error}") from None
    lines = Lines()
    run = load_train(project)
    out.mkdir(parents=True, exist_ok=True)
    try:
        metrics = _finite(run(spec, data, out, lines.report))
        lines.say(event="done", metrics=metrics, artifacts=artifacts_in(out))
    except Exception as error:
        sys.stderr.write(failure(error) + "\n")
        lines.say(event="failed", error=f"{type(error).__name__}: {error}"[:500])
        return False
    return True


def artifacts_in(folder: Path) -> list[dict[str, Any]]:
    """Name, size and SHA-256 of each file; links are passed over. Raises `ValueError` for more than a hundred."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    if len(files) > _MOST_ARTIFACTS:
        raise ValueError(f"training left {len(files)} files; {_MOST_ARTIFACTS} are allowed")
    return [
        {"name": path.relative_to(folder).as_posix(), "bytes": path.stat().st_size, "sha256": _sha256(path)}
        for path in files
    ]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _finite(metrics: Any) -> dict[str, float]:
    """Metrics as plain numbers. Raises `ValueError` for names that are no text and for what is not finite."""
    if not isinstance(metrics, dict):
        raise ValueError(f"metrics are a dictionary of numbers, not {type(metrics).__name__}")
    plain = {}
    for name, value in metrics.items():
        number = float(value)
        if not isinstance(name, str) or not math.isfinite(number):
            raise ValueError(f"metrics: {name!r} is {value!r}; every metric is a finite number with a name")
        plain[name] = number
    return plain
