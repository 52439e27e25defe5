"""`make bench-gateway`: the gateway on one core against a direct call and nginx `proxy_pass`, interleaved, all
in one run.

Everything is on in ours: key, token bucket, quota lease, money budget, metering to the spool, shipping, headers. The
static upstream, wrk and the control plane's stand-in share the other core. CPU time per call comes from
`/proc/PID/task/*/schedstat`; it is the stable figure on shared cores. A further system is one more `System`.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

GATEWAY_CORE, OTHER_CORE = "0", "1"
CONNECTIONS = 50
ANSWER = (
    '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,0.2,0.3]}],'
    '"model":"e5","usage":{"prompt_tokens":5,"total_tokens":5}}'
)
BODY = '{"model":"acme/embedder","input":"turn this sentence into a vector"}'
BARS = {
    "cpu_us_per_call.ours": 60.0,
    "rss_idle_mb.ours": 45.0,
    "rss_loaded_mb.ours": 220.0,
    "calls_without_one_event.ours": 0.0,
}

NGINX = """
daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.log error;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/{name};
  proxy_temp_path {folder}/{name};
  fastcgi_temp_path {folder}/{name}; uwsgi_temp_path {folder}/{name}; scgi_temp_path {folder}/{name};
  {upstream}
  server {{ listen 127.0.0.1:{port} reuseport backlog=4096; location / {{ {location} }} }} }}
"""
WRK = """
wrk.method = "POST"
wrk.body = [==[{body}]==]
wrk.headers["content-type"] = "application/json"
wrk.headers["authorization"] = "Bearer {key}"
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max))
end
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen in {seconds} s")
        time.sleep(0.05)


def answers(port: int, path: str = "/") -> bool:
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=1).read()
    except OSError:
        return False
    return True


def pinned(core: str, *command: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["taskset", "-c", core, *command], stderr=subprocess.DEVNULL)


@dataclass
class Round:
    """What one wrk run against one system gave. Times in microseconds."""

    calls: int
    rps: float
    errors: int
    p50: float
    p95: float
    p99: float
    cpu_us: float | None


@dataclass
class System:
    """Something between wrk and the upstream; `pids` are what its CPU time and memory are read from."""

    name: str
    port: int
    switched_on: str
    pids: Callable[[], list[int]] = list
    path: str = "/v1/embeddings"
    rounds: list[Round] = field(default_factory=list)
    single: list[Round] = field(default_factory=list)
    rss_idle: float = 0.0

    def cpu_ns(self) -> int:
        return sum(
            int(task.read_text().split()[0])
            for pid in self.pids()
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat")
        )

    def rss_mb(self) -> float:
        """The processes' own memory: proportional set size, so that shared pages count once."""
        total = 0
        for pid in self.pids():
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) if found else 0
        return total / 1024


def children(pid: int) -> list[int]:
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [pid, *map(int, out.split())]


