"""Container files, compose, systemd units and Kubernetes manifests: valid for their tools, as safe as we promise."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from scripts.image_locks import FOLDER, IMAGES, lock_of
from tests.support.reader import ROOT

_DEPLOY = ROOT / "deploy"
_BASE = _DEPLOY / "kubernetes" / "base"
_CONTAINERS = sorted(_DEPLOY.glob("containers/*.Dockerfile"))
_GATEWAY_IMAGE = _DEPLOY / "containers" / "gateway.Dockerfile"
_UNITS = sorted(_DEPLOY.glob("systemd/*.service"))
_COMPOSE: dict[str, Any] = yaml.safe_load((_DEPLOY / "compose.yaml").read_text())
_OBJECTS: list[dict[str, Any]] = [
    each for file in sorted(_BASE.glob("*.yaml")) if file.name != "kustomization.yaml"
    for each in yaml.safe_load_all(file.read_text())
]  # fmt: skip
_ISTIO_AND_SECRETS = ("networking.istio.io", "security.istio.io", "external-secrets.io")
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
    if item["apiVersion"].startswith(_ISTIO_AND_SECRETS):
        assert item["spec"] is not None
        return
    kubernetes_validate.validate(item, "1.35", strict=True)


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


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("overlay", ["development", "staging", "production"])
def test_an_overlay_builds_and_fits(overlay: str) -> None:
    folder = _DEPLOY / "kubernetes" / "overlays" / overlay
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    made = list(yaml.safe_load_all(done.stdout))
    assert len(made) == len(_OBJECTS)
    for item in made:
        assert item["metadata"].get("namespace") == "mercato" or item["kind"] == "Namespace"
        if not item["apiVersion"].startswith(_ISTIO_AND_SECRETS):
            kubernetes_validate.validate(item, "1.35", strict=True)
    images = set(re.findall(r"image: (\S+)", done.stdout))
    assert all(image.startswith("registry.example/mercato/") for image in images), images
