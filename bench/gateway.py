"""`make bench-gateway`: our gateway with everything on, beside a direct call, nginx and, where `make bench-peers`
installed them, Envoy, Portkey and LiteLLM. Interleaved, all in one run.

Each gateway has core 0 and one worker, and the others stand still while it is measured; the static upstream, the load
and the control plane's stand-in share core 1. CPU time per call comes from `/proc/PID/task/*/schedstat`; it is the
stable figure on shared cores. About 13 minutes with all peers, 6 without; `--quick` takes 3.
"""

import argparse
import http.client
import json
import os
import platform
import re
import resource
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench import gateway_load as load
from bench.gateway_control import MOST_KEYS_USED, MOST_SERVICES_USED, chosen, key_of, model_of
from bench.gateway_systems import (
    ANSWER,
    OTHER_CORE,
    ROOT,
    Ours,
    Processes,
    System,
    alone,
    answers,
    direct,
    envoy,
    litellm,
    nginx,
    nginx_proxy,
    portkey,
    wait_for,
)
from tests.support.ports import free_port

CONNECTIONS = 50
RATE = 1000
LADDER = (500, 1000, 2000, 3000, 4000)
LOWER = (250, 100, 50, 20)
KEY_COUNTS = (10, 1_000, 100_000, 1_000_000)
SERVICE_COUNTS = (10, 1_000, 100_000)
# Besides: CPU a call at most Envoy's, 60 times LiteLLM's rate, cost flat within a tenth; see `compare`.
BARS: dict[str, float] = {
    "cpu_us_per_call.ours": 25.0,
    "added_p99_us_1000rps.ours": 1000.0,
    "rss_idle_mb.ours": 45.0,
    "rss_loaded_mb.ours": 220.0,
    "streams_held.ours": 2000.0,
    "revocation_s.ours": 1.0,
    "calls_without_one_event.ours": 0.0,
}
Row = dict[str, Any]