class Bench:
    """Starts everything, runs the rounds, stops what it started."""

    def __init__(self, folder: Path, seconds: float, rounds: int, python: str = sys.executable) -> None:
        self.folder, self.seconds, self.count, self.python = folder, seconds, rounds, python
        self.processes: list[subprocess.Popen[bytes]] = []
        self.systems: list[System] = []
        self.key = ""

    def nginx(self, name: str, core: str, location: str, upstream: str = "") -> tuple[int, int]:
        port = free_port()
        (self.folder / name).mkdir(mode=0o777)
        config = self.folder / f"{name}.conf"
        config.write_text(NGINX.format(folder=self.folder, name=name, port=port, location=location, upstream=upstream))
        process = pinned(core, "nginx", "-c", str(config), "-p", str(self.folder))
        self.processes.append(process)
        wait_for(lambda: answers(port), f"{name} answering")
        return port, process.pid

    def start(self) -> None:
        self.folder.chmod(0o755)
        upstream, _ = self.nginx("upstream", OTHER_CORE, f"default_type application/json; return 200 '{ANSWER}';")
        self.systems.append(System("direct", upstream, "nothing in between"))
        block = f"upstream up {{ server 127.0.0.1:{upstream}; keepalive 128; }}"
        proxied = 'proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection "";'
        port, pid = self.nginx("proxy", GATEWAY_CORE, proxied, block)
        self.systems.append(System("nginx", port, "proxy_pass with keep-alive, nothing else", lambda: children(pid)))
        self.start_ours(upstream)

    def start_ours(self, upstream: int) -> None:
        control_port, port, admin = free_port(), free_port(), free_port()
        control = subprocess.Popen(
            ["taskset", "-c", OTHER_CORE, sys.executable, __file__, "--control", str(control_port), str(upstream)],
            stdout=subprocess.PIPE,
        )
        self.processes.append(control)
        assert control.stdout is not None
        self.key = control.stdout.readline().decode().strip()
        gateway = pinned(
            GATEWAY_CORE, self.python, "-m", "mercato_gateway.main", f"--listen=127.0.0.1:{port}",
            f"--admin=127.0.0.1:{admin}",
            f"--control=http://127.0.0.1:{control_port}", f"--state={self.folder}/state",
        )  # fmt: skip
        self.processes.append(gateway)
        self.control_port, self.admin = control_port, admin
        wait_for(lambda: answers(port, "/readyz"), "the gateway being ready")
        on = "key, bucket (requests/s), quota (requests/month), budget (nanos/month), pricing, spool, shipping, headers"
        self.systems.append(System("ours", port, on, lambda: children(gateway.pid)))

    def wrk(self, system: System, connections: int, seconds: float) -> Round:
        script = self.folder / "wrk.lua"
        script.write_text(WRK.format(body=BODY, key=self.key))
        before = system.cpu_ns()
        command = [
            "taskset",
            "-c",
            OTHER_CORE,
            "wrk",
            "-t1",
            f"-c{connections}",
            f"-d{round(seconds)}s",
            "-s",
            str(script),
        ]
        out = subprocess.run(
            [*command, f"http://127.0.0.1:{system.port}{system.path}"], capture_output=True, text=True, check=True
        ).stdout
        found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", out)
        assert found, out
        calls, duration, errors, p50, p95, p99 = map(int, found.groups())
        cpu = (system.cpu_ns() - before) / 1000 / max(calls, 1) if system.pids() else None
        return Round(calls, calls / (duration / 1e6), errors, p50, p95, p99, cpu)

    def run(self) -> None:
        for system in self.systems:
            system.rss_idle = system.rss_mb()
            self.wrk(system, CONNECTIONS, 1)
        for number in range(self.count):
            for system in self.systems:
                system.rounds.append(self.wrk(system, CONNECTIONS, self.seconds))
                system.single.append(self.wrk(system, 1, max(1, self.seconds / 2)))
            print(f"round {number + 1} of {self.count} done", file=sys.stderr, flush=True)

    def events(self) -> dict[str, int]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.control_port}/bench/events", timeout=10) as answer:
            return dict(json.load(answer))

    def metric(self, name: str) -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(name))

    def check_events(self) -> tuple[int, int]:
        """Calls that the gateway answered, and how many of them have no event or more than one."""
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: self.metric("mercato_gateway_spool_behind_bytes") == 0, "the spool being shipped", 60)
        answered = self.metric("mercato_gateway_calls_total")
        counted = self.events()
        return answered, abs(answered - counted["distinct"]) + counted["twice"]

    def stop(self) -> None:
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(timeout=30)


def spread(values: list[float]) -> list[float]:
    return [round(min(values), 2), round(max(values), 2)]


def row(metric: str, values: list[float], unit: str, better: str) -> dict[str, object]:
    value = round(statistics.median(values), 2)
    bar = BARS.get(metric)
    met = None if bar is None else (value <= bar if better == "lower" else value >= bar)
    return {
        "metric": metric,
        "value": value,
        "unit": unit,
        "better": better,
        "bar": bar,
        "met": met,
        "spread": spread(values),
    }


