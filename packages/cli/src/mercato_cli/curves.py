"""Curves of a training run, drawn with characters."""

from collections.abc import Sequence

_LEVELS = "▁▂▃▄▅▆▇█"
_WIDTH = 60


def curves(steps: Sequence[dict[str, float]]) -> list[str]:
    """A line for each metric: its curve over the steps, the first and last value, the lowest and highest."""
    names = sorted({name for step in steps for name in step})
    width = max((len(name) for name in names), default=0)
    lines = []
    for name in names:
        values = [step[name] for step in steps if name in step]
        span = f"{values[0]:g} → {values[-1]:g}  (lowest {min(values):g}, highest {max(values):g})"
        lines.append(f"{name:<{width}}  {sparkline(values)}  {span}")
    return lines


def sparkline(values: Sequence[float], width: int = _WIDTH) -> str:
    """One character a value; where there are more than `width`, one for the mean of its share of them."""
    if not values:
        return ""
    columns = min(width, len(values))
    shares = [values[n * len(values) // columns : (n + 1) * len(values) // columns] for n in range(columns)]
    means = [sum(share) / len(share) for share in shares]
    low, high = min(means), max(means)
    scale = (len(_LEVELS) - 1) / (high - low) if high > low else 0.0
    return "".join(_LEVELS[round((mean - low) * scale)] for mean in means)
