"""Dashboards, rules and runbooks name what exists, and each alert fires on what it is for."""

import importlib
import json
import pkgutil
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any, ClassVar

import httpx
import promql_parser
import pytest
import yaml
from prometheus_client import REGISTRY

import mercato
from deploy.observability.make_dashboards import DASHBOARDS, FOLDER, build
from mercato.edge.figures import PoolFigures
from mercato_gateway.metric_names import MEANINGS, PREFIX
from mercato_gateway.metrics import Metrics
from tests.support.ports import free_ports
from tests.support.reader import ROOT
from tests.support.running import get
from tests.support.waiting import SECONDS, eventually

_HERE = ROOT / "deploy" / "observability"
_RULES = _HERE / "rules"
_PROCESS = {"cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"}
promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def _rules(file: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((_RULES / file).read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


_ALERTS = _rules("alerts.yaml")


def _targets(name: str) -> list[dict[str, Any]]:
    board = json.loads((FOLDER / f"{name}.json").read_text())
    return [target for panel in board["panels"] for target in panel.get("targets", [])]


def _every_expression() -> list[tuple[str, str]]:
    found = [(f"dashboard {name}", target["expr"]) for name in DASHBOARDS for target in _targets(name)]
    found += [(rule["record"], rule["expr"]) for rule in _rules("recording.yaml")]
    return found + [(rule["alert"], rule["expr"]) for rule in _ALERTS]


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    """Names of samples: of both planes, of the recording rules, and of named exporters."""
    for module in pkgutil.walk_packages(mercato.__path__, "mercato."):
        if module.name.startswith("mercato.app.migrations") or module.name.endswith("__main__"):
            continue
        importlib.import_module(module.name)
    names: set[str] = {f"process_{name}" for name in _PROCESS}
    for collector in list(REGISTRY._collector_to_names):
        names |= set(REGISTRY._collector_to_names[collector])
    names |= set(_gateway_names()) | _pool_names()
    names |= {rule["record"] for rule in _rules("recording.yaml")}
    lines = (_HERE / "foreign_metrics.txt").read_text().splitlines()
    return frozenset(names | {line.split()[0] for line in lines if line and not line.startswith("#")})


def _gateway_names() -> set[str]:
    names = {f"{PREFIX}{name}" for name in MEANINGS}
    return names | {f"{PREFIX}overhead_seconds_{part}" for part in ("bucket", "sum", "count")}


def _pool_names() -> set[str]:
    source = Path(importlib.import_module(PoolFigures.__module__).__file__ or "").read_text()
    return set(re.findall(r'"(mercato_[a-z_]+)"', source))


def _names_in(expression: str) -> set[str]:
    text = expression.replace("$__rate_interval", "5m").replace("$source", "x")
    found: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.add(node.name or "")
        elif isinstance(node, promql_parser.MatrixSelector):
            walk(node.vector_selector)
        elif isinstance(node, promql_parser.BinaryExpr):
            walk(node.lhs)
            walk(node.rhs)
        elif isinstance(node, promql_parser.Call):
            for argument in node.args:
                walk(argument)
        elif isinstance(node, promql_parser.AggregateExpr | promql_parser.ParenExpr | promql_parser.UnaryExpr):
            walk(node.expr)

    walk(promql_parser.parse(text))
    return found


@pytest.mark.parametrize(("where", "expression"), _every_expression(), ids=lambda value: str(value)[:60])
def test_an_expression_parses_and_names_metrics_that_exist(where: str, expression: str) -> None:
    assert _names_in(expression) - _known() == set(), where


def test_the_names_of_the_gateway_are_those_that_it_shows() -> None:
    page = Metrics().render(dict.fromkeys((name for name in MEANINGS), 0.0)).decode()
    shown = set(re.findall(rf"^# TYPE {PREFIX}(\S+)", page, re.M))
    assert shown == set(MEANINGS)
    assert {f"process_{name}" for name in _PROCESS} == set(re.findall(r"^# TYPE (process_\S+)", page, re.M))


@pytest.mark.parametrize("name", DASHBOARDS)
def test_a_dashboard_is_as_its_maker_writes_it(name: str) -> None:
    assert (FOLDER / f"{name}.json").read_text() == build(name), "run: make dashboards"


def test_a_metric_that_does_not_exist_is_found() -> None:
    assert _names_in("sum(rate(mercato_no_such_total[5m])) / 2") - _known() == {"mercato_no_such_total"}


@pytest.mark.parametrize("alert", _ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_has_a_severity_a_runbook_and_tests(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("page", "ticket")
    page = ROOT / "docs" / "runbooks" / f"{alert['alert']}.md"
    assert alert["annotations"]["runbook_url"].endswith(f"/runbooks/{alert['alert']}.html")
    text = page.read_text()
    assert alert["expr"].strip() in text
    assert alert["annotations"]["summary"] in text
    named = {test["name"] for file in ("tests.yaml", "tests-days.yaml") for test in _tests(file)}
    assert alert["alert"] in named


def _tests(file: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((_RULES / file).read_text())["tests"]
    return found


def test_runbooks_are_of_alerts_and_name_commands_that_exist() -> None:
    pages = list((ROOT / "docs" / "runbooks").glob("*.md"))
    assert {page.stem for page in pages} == {alert["alert"] for alert in _ALERTS}
    commands = set(re.findall(r"^#+ `(.*)`$", (ROOT / "docs" / "reference" / "cli.md").read_text(), re.M))
    for page in pages:
        used = re.findall(r"^((?:mp|mercato) .*)$|`((?:mp|mercato) [^`]*)`", page.read_text(), re.M)
        for line in (first or second for first, second in used):
            words = [word for word in line.split() if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
            assert {" ".join(words[:2]), " ".join(words[:3])} & commands, (page.name, line)


@promtool
def test_the_rules_are_valid() -> None:
    _run("promtool", "check", "rules", "recording.yaml", "alerts.yaml")
    _run("promtool", "check", "config", "../prometheus.yaml")


@promtool
def test_each_alert_fires_on_what_it_is_for_and_not_otherwise() -> None:
    _run("promtool", "test", "rules", "tests.yaml")


@promtool
@pytest.mark.slow
def test_the_alerts_over_days_too() -> None:
    _run("promtool", "test", "rules", "tests-days.yaml")


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
@pytest.mark.parametrize(("severity", "receiver"), [("page", "pager"), ("ticket", "tickets"), ("unknown", "tickets")])
def test_an_alert_goes_to_its_receiver(severity: str, receiver: str) -> None:
    answer = _run("amtool", "config", "routes", "test", "--config.file=../alertmanager.yaml", f"severity={severity}")
    assert answer.split() == [receiver]


def _run(*words: str) -> str:
    done = subprocess.run(words, cwd=_RULES, capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class _Pager(BaseHTTPRequestHandler):
    """Takes what Alertmanager sends to PagerDuty."""

    heard: ClassVar[SimpleQueue[dict[str, Any]]] = SimpleQueue()

    def do_POST(self) -> None:
        self.heard.put(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(202)
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def test_alerts_of_a_budget_name_it_and_silence_no_other() -> None:
    burning = {alert["alert"]: alert["labels"].get("budget") for alert in _ALERTS if "Burn" in alert["alert"]}
    for name, budget in burning.items():
        others = {each for other, each in burning.items() if other.split("Burn")[0] == name.split("Burn")[0]}
        assert others == {budget}
        assert budget is not None
    assert len(set(burning.values())) == len(burning) / 3
    rules = yaml.safe_load((_HERE / "alertmanager.yaml").read_text())["inhibit_rules"]
    assert all(rule["equal"] == ["budget"] for rule in rules if "Burn" in rule["source_matchers"][0])


@contextmanager
def _alertmanager(config: dict[str, Any], folder: Path) -> Iterator[int]:
    """A real one with this configuration; its port."""
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(config))
    (port,) = free_ports(1)
    words = [f"--config.file={folder}/alertmanager.yaml", f"--storage.path={folder}/data"]
    words += [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    process = subprocess.Popen(["prometheus-alertmanager", *words], stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: get(port, "/-/ready")[0] == 200, "Alertmanager is ready")
        yield port
    finally:
        process.terminate()
        process.wait(SECONDS)


def _send(port: int, *names: str, **more: str) -> None:
    alerts = {alert["alert"]: alert for alert in _ALERTS}
    sent = [
        {
            "labels": {"alertname": name, **more, **alerts[name]["labels"]},
            "annotations": {key: str(text) for key, text in alerts[name]["annotations"].items()},
        }
        for name in names
    ]
    httpx.post(f"http://127.0.0.1:{port}/api/v2/alerts", json=sent).raise_for_status()


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus-alertmanager") is None, reason="Alertmanager is not installed")
def test_a_budget_that_burns_fast_silences_its_own_slower_alerts_alone(tmp_path: Path) -> None:
    config = yaml.safe_load((_HERE / "alertmanager.yaml").read_text())
    config["receivers"] = [{"name": "pager"}, {"name": "tickets"}]
    names = [alert["alert"] for alert in _ALERTS if "Burn" in alert["alert"]]
    quiet = {"GatewayErrorsBurnSteady", "GatewayErrorsBurnSlow", "ControlErrorsBurnSlow"}
    with _alertmanager(config, tmp_path) as port:
        _send(port, *({*names} - {"GatewaySlowBurnFast", "GatewaySlowBurnSteady", "ControlErrorsBurnFast"}))

        def silenced() -> set[str]:
            found = httpx.get(f"http://127.0.0.1:{port}/api/v2/alerts").json()
            return {each["labels"]["alertname"] for each in found if each["status"]["inhibitedBy"]}

        eventually(lambda: silenced() == quiet, "the slower alerts of one budget are silenced")


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("prometheus-alertmanager") is None, reason="Alertmanager is not installed")
def test_a_page_reaches_the_pager(tmp_path: Path) -> None:
    pager = ThreadingHTTPServer(("127.0.0.1", 0), _Pager)
    threading.Thread(target=pager.serve_forever, daemon=True).start()
    config = yaml.safe_load((_HERE / "alertmanager.yaml").read_text())
    (receiver,) = next(each for each in config["receivers"] if each["name"] == "pager")["pagerduty_configs"]
    receiver |= {"routing_key": "test", "url": f"http://127.0.0.1:{pager.server_address[1]}/v2/enqueue"}
    del receiver["routing_key_file"]
    config["route"]["routes"][0]["group_wait"] = "1s"
    try:
        with _alertmanager(config, tmp_path) as port:
            _send(port, "SpoolFull", instance="a:9180")
            heard = _Pager.heard.get(timeout=SECONDS)
        assert heard["event_action"] == "trigger"
        assert heard["payload"]["summary"] == "A gateway refuses calls because usage cannot be stored."
        assert heard["payload"]["custom_details"]["runbook"].endswith("/runbooks/SpoolFull.html")
    finally:
        pager.shutdown()
