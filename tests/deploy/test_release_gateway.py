"""A gateway is released in steps and taken back: the real Prometheus on made-up figures, and kubectl's words."""

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from deploy.kubernetes import release_gateway
from tests.support.ports import free_ports
from tests.support.reader import ROOT
from tests.support.running import SECONDS, eventually, get

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="Prometheus is not installed")
IMAGE = "registry.example/mercato/gateway@sha256:" + "a" * 64
GOOD = {"calls": 200, "own": 0, "failed": 2, "slow": 10}


class Gateways:
    """Both versions' metrics; each scrape finds so many more of each kind as `more` says of the version."""

    def __init__(self) -> None:
        self.more = {"stable": GOOD, "canary": GOOD}
        self._scrapes = 0
        self._totals: dict[tuple[str, str], int] = {}
        gateways = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                text = gateways.scrape().encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def scrape(self) -> str:
        lines = []
        for version, more in self.more.items():
            for kind, count in more.items():
                self._totals[version, kind] = self._totals.get((version, kind), 0) + count
            calls, own, failed, slow = (self._totals[version, kind] for kind in ("calls", "own", "failed", "slow"))
            its = f'version="{version}"'
            lines += [
                f'mercato_gateway_calls_total{{{its},status="200"}} {calls - failed}',
                f'mercato_gateway_calls_total{{{its},status="502"}} {failed}',
                f'mercato_gateway_refused_total{{{its},code="internal_error"}} {own}',
                f'mercato_gateway_refused_total{{{its},code="budget_exceeded"}} {calls}',
                f"mercato_gateway_overhead_seconds_count{{{its}}} {calls}",
                f'mercato_gateway_overhead_seconds_bucket{{{its},le="0.005"}} {calls - slow}',
            ]
        return "\n".join(lines) + "\n"


@pytest.fixture
def gateways() -> Iterator[Gateways]:
    gateways = Gateways()
    yield gateways
    gateways.server.shutdown()
    gateways.server.server_close()


@pytest.fixture
def prometheus(gateways: Gateways, tmp_path: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
        "scrape_configs": [
            {
                "job_name": "gateways",
                "static_configs": [{"targets": [f"127.0.0.1:{gateways.server.server_address[1]}"]}],
            }
        ],
    }
    (tmp_path / "prometheus.yaml").write_text(yaml.safe_dump(config))
    words = [f"--config.file={tmp_path}/prometheus.yaml", f"--storage.tsdb.path={tmp_path}/data"]
    process = subprocess.Popen(
        ["prometheus", *words, f"--web.listen-address=127.0.0.1:{port}"], stderr=subprocess.DEVNULL
    )
    try:
        eventually(lambda: get(port, "/-/ready")[0] == 200, "Prometheus is ready")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(SECONDS)


