"""What stands between the load and the upstream in `bench/gateway.py`: each system started on one core with one worker.

nginx and ours are always there; Envoy, Portkey and LiteLLM where `make bench-peers` installed them (`.peers/`).
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.gateway_load import KEY_NAME, LATE_PATH, Round

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".peers"
GATEWAY_CORE, OTHER_CORE = "0", "1"
EMBEDDER, CHAT = "acme/embedder", "acme/chat"
PEER_KEY = "sk-bench-0123456789abcdef0123456789abcdef"
ANSWER = (
    '{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,0.2,0.3]}],'
    '"model":"e5","usage":{"prompt_tokens":5,"total_tokens":5}}'
)

NGINX = """
daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log {folder}/{name}.log error;
worker_rlimit_nofile 20000;
events {{ worker_connections 16384; }}
http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {folder}/{name};
  proxy_temp_path {folder}/{name};
  fastcgi_temp_path {folder}/{name}; uwsgi_temp_path {folder}/{name}; scgi_temp_path {folder}/{name};
  {upstream}
  server {{ listen 127.0.0.1:{port} reuseport backlog=4096; {locations} }} }}
"""
PROXIED = 'proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off;'


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Polls until the condition holds; raises `TimeoutError`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen in {seconds} s")
        time.sleep(0.05)


def answers(port: int, path: str = "/") -> bool:
    """Whether an HTTP server answers there with anything."""
    try:
        urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2).read()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def children(pid: int) -> list[int]:
    """The process and those that it started."""
    out = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False).stdout
    return [pid, *map(int, out.split())]


@dataclass
class System:
    """One way from the load to the upstream; CPU time and memory are read from `pids`, headers are what it wants."""

    name: str
    port: int
    switched_on: str
    pids: Callable[[], list[int]] = list
    headers: dict[str, str] = field(default_factory=dict)
    stream_port: int = 0
    stream_headers: dict[str, str] = field(default_factory=dict)
    rounds: list[Round] = field(default_factory=list)
    single: list[Round] = field(default_factory=list)
    paced: list[dict[str, float]] = field(default_factory=list)
    rss_idle: float = 0.0
    rss_loaded: float = 0.0
    held: int = 0

    def cpu_ns(self) -> int:
        """CPU time of all its threads so far."""
        return sum(
            int(task.read_text().split()[0])
            for pid in self.pids()
            for task in Path(f"/proc/{pid}/task").glob("*/schedstat")
        )

    def send(self, number: signal.Signals) -> None:
        """Sends all its processes a signal."""
        for pid in self.pids():
            os.kill(pid, number)

    def rss_mb(self) -> float:
        """Its own memory: proportional set size, so that shared pages count once."""
        total = 0
        for pid in self.pids():
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) if found else 0
        return total / 1024


@contextmanager
def alone(system: System, systems: Sequence[System]) -> Iterator[None]:
    """All others stand still meanwhile: they share a core, and even an idle one wakes up now and then."""
    others = [other for other in systems if other is not system]
    for other in others:
        other.send(signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            other.send(signal.SIGCONT)


class Processes:
    """Everything that was started, stopped by its own process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, core: str, *command: str, env: dict[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Starts it on one core; what it says goes to a file."""
        log = (self.folder / f"{Path(command[0]).name}-{len(self._running)}.log").open("wb")
        process = subprocess.Popen(
            ["taskset", "-c", core, *command], stdout=log, stderr=log, env={**os.environ, **(env or {})}
        )
        self._running.append(process)
        return process

    def stop(self) -> None:
        """Ends all of them, the last started first."""
        for process in reversed(self._running):
            process.terminate()
        for process in self._running:
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
        self._running.clear()


def nginx(run: Processes, name: str, core: str, port: int, locations: str, upstream: str = "") -> int:
    """Starts an nginx; gives its process id."""
    (run.folder / name).mkdir(mode=0o777)
    config = run.folder / f"{name}.conf"
    config.write_text(NGINX.format(folder=run.folder, name=name, port=port, locations=locations, upstream=upstream))
    process = run.start(core, "nginx", "-c", str(config), "-p", str(run.folder))
    wait_for(lambda: answers(port), f"{name} answering")
    return process.pid


def direct(upstream: int, streams: int) -> System:
    """Nothing in between."""
    return System("direct", upstream, "nothing in between", stream_port=streams)


def nginx_proxy(run: Processes, port: int, upstream: int, streams: int) -> System:
    """nginx as a plain reverse proxy."""
    block = f"upstream up {{ server 127.0.0.1:{upstream}; keepalive 128; }}"
    locations = (
        f"location /v1/chat {{ proxy_pass http://127.0.0.1:{streams}; {PROXIED} }} "
        f"location / {{ proxy_pass http://up; {PROXIED} }}"
    )
    pid = nginx(run, "proxy", GATEWAY_CORE, port, locations, block)
    on = "proxy_pass with keep-alive, nothing else"
    return System("nginx", port, on, lambda: children(pid), stream_port=port)


_ENVOY = "type.googleapis.com/envoy.extensions"


def _envoy_filters() -> list[dict[str, object]]:
    """What every request passes."""
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return [
        {
            "name": "envoy.filters.http.api_key_auth",
            "typed_config": {
                "@type": f"{_ENVOY}.filters.http.api_key_auth.v3.ApiKeyAuth",
                "credentials": [{"key": PEER_KEY, "client": "bench"}],
                "key_sources": [{"header": "authorization"}],
            },
        },
        {
            "name": "envoy.filters.http.local_ratelimit",
            "typed_config": {
                "@type": f"{_ENVOY}.filters.http.local_ratelimit.v3.LocalRateLimit",
                "stat_prefix": "limit",
                "token_bucket": {"max_tokens": 1_000_000, "tokens_per_fill": 1_000_000, "fill_interval": "1s"},
                "filter_enabled": always,
                "filter_enforced": always,
            },
        },
        {
            "name": "envoy.filters.http.router",
            "typed_config": {"@type": f"{_ENVOY}.filters.http.router.v3.Router"},
        },
    ]


def envoy(run: Processes, port: int, upstream: int, streams: int) -> System | None:
    """Envoy with `api_key_auth` and `local_ratelimit` on every request; `None` where it is not installed."""
    binary = PEERS / "envoy" / "bin" / "envoy"
    if not binary.exists():
        return None
    routes = [
        {"match": {"prefix": "/v1/chat"}, "route": {"cluster": "streams", "timeout": "0s"}},
        {"match": {"prefix": "/"}, "route": {"cluster": "up"}},
    ]
    manager = {
        "@type": f"{_ENVOY}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": _envoy_filters(),
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    config = {
        "static_resources": {
            "listeners": [{"address": _address(port), "filter_chains": [chain]}],
            "clusters": [_cluster("up", upstream), _cluster("streams", streams)],
        }
    }
    path = run.folder / "envoy.json"
    path.write_text(json.dumps(config))
    process = run.start(
        GATEWAY_CORE, str(binary), "-c", str(path), "--concurrency", "1", "--disable-hot-restart", "-l", "error"
    )
    wait_for(lambda: answers(port), "Envoy answering")
    headers = {"authorization": f"Bearer {PEER_KEY}"}
    on = "api_key_auth, local_ratelimit (bucket of its own, no headers), no access log; no quota, no metering"
    return System("envoy", port, on, lambda: children(process.pid), headers, port, headers)


def _address(port: int) -> dict[str, object]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, object]:
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": _address(port)}}]}]
    most = {"max_connections": 10_000, "max_pending_requests": 10_000, "max_requests": 10_000}
    return {
        "name": name, "connect_timeout": "1s", "type": "STATIC", "circuit_breakers": {"thresholds": [most]},
        "load_assignment": {"cluster_name": name, "endpoints": endpoints},
    }  # fmt: skip


def portkey(run: Processes, port: int, upstream: int, streams: int) -> System | None:
    """Portkey's open gateway, which has no keys and no limits of its own; `None` where it is not installed."""
    script = PEERS / "portkey" / "node_modules" / "@portkey-ai" / "gateway" / "build" / "start-server.js"
    if not script.exists():
        return None
    env = {"TRUSTED_CUSTOM_HOSTS": "127.0.0.1,localhost"}
    process = run.start(GATEWAY_CORE, "node", str(script), "--headless", f"--port={port}", env=env)
    wait_for(lambda: answers(port), "Portkey answering")

    def headers(provider: str, to: int) -> dict[str, str]:
        host = f"http://127.0.0.1:{to}/v1"
        return {"authorization": "Bearer x", "x-portkey-provider": provider, "x-portkey-custom-host": host}

    on = "a custom host; its open version has no keys, limits or metering"
    # Its provider `openai` fails on embeddings under Node 20 (it changes headers that cannot be changed); `jina` has
    # the same wire.
    embeddings, chat = headers("jina", upstream), headers("openai", streams)
    return System("portkey", port, on, lambda: children(process.pid), embeddings, port, chat)


def litellm(run: Processes, port: int, upstream: int, streams: int) -> System | None:
    """LiteLLM's proxy with a master key and no database; `None` where it is not installed."""
    binary = PEERS / "litellm" / "bin" / "litellm"
    if not binary.exists():
        return None
    models = [
        {"model_name": name, "litellm_params": {"model": f"openai/{short}", "api_base": base, "api_key": "x"}}
        for name, short, base in (
            (EMBEDDER, "embedder", f"http://127.0.0.1:{upstream}/v1"),
            (CHAT, "chat", f"http://127.0.0.1:{streams}/v1"),
        )
    ]
    path = run.folder / "litellm.json"  # JSON is YAML
    path.write_text(json.dumps({"model_list": models, "general_settings": {"master_key": PEER_KEY}}))
    env = {"LITELLM_TELEMETRY": "False", "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    process = run.start(
        GATEWAY_CORE, str(binary), "--config", str(path), "--host", "127.0.0.1", "--port", str(port),
        "--num_workers", "1", "--telemetry", "False", env=env,
    )  # fmt: skip
    wait_for(lambda: answers(port, "/health/liveliness"), "LiteLLM answering", 300)
    headers = {"authorization": f"Bearer {PEER_KEY}"}
    on = "master key, no database: no budgets, no spend log, no limits"
    return System("litellm", port, on, lambda: children(process.pid), headers, port, headers)


class Ours:
    """Our gateway and the stand-in of its control plane, which the tests use too."""

    def __init__(
        self, run: Processes, ports: tuple[int, int, int], upstream: int, streams: int, python: str, *,
        keys: int = 1, services: int = 1,
    ) -> None:  # fmt: skip
        self._control_port, port, self.admin = ports
        state = run.folder / f"state-{port}"
        run.start(
            OTHER_CORE, sys.executable, "-m", "bench.gateway_control", str(self._control_port), str(upstream),
            str(streams), str(keys), str(services), env={"PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"},
        )  # fmt: skip
        wait_for(lambda: answers(self._control_port, "/bench/key"), "the control plane answering", 120)
        self.key = self.ask(KEY_NAME)["key"]
        process = run.start(
            GATEWAY_CORE, python, "-m", "mercato_gateway.main", f"--listen=127.0.0.1:{port}",
            f"--admin=127.0.0.1:{self.admin}", f"--control=http://127.0.0.1:{self._control_port}", f"--state={state}",
        )  # fmt: skip
        wait_for(self._ready, "the gateway being ready", 300)
        on = "key, bucket (requests/s), quota (requests/month), budget (nanos/month), pricing, spool, shipping, headers"
        headers = {"authorization": f"Bearer {self.key}"}
        self.system = System("ours", port, on, lambda: children(process.pid), headers, port, headers)

    def _ready(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/readyz", timeout=2).read()
        except OSError:
            return False
        return True

    def ask(self, path: str) -> dict[str, object]:
        """What the stand-in says."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._control_port}{path}", timeout=120) as answer:
            return dict(json.load(answer))

    def metric(self, name: str) -> int:
        """A counter of the gateway."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return sum(int(float(line.rpartition(" ")[2])) for line in lines if line.startswith(name))

    def check_events(self) -> tuple[int, int]:
        """Calls that the gateway answered, and how many of them have no event or more than one."""
        try:
            wait_for(lambda: self.metric("mercato_gateway_spool_behind_bytes") == 0, "the spool being shipped", 60)
        except TimeoutError as error:
            print(error, file=sys.stderr)
        answered = self.metric("mercato_gateway_calls_total")
        counted = self.ask(LATE_PATH)
        return answered, abs(answered - int(str(counted["distinct"]))) + int(str(counted["twice"]))
