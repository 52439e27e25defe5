"""Writes the Helm chart's templates and the canary: `python -m deploy.kubernetes.make_chart` (`make chart`).

The manifests of `base/` are the one source. A line of the table below names a place in them that somebody may want to
change, and the value of the chart that goes there; `values.yaml` holds what `base/` says, and a test compares what both
give. The canary is the gateway's stateful set once more under another name and version.
"""

import sys
from pathlib import Path

FOLDER = Path(__file__).parent
BASE = FOLDER / "base"
TEMPLATES = FOLDER / "chart" / "templates"
CANARY = FOLDER / "canary" / "gateway.yaml"
_HEAD = "# Made from base/{name} by `make chart`.\n"

# File, place and what is written there. A place that is not found, or found more often than it says, is a mistake.
_CHANGES: tuple[tuple[str, str, str, int], ...] = (
    ("config.yaml", "data:\n", "data: {{- toYaml .Values.settings | nindent 2 }}\n", 1),
    ("secrets.yaml", "SecretStore, name: mercato", "SecretStore, name: {{ .Values.secrets.store }}", 2),
    ("secrets.yaml", "{key: mercato/engines}", "{key: {{ .Values.secrets.engines }}}", 1),
    ("secrets.yaml", "{key: mercato/keys}", "{key: {{ .Values.secrets.keys }}}", 1),
    ("migrate.yaml", "image: mercato/server", "image: {{ .Values.images.server }}", 1),
    (
        "migrate.yaml", "annotations: {", "annotations: {helm.sh/hook: 'post-install,pre-upgrade',"
        " helm.sh/hook-delete-policy: before-hook-creation, ", 1,
    ),
    ("control.yaml", "image: mercato/server", "image: {{ .Values.images.server }}", 1),
    ("control.yaml", "minReplicas: 2", "minReplicas: {{ .Values.control.replicas.least }}", 1),
    ("control.yaml", "maxReplicas: 20", "maxReplicas: {{ .Values.control.replicas.most }}", 1),
    ("control.yaml", "averageUtilization: 65", "averageUtilization: {{ .Values.control.cpuPercent }}", 1),
    (
        "control.yaml", "{requests: {cpu: 250m, memory: 768Mi}, limits: {memory: 768Mi}}",
        "{{- toYaml .Values.control.resources | nindent 12 }}", 1,
    ),
    ("worker.yaml", "image: mercato/server", "image: {{ .Values.images.server }}", 1),
    ("worker.yaml", "replicas: 2", "replicas: {{ .Values.worker.replicas }}", 1),
    (
        "worker.yaml", "{requests: {cpu: 500m, memory: 1536Mi}, limits: {memory: 1536Mi}}",
        "{{- toYaml .Values.worker.resources | nindent 12 }}", 1,
    ),
    ("gateway.yaml", "image: mercato/gateway", "image: {{ .Values.images.gateway }}", 1),
    ("gateway.yaml", "minReplicas: 3", "minReplicas: {{ .Values.gateway.replicas.least }}", 1),
    ("gateway.yaml", "maxReplicas: 200", "maxReplicas: {{ .Values.gateway.replicas.most }}", 1),
    ("gateway.yaml", "averageUtilization: 60", "averageUtilization: {{ .Values.gateway.cpuPercent }}", 1),
    ("gateway.yaml", 'averageValue: "2500"', "averageValue: {{ .Values.gateway.callsPerSecond | quote }}", 1),
    ("gateway.yaml", "storage: 10Gi", "storage: {{ .Values.gateway.spool }}", 1),
    (
        "gateway.yaml", '{requests: {cpu: "1", memory: 256Mi}, limits: {memory: 512Mi}}',
        "{{- toYaml .Values.gateway.resources | nindent 12 }}", 1,
    ),
    ("istio.yaml", "/ns/mercato/", "/ns/{{ .Release.Namespace }}/", 4),
    ("istio.yaml", "api.mercato.example", "{{ .Values.hosts.api }}", 2),
    ("istio.yaml", "console.mercato.example", "{{ .Values.hosts.console }}", 2),
    ("istio.yaml", "credentialName: mercato-tls", "credentialName: {{ .Values.hosts.certificate }}", 1),
)  # fmt: skip
_AS_CANARY = (
    ("metadata: {name: gateway,", "metadata: {name: gateway-canary,", 3),
    ("version: stable", "version: canary", 3),
    ("kind: StatefulSet, name: gateway}", "kind: StatefulSet, name: gateway-canary}", 1),
    ("minReplicas: 3", "minReplicas: 1", 1),
)


class NotFound(Exception):
    """A place of the table is not in the manifests, or not as often as it says."""


def make() -> dict[Path, str]:
    """The text of each file that is made."""
    texts = {file.name: file.read_text() for file in sorted(BASE.glob("*.yaml"))}
    canary = _as_canary(texts["gateway.yaml"])
    # Namespaces are Helm's: `--create-namespace`.
    for name in ("kustomization.yaml", "namespace.yaml"):
        del texts[name]
    # The settings are a value each; their block in base/ is what values.yaml holds.
    texts["config.yaml"] = texts["config.yaml"].partition("data:\n")[0] + "data:\n"
    for name, place, value, times in _CHANGES:
        texts[name] = _replace(name, texts[name], place, value, times)
    made = {TEMPLATES / name: _HEAD.format(name=name) + text for name, text in texts.items()}
    return made | {CANARY: _HEAD.format(name="gateway.yaml") + canary}


def _as_canary(text: str) -> str:
    kinds = ("StatefulSet", "PodDisruptionBudget", "HorizontalPodAutoscaler")
    objects = [each for each in text.split("---\n") if any(f"\nkind: {kind}\n" in f"\n{each}" for kind in kinds)]
    made = "---\n".join(objects)
    for place, value, times in _AS_CANARY:
        made = _replace("gateway.yaml", made, place, value, times)
    return made


def _replace(name: str, text: str, place: str, value: str, times: int) -> str:
    if text.count(place) != times:
        raise NotFound(f"base/{name} has {place!r} {text.count(place)} times, not {times}: change the table here too")
    return text.replace(place, value)


def main() -> int:
    """Writes the files."""
    for path, text in make().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
