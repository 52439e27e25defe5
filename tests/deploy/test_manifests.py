"""Container files, compose, systemd units and Kubernetes manifests: valid for their tools, as safe as we promise."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema_rs
import kubernetes_validate
import pytest
import yaml

from deploy.kubernetes import make_chart
from scripts.image_locks import FOLDER, IMAGES, lock_of
from tests.support.reader import ROOT

_DEPLOY = ROOT / "deploy"
_KUBERNETES = _DEPLOY / "kubernetes"
_BASE = _KUBERNETES / "base"
_CHART = _KUBERNETES / "chart"
_OVERLAYS = ("development", "staging", "production")
_CONTAINERS = sorted(_DEPLOY.glob("containers/*.Dockerfile"))
_GATEWAY_IMAGE = _DEPLOY / "containers" / "gateway.Dockerfile"
_UNITS = sorted(_DEPLOY.glob("systemd/*.service"))
_COMPOSE: dict[str, Any] = yaml.safe_load((_DEPLOY / "compose.yaml").read_text())
_OBJECTS: list[dict[str, Any]] = [
    each for file in sorted(_BASE.glob("*.yaml")) if file.name != "kustomization.yaml"
    for each in yaml.safe_load_all(file.read_text())
]  # fmt: skip
_ISTIO: dict[str, Any] = json.loads((ROOT / "tests/vectors/istio.json").read_text())["schemas"]
_PODS = [each for each in _OBJECTS if each["kind"] in ("Deployment", "StatefulSet", "Job")]


@pytest.mark.parametrize("file", _CONTAINERS, ids=lambda file: file.stem)
def test_a_container_file_is_clean_and_drops_root(file: Path) -> None:
    done = subprocess.run([Path(sys.executable).parent / "hadolint", file], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    text = file.read_text()
    assert re.search(r"^USER 10001:10001$", text, re.M)
    assert "HEALTHCHECK" in text
    assert "--require-hashes" in text
    assert re.findall(r"^FROM (\S+)", text, re.M) == ["${BASE}", "${BASE}"], (
        "the base is named, by digest, by who builds"
    )


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_what_its_packages_need_of_the_lock(image: str) -> None:
    text = (FOLDER / f"{image}.lock").read_text()
    assert text == lock_of(image), "run: python scripts/image_locks.py"
    if image != "build":
        assert not re.search(r"^(pytest|ruff|mypy|playwright)==", text, re.M)


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_a_package_for_every_python(image: str) -> None:
    pinned = r"(?m)^([a-z0-9._-]+)(?:\[[^]]*\])?=="
    whole = Counter(re.findall(pinned, (ROOT / "requirements.lock").read_text()))
    ours = Counter(re.findall(pinned, (FOLDER / f"{image}.lock").read_text()))
    assert ours == {name: whole[name] for name in ours}


@pytest.mark.parametrize("file", _CONTAINERS, ids=lambda file: file.stem)
def test_an_image_has_the_version_of_the_packages(file: Path) -> None:
    version = tomllib.loads((ROOT / "packages/server/pyproject.toml").read_text())["project"]["version"]
    assert f'org.opencontainers.image.version="{version}"' in file.read_text()


def test_the_stack_has_eleven_services_and_ours_are_locked_down() -> None:
    services = _COMPOSE["services"]
    assert len(services) >= 11
    for name in ("control", "worker", "gateway", "migrate"):
        ours = services[name]
        assert ours["read_only"] is True, name
        assert ours["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in ours["security_opt"], name
    assert {"control", "worker", "gateway", "postgres"} <= {
        name for name in services if "healthcheck" in services[name]
    }
    used = {volume.split(":")[0] for each in services.values() for volume in each.get("volumes", [])}
    assert {name for name in used if not name.startswith(".")} == set(_COMPOSE["volumes"])
    for each in services.values():
        for secret in each.get("secrets", []):
            assert (secret if isinstance(secret, str) else secret["source"]) in _COMPOSE["secrets"]


def test_every_worker_of_the_stacks_gateway_is_watched() -> None:
    services = _COMPOSE["services"]
    first = int(re.search(r"MERCATO_GATEWAY_ADMIN=\S+:(\d+)", _GATEWAY_IMAGE.read_text())[1])  # type: ignore[index]
    workers = int(services["gateway"]["environment"]["MERCATO_GATEWAY_WORKERS"])
    wanted = [f"gateway:{first + number}" for number in range(workers)]
    prometheus = yaml.safe_load((_DEPLOY / "observability" / "prometheus.compose.yaml").read_text())
    targets = {each["job_name"]: each["static_configs"][0]["targets"] for each in prometheus["scrape_configs"]}
    assert targets["mercato-gateway"] == wanted
    probed = services["control"]["environment"]["MERCATO_HEALTH_URLS"].split(",")
    assert [url for url in probed if url.startswith("gateway=")] == [f"gateway=http://{place}" for place in wanted]
    assert {target.split(":")[0] for each in targets.values() for target in each} <= services.keys()


@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.stem)
def test_a_unit_is_hardened(unit: Path) -> None:
    text = unit.read_text()
    for line in (
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "PrivateTmp=yes",
        "CapabilityBoundingSet=",
        "User=mercato",
    ):
        assert f"\n{line}\n" in text, line


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
@pytest.mark.parametrize("unit", _UNITS, ids=lambda unit: unit.stem)
def test_systemd_finds_little_exposure(unit: Path) -> None:
    words = ["systemd-analyze", "security", "--offline=true", "--no-pager", "--threshold=30", str(unit)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120)
    if "Unknown" in done.stderr or "unrecognized" in done.stderr:
        pytest.skip("this systemd cannot look at units offline")
    assert done.returncode == 0, (done.stdout + done.stderr)[-400:]


@pytest.mark.parametrize("item", _OBJECTS, ids=lambda item: f"{item['kind']}/{item['metadata']['name']}")
def test_an_object_fits_its_schema(item: dict[str, Any]) -> None:
    _validate(item)


def _validate(item: dict[str, Any]) -> None:
    """By the schemas of Kubernetes and of Istio; External Secrets' are not at hand."""
    if "istio.io" in item["apiVersion"]:
        jsonschema_rs.validate(_ISTIO[f"{item['apiVersion']} {item['kind']}"], item["spec"])
    elif not item["apiVersion"].startswith("external-secrets.io"):
        kubernetes_validate.validate(item, "1.35", strict=True)