def report(bench: Bench, answered: int, wrong: int) -> dict[str, object]:
    rows = []
    direct = next(system for system in bench.systems if system.name == "direct")
    for system in bench.systems:
        name = system.name
        rows.append(row(f"rps_50.{name}", [r.rps for r in system.rounds], "1/s", "higher"))
        for percentile in ("p50", "p95", "p99"):
            rows.append(
                row(f"{percentile}_us_50.{name}", [getattr(r, percentile) for r in system.rounds], "µs", "lower")
            )
        if system is not direct:
            cpu = [r.cpu_us for r in system.rounds if r.cpu_us is not None]
            rows.append(row(f"cpu_us_per_call.{name}", cpu, "µs", "lower"))
            added = [a.p50 - b.p50 for a, b in zip(system.single, direct.single, strict=True)]
            rows.append(row(f"added_p50_us.{name}", added, "µs", "lower"))
            rows.append(
                row(
                    f"added_p99_us.{name}",
                    [a.p99 - b.p99 for a, b in zip(system.single, direct.single, strict=True)],
                    "µs",
                    "lower",
                )
            )
            rows.append(row(f"rss_idle_mb.{name}", [system.rss_idle], "MB", "lower"))
            rows.append(row(f"rss_loaded_mb.{name}", [system.rss_mb()], "MB", "lower"))
        rows.append(
            row(f"errors.{name}", [float(sum(r.errors for r in system.rounds + system.single))], "calls", "lower")
        )
    rows.append(row("calls_answered.ours", [float(answered)], "calls", "higher"))
    rows.append(row("calls_without_one_event.ours", [float(wrong)], "calls", "lower"))
    machine = {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2),
    }
    return {"machine": machine, "switched_on": {s.name: s.switched_on for s in bench.systems}, "rows": rows}


def _cpu() -> str:
    found = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.machine()


def show(result: dict[str, object]) -> None:
    print(f"\n{'metric':34} {'value':>12} {'unit':6} {'spread':>24} {'bar':>8}")
    for line in result["rows"]:  # type: ignore[attr-defined]
        met = {True: "met", False: "MISSED", None: ""}[line["met"]]
        bar = "" if line["bar"] is None else f"{line['bar']:g}"
        low, high = line["spread"]
        print(f"{line['metric']:34} {line['value']:>12,} {line['unit']:6} {low:>11,} … {high:>10,} {bar:>8} {met}")
    for name, on in result["switched_on"].items():  # type: ignore[attr-defined]
        print(f"{name}: {on}")


def serve_control(port: int, upstream: int) -> None:
    """The stand-in control plane as a process of its own; prints the key."""
    from tests.fakes.control_plane import ControlPlane
    from tests.fakes.marketplace import a_deployment, a_limit, a_plan, a_release, a_service, a_subscriber, subscribe

    class Counting(ControlPlane):
        taken = 0

        async def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
            if path == "/internal/usage":
                self.taken += body.count(b'"id":"use_')
            return await super()._post(path, body)

        def _answer_events(self) -> bytes:
            distinct = len(self.event_ids)
            return json.dumps({"distinct": distinct, "twice": self.taken - distinct}).encode()

        def _get(self, path: str) -> tuple[int, bytes]:
            return (200, self._answer_events()) if path == "/bench/events" else super()._get(path)

    async def run() -> None:
        control = Counting(lease_ms=60_000, bucket_lease_ms=5_000)
        control.keep_events = False
        plan = a_plan(per_call_nanos=1000, per_1k_input_nanos=20_000)
        service = a_service(
            "acme/embedder", [a_release("1.0.0", [a_deployment(f"http://127.0.0.1:{upstream}/v1")])], plans=[plan]
        )
        control.put_service(service)
        subscription = subscribe(
            service,
            a_limit("subscription", "requests", "second", 1_000_000),
            a_limit("subscription", "requests", "month", 10**12),
        )
        key = a_subscriber(control, subscription, limits=[a_limit("consumer", "nanos", "month", 10**18)])
        await control.start(port)
        print(key, flush=True)
        await asyncio.Event().wait()

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each round at 50 connections")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python", default=sys.executable, help="interpreter of the gateway: builds differ by half")
    parser.add_argument("--control", nargs=2, type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.control:
        serve_control(*arguments.control)
        return
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # where Debian puts nginx, and where few paths look
    missing = [tool for tool in ("nginx", "wrk", "taskset") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"bench-gateway needs {', '.join(missing)}: apt-get install nginx-light wrk util-linux")
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.seconds, arguments.rounds, arguments.python)
        try:
            bench.start()
            bench.run()
            result = report(bench, *bench.check_events())
        finally:
            bench.stop()
    show(result)
    target = ROOT / "bench" / "results" / "gateway.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
