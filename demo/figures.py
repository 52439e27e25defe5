"""Latencies: quantiles of what clients saw, in milliseconds."""

from collections.abc import Sequence

from demo.clients import Call


def quantile(seconds: Sequence[float], share: float) -> float:
    """The nearest-rank quantile, in milliseconds."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000


def latency_row(name: str, calls: Sequence[Call]) -> list[str]:
    """Name, number of answered calls, p50, p95 and p99 as a table has them."""
    seconds = [call.seconds for call in calls if call.answered]
    return [name, f"{len(seconds):,}", *(f"{quantile(seconds, share):.1f} ms" for share in (0.5, 0.95, 0.99))]


LATENCY_HEAD = ["latency", "calls", "p50", "p95", "p99"]