@pytest.mark.parametrize(
    ("kind", "name", "wrong"),
    [
        ("PeerAuthentication", "default", {"mtls": {"mode": "STRICTLY"}}),
        ("VirtualService", "gateway", {"host": ["api.mercato.example"]}),
        ("Gateway", "mercato", {"servers": [{"port": {"number": 443}}]}),
    ],
)
def test_a_wrong_object_of_istio_is_found(kind: str, name: str, wrong: dict[str, Any]) -> None:
    item = _named(kind, name)
    with pytest.raises(jsonschema_rs.ValidationError):
        _validate(item | {"spec": item["spec"] | wrong})


@pytest.mark.parametrize("item", _PODS, ids=lambda item: item["metadata"]["name"])
def test_a_pod_has_no_rights_that_it_does_not_need(item: dict[str, Any]) -> None:
    pod = item["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    name = item["metadata"]["name"]
    assert pod["serviceAccountName"] == name, "an identity of its own, which policies name"
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    if item["kind"] != "Job":
        assert {"readinessProbe", "livenessProbe"} <= container.keys()
        assert len(pod["topologySpreadConstraints"]) == 2
        assert _named("PodDisruptionBudget", name)["spec"]["selector"] == item["spec"]["selector"]


def _named(kind: str, name: str) -> dict[str, Any]:
    (found,) = [each for each in _OBJECTS if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found


def test_nothing_may_speak_to_anything_unless_it_is_named() -> None:
    assert _named("NetworkPolicy", "deny-all")["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert _named("AuthorizationPolicy", "deny-all")["spec"] == {}
    assert _named("PeerAuthentication", "default")["spec"]["mtls"]["mode"] == "STRICT"
    (server,) = _named("Gateway", "mercato")["spec"]["servers"]
    assert server["tls"]["minProtocolVersion"] == "TLSV1_3"


def test_names_of_policies_are_those_of_service_accounts_and_ports_those_of_pods() -> None:
    accounts = {each["metadata"]["name"] for each in _OBJECTS if each["kind"] == "ServiceAccount"}
    ports = {
        str(port["containerPort"])
        for each in _PODS
        for port in each["spec"]["template"]["spec"]["containers"][0].get("ports", [])
    }
    for policy in (each for each in _OBJECTS if each["kind"] == "AuthorizationPolicy" and each["spec"]):
        for rule in policy["spec"]["rules"]:
            for origin in rule["from"]:
                for principal in origin["source"]["principals"]:
                    _, _, namespace, _, account = principal.split("/")
                    assert namespace != "mercato" or account in accounts, principal
            assert set(rule["to"][0]["operation"]["ports"]) <= ports


def test_gateways_scale_from_3_to_200_and_keep_their_spools() -> None:
    scaler = _named("HorizontalPodAutoscaler", "gateway")["spec"]
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (3, 200)
    gateway = _named("StatefulSet", "gateway")["spec"]
    assert gateway["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}


def test_a_set_that_is_scaled_states_no_number_of_its_own() -> None:
    for scaler in (each for each in _OBJECTS if each["kind"] == "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert "replicas" not in _named(target["kind"], target["name"])["spec"], "each release would reset it"


def _tool(name: str) -> str:
    path = ROOT / ".tools" / "kubernetes" / name
    found = str(path) if path.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not there: scripts/kubernetes-tools")
    return found


def _made(*words: str | Path) -> list[dict[str, Any]]:
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def _overlay(folder: Path) -> list[dict[str, Any]]:
    return _made(_tool("kubectl"), "kustomize", folder)


def _chart(*words: str | Path) -> list[dict[str, Any]]:
    return _made(_tool("helm"), "template", "mercato", _CHART, "--namespace", "mercato", *words)


def _by_name(items: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """What both ways must agree in: Helm knows the namespace itself, and runs the migration by hooks of its own."""
    found = {}
    for item in items:
        if item["kind"] == "Namespace":
            continue
        item["metadata"].pop("namespace", None)
        notes = item["metadata"].get("annotations", {})
        item["metadata"]["annotations"] = {key: text for key, text in notes.items() if not key.startswith("helm.sh/")}
        found[item["kind"], item["metadata"]["name"]] = item
    return found


@pytest.mark.parametrize("overlay", _OVERLAYS)
def test_an_overlay_builds_and_fits(overlay: str) -> None:
    made = _overlay(_KUBERNETES / "overlays" / overlay)
    assert len(made) == len(_OBJECTS)
    for item in made:
        assert item["metadata"].get("namespace") == "mercato" or item["kind"] == "Namespace"
        _validate(item)
    images = set(re.findall(r"'image': '([^']+)'", str(made)))
    assert images, "no image is named"
    assert all(image.startswith("registry.example/mercato/") for image in images), images


@pytest.mark.parametrize("overlay", _OVERLAYS)
def test_the_chart_makes_what_the_overlay_makes(overlay: str) -> None:
    chart = _by_name(_chart("--values", _CHART / f"values-{overlay}.yaml"))
    assert chart == _by_name(_overlay(_KUBERNETES / "overlays" / overlay))


def test_the_chart_is_made_from_the_manifests_and_is_clean() -> None:
    for path, text in make_chart.make().items():
        assert path.read_text() == text, "run: make chart"
    assert {path.name for path in make_chart.TEMPLATES.glob("*.yaml")} == {
        path.name for path in make_chart.make() if path.parent == make_chart.TEMPLATES
    }
    done = subprocess.run([_tool("helm"), "lint", "--strict", _CHART], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    release = (ROOT / "packages/server/pyproject.toml").read_text()
    assert f'version = "{yaml.safe_load((_CHART / "Chart.yaml").read_text())["appVersion"]}"' in release


@pytest.mark.parametrize(
    "given",
    [
        "gateway.replicas.lest=3",
        "gateway.replicas.least=0",
        "settings.DATABASE_URL=x",
        "images.server=",
        "worker.replicas=two",
    ],
)
def test_the_chart_refuses_values_that_cannot_be_meant(given: str) -> None:
    words = [_tool("helm"), "template", "mercato", str(_CHART), "--set", given]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode != 0
    assert given.split("=")[0].split(".")[-1] in done.stderr or given.split(".")[0] in done.stderr


def test_the_migration_of_the_chart_runs_before_an_upgrade() -> None:
    (job,) = [each for each in _chart() if each["kind"] == "Job"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,pre-upgrade"


def test_the_canary_is_the_gateway_under_another_name() -> None:
    canary = {each["kind"]: each for each in _overlay(_KUBERNETES / "canary")}
    assert canary.keys() == {"StatefulSet", "PodDisruptionBudget", "HorizontalPodAutoscaler"}
    for item in canary.values():
        kubernetes_validate.validate(item, "1.35", strict=True)
    text = yaml.safe_dump(canary["StatefulSet"]["spec"]).replace("version: canary", "version: stable")
    assert yaml.safe_load(text) == _named("StatefulSet", "gateway")["spec"]
    subsets = {each["name"]: each["labels"] for each in _named("DestinationRule", "gateway")["spec"]["subsets"]}
    for version, item in (("stable", _named("StatefulSet", "gateway")), ("canary", canary["StatefulSet"])):
        assert subsets[version].items() <= item["spec"]["template"]["metadata"]["labels"].items()
        assert item["spec"]["selector"]["matchLabels"]["version"] == version, "no set may take the other's pods"
    routes = _named("VirtualService", "gateway")["spec"]["http"][0]["route"]
    assert [(each["destination"]["subset"], each["weight"]) for each in routes] == [("stable", 100), ("canary", 0)]