@pytest.fixture
def kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The log of the commands of kubectl and helm."""
    log = tmp_path / "commands.log"
    log.touch()
    (tmp_path / "bin").mkdir()
    for name in ("kubectl", "helm"):
        (tmp_path / "bin" / name).symlink_to(ROOT / "tests/fakes/kubernetes_program")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setenv("FAKE_LOG", str(log))
    return log


def release(prometheus: str, window: int = 600) -> int:
    words = [IMAGE, "--prometheus", prometheus, "--hold=1", "--every=0.2", f"--window={window}"]
    return release_gateway.main(words)


def is_seen(prometheus: str, version: str, kind: str, least: float) -> bool:
    asked = release_gateway.questions(version, 600)[kind]
    return release_gateway.Prometheus(prometheus).ask(asked) >= least


def weights(log: Path) -> list[int]:
    """What the canary got, one after the other."""
    patches = [line.partition("--patch=")[2] for line in log.read_text().splitlines() if "--patch=" in line]
    for patch in patches:
        assert sum(each["value"] for each in json.loads(patch)) == 100
    return [json.loads(patch)[1]["value"] for patch in patches]


def test_a_good_one_gets_more_and_more_calls_and_then_all_run_it(prometheus: str, kubectl: Path) -> None:
    for version in ("stable", "canary"):
        eventually(lambda version=version: is_seen(prometheus, version, "calls", 50), "both have calls")  # type: ignore[misc]
    assert release(prometheus) == 0
    assert weights(kubectl) == [10, 50, 100, 0]
    commands = kubectl.read_text().splitlines()
    assert all(command.startswith("kubectl --namespace mercato ") for command in commands)
    at = [
        number for number, command in enumerate(commands) if f"set image statefulset/gateway gateway={IMAGE}" in command
    ]
    assert at == [len(commands) - 4], "the old pods are changed once all calls went well"
    assert "delete --kustomize" in commands[-1]


@pytest.mark.parametrize(
    ("kind", "canary", "words"),
    [
        ("own_failures", GOOD | {"own": 8}, "of its calls itself"),
        ("failed", GOOD | {"failed": 60}, "of its calls are failed"),
        ("slow", GOOD | {"slow": 150}, "of its calls are slow"),
    ],
)
def test_a_bad_one_is_taken_back(
    kind: str, canary: dict[str, int], words: str, gateways: Gateways, prometheus: str, kubectl: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    gateways.more["canary"] = canary
    eventually(lambda: is_seen(prometheus, "canary", kind, 16), "its failures are seen")
    eventually(lambda: is_seen(prometheus, "stable", "calls", 50), "the old one's calls are seen")
    assert release(prometheus) == 1
    assert weights(kubectl) == [10, 0]
    assert "set image statefulset/gateway " not in kubectl.read_text()
    assert words in capfd.readouterr().err


def test_one_without_calls_is_taken_back(
    gateways: Gateways, prometheus: str, kubectl: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    gateways.more["canary"] = dict.fromkeys(GOOD, 0)
    assert release(prometheus) == 1
    assert weights(kubectl) == [10, 0]
    assert "too few to know it by" in capfd.readouterr().err


def test_without_figures_it_is_taken_back(kubectl: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (port,) = free_ports(1)
    assert release(f"http://127.0.0.1:{port}") == 1
    assert weights(kubectl) == [10, 0]
    assert "Prometheus does not answer" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("fails", "given"),
    [("rollout status statefulset/gateway-canary", [0]), ("rollout status statefulset/gateway ", [10, 50, 100, 0])],
)
def test_pods_that_do_not_come_up_get_no_calls(
    fails: str, given: list[int], prometheus: str, kubectl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("stable", "canary"):
        eventually(lambda version=version: is_seen(prometheus, version, "calls", 50), "both have calls")  # type: ignore[misc]
    monkeypatch.setenv("FAKE_FAILS", fails)
    assert release(prometheus) == 1
    assert weights(kubectl) == given
    undone = "rollout undo statefulset/gateway" in kubectl.read_text()
    assert undone == (len(given) > 1)


def test_the_rates_are_those_of_the_alerts_and_of_the_recording_rules() -> None:
    alerts = (ROOT / "deploy/observability/rules/alerts.yaml").read_text()
    assert f"mercato:gateway_errors:ratio_rate5m > {release_gateway.MOST_OWN_FAILURES}" in alerts
    assert f"mercato:gateway_slow:ratio_rate5m > {release_gateway.MOST_MORE_SLOW}" in alerts
    rules = (ROOT / "deploy/observability/rules/recording.yaml").read_text()
    assert f'code=~"{release_gateway.OWN_FAILURES}"' in rules


def bring(environment: str, **more: str) -> int:
    """The exit code of the script that brings a release into an environment."""
    script = ROOT / "deploy/kubernetes/release"
    images = {"SERVER": "registry.example/mercato/server:new", "GATEWAY": "registry.example/mercato/gateway:new"}
    return subprocess.run([script, environment], env=os.environ | images | more, timeout=SECONDS).returncode


def test_an_environment_gets_both_images_and_is_asked_whether_it_is_well(kubectl: Path) -> None:
    assert bring("staging") == 0
    commands = kubectl.read_text().splitlines()
    assert [command.split()[1] for command in commands] == ["history", "upgrade", "--namespace"]
    assert "values-staging.yaml" in commands[1]
    assert "images.server=registry.example/mercato/server:new" in commands[1]
    assert "images.gateway=registry.example/mercato/gateway:new" in commands[1]
    assert commands[2].endswith("exec deploy/control -- mercato doctor")


@pytest.mark.parametrize("fails", ["upgrade", "mercato doctor"])
@pytest.mark.parametrize("environment", ["staging", "production"])
def test_a_release_that_does_not_come_up_goes_back(
    environment: str, fails: str, kubectl: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_FAILS", fails)
    assert bring(environment, PROMETHEUS_URL="http://127.0.0.1:1") == 1
    commands = kubectl.read_text().splitlines()
    assert commands[-1].startswith("helm rollback mercato 7 ")
    if environment == "production":
        (upgrade,) = [command for command in commands if command.startswith("helm upgrade")]
        assert "images.gateway=registry.example/mercato/gateway:old" in upgrade, "the gateway is changed last, in steps"


def test_production_is_not_touched_without_figures(kubectl: Path) -> None:
    assert bring("production") != 0
    assert kubectl.read_text() == ""


@pytest.mark.slow
def test_a_gateway_that_nothing_is_known_of_is_taken_back_in_production(kubectl: Path) -> None:
    (port,) = free_ports(1)
    assert bring("production", PROMETHEUS_URL=f"http://127.0.0.1:{port}") != 0
    assert weights(kubectl) == [10, 0]
    assert len([line for line in kubectl.read_text().splitlines() if line.startswith("helm upgrade")]) == 1
