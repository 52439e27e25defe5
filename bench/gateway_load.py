"""The load of `bench/gateway.py`: wrk as fast as it goes, calls at a steady rate, streams that must not stall."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEY_NAME, LATE_PATH = "/bench/key", "/bench/events"
BODY = '{"model":"acme/embedder","input":"turn this sentence into a vector"}'
CHAT_BODY = '{"model":"acme/chat","stream":true,"messages":[{"role":"user","content":"tell me a story"}]}'
WRK = """
wrk.method = "POST"
{headers}
{requests}
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d %d %d %d\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout,
    latency:percentile(50), latency:percentile(95), latency:percentile(99), latency.max))
end
"""
ONE_BODY = 'wrk.body = [==[%s]==]\nwrk.headers["content-type"] = "application/json"'
# Each request takes the next of the keys and of the bodies, in an order that visits all of them evenly.
MANY = """
wrk.headers["content-type"] = "application/json"
local keys, models, n = {{}}, {{}}, 0
for line in io.lines("{folder}/keys.txt") do keys[#keys + 1] = "Bearer " .. line end
for line in io.lines("{folder}/models.txt") do models[#models + 1] = line end
request = function()
  n = n + 7919
  wrk.headers["authorization"] = keys[n % #keys + 1]
  return wrk.format(nil, nil, nil, '{{"model":"' .. models[n % #models + 1] .. '","input":"turn this into a vector"}}')
end
"""


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


def wrk(
    folder: Path, core: str, port: int, connections: int, seconds: float, headers: Mapping[str, str], requests: str
) -> Round:
    """One run of wrk; `requests` is the part of its script that makes them. No CPU time in it yet."""
    script = folder / "wrk.lua"
    lines = "\n".join(f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items())
    script.write_text(WRK.format(headers=lines, requests=requests))
    command = ["taskset", "-c", core, "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s"]
    command += ["--timeout", "10s", "-s", str(script), f"http://127.0.0.1:{port}/v1/embeddings"]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", out)
    assert found, out
    calls, duration, errors, p50, p95, p99 = map(int, found.groups())
    return Round(calls, calls / (duration / 1e6), errors, p50, p95, p99, None)


def paced(core: str, port: int, rate: int, seconds: float, headers: Mapping[str, str]) -> dict[str, float]:
    """Calls at a steady rate, each timed from when it was due; see `gateway_paced`."""
    task = {"port": port, "rate": rate, "seconds": seconds, "headers": dict(headers), "body": BODY}
    return _run(core, "bench.gateway_paced", task)


def streams(core: str, port: int, count: int, seconds: float, headers: Mapping[str, str]) -> dict[str, float]:
    """So many streams at once, read for so long; see `gateway_streams`."""
    task = {"port": port, "count": count, "seconds": seconds, "headers": dict(headers), "body": CHAT_BODY}
    return _run(core, "bench.gateway_streams", task)


def _run(core: str, module: str, task: dict[str, object]) -> dict[str, float]:
    command = ["taskset", "-c", core, sys.executable, "-m", module, json.dumps(task)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, timeout=180).stdout
    return dict(json.loads(out))
