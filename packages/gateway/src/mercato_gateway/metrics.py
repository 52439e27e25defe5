"""Counters of one worker in Prometheus' text format. Plain integers: a call adds to a few of them."""

from bisect import bisect_left

from mercato_gateway.codes import CODES
from mercato_gateway.metric_names import MEANINGS, PREFIX
from mercato_gateway.process_figures import render_process

_BUCKETS_US = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 50_000, 1_000_000)


class Metrics:
    """What happened since the worker started."""

    __slots__ = (
        "bounds_lowered",
        "calls",
        "client_left",
        "connections",
        "counts_doubted",
        "fallbacks",
        "overhead_buckets",
        "overhead_us",
        "parse_errors",
        "refused",
        "retries",
        "streams_ended",
    )

    def __init__(self) -> None:
        self.calls: dict[int, int] = {}
        self.refused: dict[str, int] = dict.fromkeys(CODES, 0)
        self.client_left = 0
        self.connections = 0
        self.parse_errors = 0
        self.retries = 0
        self.fallbacks = 0
        self.bounds_lowered = 0
        self.streams_ended = 0
        self.counts_doubted = 0
        self.overhead_us = 0
        self.overhead_buckets = [0] * (len(_BUCKETS_US) + 1)

    def answered(self, status: int, overhead_us: int) -> None:
        """Counts a call that its service answered."""
        self.calls[status] = self.calls.get(status, 0) + 1
        self.overhead_us += overhead_us
        self.overhead_buckets[bisect_left(_BUCKETS_US, overhead_us)] += 1

    def render(self, gauges: dict[str, float]) -> bytes:
        """The whole page; `gauges` are the values of this moment."""
        lines = _head("calls_total", "counter")
        lines += [f'{PREFIX}calls_total{{status="{status}"}} {count}' for status, count in sorted(self.calls.items())]
        lines += _head("refused_total", "counter")
        lines += [f'{PREFIX}refused_total{{code="{code}"}} {count}' for code, count in self.refused.items() if count]
        lines += self._histogram()
        counters = {
            "client_left": self.client_left, "parse_errors": self.parse_errors, "retries": self.retries,
            "fallbacks": self.fallbacks, "bounds_lowered": self.bounds_lowered, "streams_ended": self.streams_ended,
            "counts_doubted": self.counts_doubted,
        }  # fmt: skip
        for name, count in counters.items():
            lines += [*_head(f"{name}_total", "counter"), f"{PREFIX}{name}_total {count}"]
        for name, value in {"connections": self.connections, **gauges}.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [*_head(name, kind), f"{PREFIX}{name} {value}"]
        return ("\n".join([*lines, *render_process()]) + "\n").encode()

    def _histogram(self) -> list[str]:
        lines, total = _head("overhead_seconds", "histogram"), 0
        for bound, count in zip((*_BUCKETS_US, None), self.overhead_buckets, strict=True):
            total += count
            lines.append(f'{PREFIX}overhead_seconds_bucket{{le="{bound / 1e6 if bound else "+Inf"}"}} {total}')
        return [
            *lines,
            f"{PREFIX}overhead_seconds_sum {self.overhead_us / 1e6}",
            f"{PREFIX}overhead_seconds_count {total}",
        ]


def _head(name: str, kind: str) -> list[str]:
    return [f"# HELP {PREFIX}{name} {MEANINGS[name]}.", f"# TYPE {PREFIX}{name} {kind}"]