class Bench:
    """Starts everything, runs the rounds, gathers rows."""

    def __init__(self, folder: Path, arguments: argparse.Namespace) -> None:
        self.folder, self.quick, self.python = folder, arguments.quick, arguments.python
        self.seconds, self.rounds = arguments.seconds, arguments.rounds
        self.only: set[str] = set(arguments.only.split(",")) if arguments.only else set()
        self.run = Processes(folder)
        self.systems: list[System] = []
        self.rows: list[Row] = []
        self.refuses_streams: set[str] = set()
        self.upstream = self.streams = 0
        self.began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self.began:4.0f} s] {text}", file=sys.stderr, flush=True)

    def start(self) -> Ours:
        self.folder.chmod(0o755)
        run, ports = self.run, free_port
        self.upstream, self.streams = ports(), ports()
        location = f"location / {{ default_type application/json; return 200 '{ANSWER}'; }}"
        nginx(run, "upstream", OTHER_CORE, self.upstream, location)
        run.start(OTHER_CORE, sys.executable, "-m", "bench.gateway_streams", "--source", str(self.streams),
                  env={"PYTHONPATH": str(ROOT)})  # fmt: skip
        wait_for(lambda: answers(self.streams, "/ready"), "the source of streams answering")
        makers = {"envoy": envoy, "portkey": portkey, "litellm": litellm}
        self.systems = [direct(self.upstream, self.streams), nginx_proxy(run, ports(), self.upstream, self.streams)]
        for name, make in makers.items():
            if self.only and name not in self.only:
                continue
            try:
                peer = make(run, ports(), self.upstream, self.streams)
            except TimeoutError as error:
                self.say(f"{name} is left out: {error}; see its log in {self.folder}")
                continue
            if peer is None:
                self.say(f"{name} is left out: not installed (make bench-peers)")
            else:
                self.systems.append(peer)
        ours = self.ours()
        self.systems.append(ours.system)
        self.say(f"started {', '.join(system.name for system in self.systems)}")
        return ours

    def ours(self, **more: int) -> Ours:
        ports = (free_port(), free_port(), free_port())
        return Ours(self.run, ports, self.upstream, self.streams, self.python, **more)

    def wrk(
        self, system: System, connections: int, seconds: float, requests: str = load.ONE_BODY % load.BODY
    ) -> load.Round:
        before = system.cpu_ns()
        headers = system.headers if "keys.txt" not in requests else {}
        got = load.wrk(self.folder, OTHER_CORE, system.port, connections, seconds, headers, requests)
        if system.pids():
            got.cpu_us = (system.cpu_ns() - before) / 1000 / max(got.calls, 1)
        return got

    # The parts of a run.

    def measure_rounds(self) -> None:
        for system in self.systems:
            system.rss_idle = system.rss_mb()
            first = self.wrk(system, CONNECTIONS, 2)
            if first.errors > first.calls // 100:
                raise SystemExit(f"{system.name} answers with errors: {first}")
        for number in range(self.rounds):
            for system in self.systems:
                with alone(system, self.systems):
                    system.rounds.append(self.wrk(system, CONNECTIONS, self.seconds))
                    system.single.append(self.wrk(system, 1, max(1, self.seconds / 2)))
                    system.paced.append(load.paced(OTHER_CORE, system.port, RATE, self.seconds, system.headers))
            self.say(f"round {number + 1} of {self.rounds} done")
        for system in self.systems:
            system.rss_loaded = system.rss_mb()

    def measure_streams(self) -> None:
        for system in self.systems:
            with alone(system, self.systems):
                system.held = self._most_held(system)
            self.say(f"{system.name} holds {system.held} streams")

    def _most_held(self, system: System) -> int:
        held = 0
        for count in LADDER[:3] if self.quick else LADDER:
            if not self._holds(system, count):
                break
            held = count
        if not held and system.name not in self.refuses_streams:
            held = next((count for count in LOWER if self._holds(system, count)), 0)
        return held

    def _holds(self, system: System, count: int) -> bool:
        """Whether so many streams ran without a stall, in one of two tries: the machine has pauses of its own."""
        for _ in range(2):
            seen = load.streams(OTHER_CORE, system.stream_port, count, 4, system.stream_headers)
            if seen["running"] == seen["streams"] and not (seen["lost"] or seen["silent"] or seen["stalls"]):
                return True
            self.say(f"{system.name}, {count} streams: {json.dumps(seen)}")
            if seen["refused"] == seen["streams"]:
                self.refuses_streams.add(system.name)
                break
        return False

    def measure_revocation(self, ours: Ours) -> None:
        times = [_revoke(ours) for _ in range(3 if self.quick else 10)]
        self.add("revocation_s.ours", times, "s", "lower")
        self.say(f"revoked in {max(times) * 1000:.1f} ms at most")

    def measure_growth(self) -> None:
        keys = KEY_COUNTS[::3] if self.quick else KEY_COUNTS
        services = SERVICE_COUNTS[::2] if self.quick else SERVICE_COUNTS
        self._grow("keys", [(count, self.ours(keys=count)) for count in keys])
        self._grow("services", [(count, self.ours(services=count)) for count in services])

    def _grow(self, what: str, gateways: list[tuple[int, Ours]]) -> None:
        """All sizes interleaved, so that the smallest and the largest meet the same noise."""
        costs: dict[int, list[float]] = {count: [] for count, _ in gateways}
        for count, ours in gateways:
            self._write_lists(what, count)
            self._warm(ours, len(chosen(count, MOST_KEYS_USED if what == "keys" else MOST_SERVICES_USED)))
        for _ in range(2 if self.quick else 4):
            for count, ours in gateways:
                self._write_lists(what, count)
                got = self.wrk(ours.system, CONNECTIONS, 2, load.MANY.format(folder=self.folder))
                costs[count].append(got.cpu_us or 0.0)
        least = statistics.median(costs[gateways[0][0]])
        for count, ours in gateways:
            bar = round(least * 1.1, 2) if what == "keys" else None
            self.add(f"cpu_us_per_call.ours.{what}_{count}", costs[count], "µs", "lower", bar)
            self.add(f"rss_loaded_mb.ours.{what}_{count}", [ours.system.rss_mb()], "MB", "lower")
            self.say(f"{count} {what}: {statistics.median(costs[count]):.1f} µs a call")

    def _warm(self, ours: Ours, used: int) -> None:
        """Calls until every key and service has been called a few times, for a minute at most."""
        deadline = time.monotonic() + 60
        while ours.metric("mercato_gateway_calls_total") < 4 * used and time.monotonic() < deadline:
            self.wrk(ours.system, CONNECTIONS, 2, load.MANY.format(folder=self.folder))

    def _write_lists(self, what: str, count: int) -> None:
        keys = chosen(count, MOST_KEYS_USED) if what == "keys" else range(1)
        models = chosen(count, MOST_SERVICES_USED) if what == "services" else range(1)
        (self.folder / "keys.txt").write_text("\n".join(map(key_of, keys)))
        (self.folder / "models.txt").write_text("\n".join(map(model_of, models)))

    # Rows.

    def add(self, metric: str, values: list[float], unit: str, better: str, bar: float | None = None) -> None:
        value = round(statistics.median(values), 3 if unit == "s" else 2)
        bar = BARS.get(metric) if bar is None else bar
        met = None if bar is None else (value <= bar if better == "lower" else value >= bar)
        spread = [round(min(values), 4), round(max(values), 4)]
        self.rows.append(
            {"metric": metric, "value": value, "unit": unit, "better": better, "bar": bar, "met": met, "spread": spread}
        )

    def add_rounds(self) -> None:
        base = next(system for system in self.systems if system.name == "direct")
        for system in self.systems:
            name = system.name
            self.add(f"rps_50.{name}", [r.rps for r in system.rounds], "1/s", "higher")
            for share in ("p50", "p95", "p99"):
                self.add(f"{share}_us_50.{name}", [getattr(r, share) for r in system.rounds], "µs", "lower")
            self.add(f"errors.{name}", [float(sum(r.errors for r in system.rounds + system.single))], "calls", "lower")
            if system.held:
                self.add(f"streams_held.{name}", [float(system.held)], "streams", "higher")
            if system is base:
                continue
            self.add(f"cpu_us_per_call.{name}", [r.cpu_us or 0.0 for r in system.rounds], "µs", "lower")
            pairs = list(zip(system.single, base.single, strict=True))
            self.add(f"added_p50_us.{name}", [a.p50 - b.p50 for a, b in pairs], "µs", "lower")
            self.add(f"added_p99_us.{name}", [a.p99 - b.p99 for a, b in pairs], "µs", "lower")
            steady = list(zip(system.paced, base.paced, strict=True))
            for share in ("50", "99"):
                values = [a[f"p{share}"] - b[f"p{share}"] for a, b in steady]
                self.add(f"added_p{share}_us_1000rps.{name}", values, "µs", "lower")
            self.add(f"rss_idle_mb.{name}", [system.rss_idle], "MB", "lower")
            self.add(f"rss_loaded_mb.{name}", [system.rss_loaded], "MB", "lower")
        self.compare()

    def compare(self) -> None:
        """The bars that peers set in this run."""
        ours = next(system for system in self.systems if system.name == "ours")
        for system in self.systems:
            if system.name in ("direct", "ours"):
                continue
            pairs = list(zip(ours.rounds, system.rounds, strict=True))
            cost = [(a.cpu_us or 0.0) / (b.cpu_us or 1.0) for a, b in pairs]
            self.add(f"cpu_ratio.ours_to_{system.name}", cost, "×", "lower", 1.0 if system.name == "envoy" else None)
            rate = [a.rps / b.rps for a, b in pairs]
            self.add(
                f"rps_ratio.ours_to_{system.name}", rate, "×", "higher", 60.0 if system.name == "litellm" else None
            )

    def result(self) -> Row:
        machine = {
            "cpu": _cpu(), "cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version(),
            "load": round(os.getloadavg()[0], 2),
        }  # fmt: skip
        on = {system.name: system.switched_on for system in self.systems}
        on["ours.keys_*, ours.services_*"] = (
            f"one organisation; calls go to all of its keys or services, to {MOST_KEYS_USED} keys or "
            f"{MOST_SERVICES_USED} services evenly spread where there are more; every gateway was warmed up"
        )
        on["revocation_s.ours"] = "from the control plane's stand-in (the tests' own) to the first refused call"
        return {"machine": machine, "switched_on": on, "rows": self.rows}


