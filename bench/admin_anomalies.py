"""How many of the planted spikes, drifts and silences are found, and how many of those found were planted."""

from bench.discovery_rows import Row
from mercato.metering.unusual import judge
from tests.support.planted import JUDGED, plant

_BAR = 0.9
_EACH, _SEEDS = 30, (1, 2, 3, 4, 5)


def measure_anomalies() -> list[Row]:
    """Over 240 customers of ten weeks for each seed; five kinds of them have habits that look unusual."""
    precisions, recalls = [], []
    for seed in _SEEDS:
        right = wrong = planted = found = 0
        for case in plant(seed, _EACH):
            flagged: dict[int, int] = {}
            for hour in JUDGED:
                if judge("calls", case.windows(hour)) is not None:
                    flagged.setdefault(hour // 24, hour)
            hits = sum(hour in case.odd for hour in flagged.values())
            right, wrong = right + hits, wrong + len(flagged) - hits
            planted, found = planted + bool(case.odd), found + bool(case.odd and hits)
        precisions.append(right / max(right + wrong, 1))
        recalls.append(found / planted)
    return [
        Row(f"anomaly_{name}", sum(of) / len(of), "", "higher", _BAR, (min(of), max(of)))
        for name, of in (("precision", precisions), ("recall", recalls))
    ]
