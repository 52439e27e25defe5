"""Reads what a run reports in its output: JSON lines that the runner prints. All other lines are only log."""

import json
import math
from typing import Any

_MOST_METRICS = 50
_MOST_STEP = 2**53


def read_progress(text: str) -> tuple[dict[int, dict[str, float]], dict[str, float] | None]:
    """Metrics by step, and the final ones if `text` has them.

    Lines may come in any order and cannot be trusted: numbers that are not finite are left out.
    """
    steps: dict[int, dict[str, float]] = {}
    done = None
    for line in text.splitlines():
        event = _event(line)
        if event is None:
            continue
        if event["event"] == "done":
            done = _metrics(event.get("metrics"))
        elif event["event"] == "progress" and _is_step(event.get("step")):
            steps[event["step"]] = _metrics(event.get("metrics"))
    return steps, done


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) and parsed.get("event") in ("progress", "done") else None


def _is_step(step: Any) -> bool:
    return isinstance(step, int) and not isinstance(step, bool) and 0 <= step <= _MOST_STEP


def _metrics(reported: Any) -> dict[str, float]:
    if not isinstance(reported, dict):
        return {}
    numbers = {
        str(name)[:64].replace("\0", ""): float(value)
        for name, value in list(reported.items())[:_MOST_METRICS]
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    }
    return {name: value for name, value in numbers.items() if math.isfinite(value)}
