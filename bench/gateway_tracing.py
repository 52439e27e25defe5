"""What traces cost a call of the gateway, in CPU microseconds: off, and on with a collector that takes all.

Rounds are interleaved, each a process of its own; the exporting thread is in the figure, the kernel is not.
"""

import argparse
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]

from tests.fakes.otlp_receiver import OtlpReceiver  # noqa: E402


def _round(*words: str) -> float:
    command = [sys.executable, "-m", "bench.gateway_steps", "--calls", "20000", *words]
    return float(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    collector = OtlpReceiver()
    collector.start()
    on = ["--otlp-url", collector.url]
    ways = {
        "off": [],
        "off, callers name a parent": ["--parents"],
        "on, 1 %": on,
        "on, 1 %, callers name a parent": [*on, "--parents"],
        "on, 100 %": [*on, "--trace-ratio", "1"],
    }
    took: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, words in ways.items():
            took[way].append(_round(*words))
    for way, figures in took.items():
        spread = f"{min(figures):.2f} to {max(figures):.2f}"
        print(f"{way:<32} {statistics.median(figures):6.2f} µs a call ({spread})")
    print(f"spans that arrived: {len(collector.spans)}, wrong: {len(collector.wrong)}")
    collector.stop()


if __name__ == "__main__":
    main()