def _revoke(ours: Ours) -> float:
    """Seconds from the revocation to the first call that is refused; calls come as fast as one client can."""
    headers = {"authorization": f"Bearer {ours.ask('/bench/spare')['key']}", "content-type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", ours.system.port, timeout=10)

    def status() -> int:
        connection.request("POST", "/v1/embeddings", load.BODY, headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status

    wait_for(lambda: status() == 200, "a new key being taken")
    at = float(str(ours.ask("/bench/revoke")["at"]))
    while status() == 200:
        if time.time() - at > 60:
            break
    connection.close()
    return max(0.0, time.time() - at)


def _cpu() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def show(result: Row) -> None:
    print(f"\n{'metric':38} {'value':>12} {'unit':7} {'spread':>26} {'bar':>8}")
    for line in result["rows"]:
        met = {True: "met", False: "MISSED", None: ""}[line["met"]]
        bar = "" if line["bar"] is None else f"{line['bar']:g}"
        low, high = line["spread"]
        print(f"{line['metric']:38} {line['value']:>12,} {line['unit']:7} {low:>12,} … {high:>11,} {bar:>8} {met}")
    for name, on in result["switched_on"].items():
        print(f"{name}: {on}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0, help="of each round at 50 connections (4, quick 2)")
    parser.add_argument("--rounds", type=int, default=0, help="5, quick 2")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds; nothing is written")
    parser.add_argument(
        "--only", default="", help="only these peers besides nginx: envoy,portkey,litellm; `none` for none"
    )
    parser.add_argument("--python", default=sys.executable, help="interpreter of the gateway: builds differ by half")
    arguments = parser.parse_args()
    arguments.seconds = arguments.seconds or (2 if arguments.quick else 4)
    arguments.rounds = arguments.rounds or (2 if arguments.quick else 5)
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian puts nginx, and where few paths look
    missing = [tool for tool in ("nginx", "wrk", "taskset") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"bench-gateway needs {', '.join(missing)}: apt-get install nginx-light wrk util-linux")
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments)
        try:
            ours = bench.start()
            bench.measure_rounds()
            bench.measure_streams()
            bench.measure_revocation(ours)
            answered, wrong = ours.check_events()
            bench.add_rounds()
            bench.add("calls_answered.ours", [float(answered)], "calls", "higher")
            bench.add("calls_without_one_event.ours", [float(wrong)], "calls", "lower")
            bench.measure_growth()
            result = bench.result()
        finally:
            bench.run.stop()
    show(result)
    if not arguments.quick:
        target = ROOT / "bench" / "results" / "gateway.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
