"""What a run reports in its output: JSON lines as the runner prints them. What is none of them is only log."""

import json
import math
from typing import Any

_MOST_METRICS = 50
_MOST_STEP = 2**53


def read_progress(text: str) -> tuple[dict[int, dict[str, float]], dict[str, float] | None]:
    """Metrics by step, and those of the end where it is in `text`. Lines may come in any order, and may lie: numbers
    that are not finite are left out."""
    steps: dict[int, dict[str, float]] = {}
    done = None
    for line in text.splitlines():
        told = _event(line)
        if told is None:
            continue
        if told["event"] == "done":
            done = _metrics(told.get("metrics"))
        elif told["event"] == "progress" and _is_step(told.get("step")):
            steps[told["step"]] = _metrics(told.get("metrics"))
    return steps, done


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        told = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) and told.get("event") in ("progress", "done") else None


def _is_step(step: Any) -> bool:
    return isinstance(step, int) and not isinstance(step, bool) and 0 <= step <= _MOST_STEP


def _metrics(told: Any) -> dict[str, float]:
    if not isinstance(told, dict):
        return {}
    numbers = {
        str(name)[:64].replace("\0", ""): float(value)
        for name, value in list(told.items())[:_MOST_METRICS]
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    }
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
