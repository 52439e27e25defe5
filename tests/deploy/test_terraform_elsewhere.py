"""Google and Azure by Terraform: the same variables and outputs as AWS, and arguments that the providers know.

No package has these providers, so nothing is planned. Each resource is compared with what HashiCorp's own bindings of
the provider's newest version say that it takes: names of arguments and blocks, those that must be there, and attributes
that others read. Types and values of arguments are not looked at.
"""

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.support.reader import ROOT

_TERRAFORM = ROOT / "deploy/terraform"
_TOOLS = ROOT / ".tools/terraform"
_PROVIDERS = {"gcp": "google", "azure": "azurerm"}
_META = {"count", "for_each", "depends_on", "lifecycle", "provider"}
_MODULES = {"keys", "network", "cluster", "database", "cache", "kafka", "search", "objects", "backups"}
_PARSE = """
import hcl2, json, sys
print(json.dumps({name: hcl2.load(open(name)) for name in sys.argv[1:]}))
"""
needs_tools = pytest.mark.skipif(
    not (_TOOLS / "google.json").exists(), reason="what providers take is not there: scripts/terraform-tools"
)


def _named(kind: str, file: Path) -> set[str]:
    return set(re.findall(rf'^{kind} "(\w+)"', file.read_text(), re.M))


@pytest.mark.parametrize("cloud", _PROVIDERS)
def test_every_cloud_has_the_variables_outputs_and_modules_of_aws(cloud: str) -> None:
    assert (_TERRAFORM / cloud / "variables.tf").read_text() == (_TERRAFORM / "aws" / "variables.tf").read_text()
    assert _named("output", _TERRAFORM / cloud / "outputs.tf") == _named("output", _TERRAFORM / "aws" / "outputs.tf")
    for each in (cloud, "aws"):
        assert {path.name for path in (_TERRAFORM / each / "modules").iterdir()} == _MODULES
        assert _named("module", _TERRAFORM / each / "main.tf") == _MODULES


def test_the_table_of_costs_adds_up() -> None:
    text = (ROOT / "docs/terraform.md").read_text().partition("## What it costs")[2]
    rows = [[int(cell) for cell in re.findall(r"\d+", line)] for line in text.splitlines() if re.match(r"\|.*\d", line)]
    *parts, together = rows
    assert [sum(column) for column in zip(*parts, strict=True)] == together


@pytest.mark.slow
@needs_tools
@pytest.mark.parametrize("cloud", _PROVIDERS)
def test_it_is_formatted(cloud: str) -> None:
    words = [str(_TOOLS / "terraform"), "fmt", "-check", "-recursive", str(_TERRAFORM / cloud)]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def _parsed(cloud: str) -> dict[Path, dict[str, Any]]:
    """Each folder's blocks by kind."""
    files = sorted((_TERRAFORM / cloud).rglob("*.tf"))
    words = [str(_TOOLS / "moto/bin/python"), "-c", _PARSE, *map(str, files)]
    found = json.loads(subprocess.run(words, capture_output=True, check=True, text=True).stdout)
    folders: dict[Path, dict[str, Any]] = {}
    for name, blocks in found.items():
        for kind, listed in blocks.items():
            folders.setdefault(Path(name).parent, {}).setdefault(kind, []).extend(listed)
    return folders


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@dataclass(frozen=True)
class Provider:
    """What its resources take and have."""

    name: str
    version: str
    takes: Mapping[str, Mapping[str, tuple[bool, str | None]]]
    has: Mapping[str, list[str]]

    def resource(self, kind: str) -> str | None:
        """The name of its type; a source of data is one that begins with `data`."""
        data = "data_" if kind.startswith("data.") else ""
        _, _, rest = kind.removeprefix("data.").partition("_")
        room = _camel(f"{data}{self.name}_{rest}" if data else rest)
        return next((name for name in self.has if name.partition(".")[0] == room), None)

    def faults(self, taken: str, body: Mapping[str, Any], where: str) -> Iterator[str]:
        """What of this block or resource the provider would refuse."""
        known = self.takes.get(taken, {})
        given = {name: each for name, each in body.items() if not name.startswith("__")}
        for dynamic in given.pop("dynamic", []):
            for name, made in dynamic.items():
                given[name] = made["content"]
        for name, (is_needed, _) in known.items():
            if is_needed and name not in map(_camel, given):
                yield f"{where} lacks {name}"
        for name, value in given.items():
            if name in _META:
                continue
            if _camel(name) not in known:
                yield f"{where} has an unknown {name}"
                continue
            block = known[_camel(name)][1]
            if block is not None and isinstance(value, list):
                for each in value:
                    if isinstance(each, dict):
                        yield from self.faults(block, each, f"{where}.{name}")


@cache
def _provider(name: str) -> Provider:
    found = json.loads((_TOOLS / f"{name}.json").read_text())
    return Provider(name, found["provider"], found["takes"], found["has"])


def _resources(blocks: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for kind, before in (("resource", ""), ("data", "data.")):
        for block in blocks.get(kind, []):
            for made, named in block.items():
                for name, body in named.items():
                    yield before + made, name, body


def _faults(provider: Provider, folder: Path, blocks: Mapping[str, Any]) -> list[str]:
    found: list[str] = []
    for kind, name, body in _resources(blocks):
        taken = provider.resource(kind)
        if taken is None:
            found.append(f"{kind} is no resource")
            continue
        found += provider.faults(f"{taken}Config", body, f"{folder.name}: {kind}.{name}")
    return found


@pytest.mark.slow
@needs_tools
@pytest.mark.parametrize("cloud", _PROVIDERS)
def test_the_provider_knows_every_resource_and_argument(cloud: str) -> None:
    provider = _provider(_PROVIDERS[cloud])
    wanted = (_TERRAFORM / cloud / "versions.tf").read_text()
    assert f'">= {provider.version.rpartition(".")[0]},' in wanted
    folders = _parsed(cloud)
    assert len(folders) == 1 + len(_MODULES)
    assert [fault for folder, blocks in folders.items() for fault in _faults(provider, folder, blocks)] == []


@pytest.mark.slow
@needs_tools
@pytest.mark.parametrize("cloud", _PROVIDERS)
def test_what_is_read_of_others_is_there(cloud: str) -> None:
    provider = _provider(_PROVIDERS[cloud])
    for folder, blocks in _parsed(cloud).items():
        text = "\n".join(path.read_text() for path in folder.glob("*.tf"))
        made = {f"{kind}.{name}" for kind, name, _ in _resources(blocks)}
        read = re.findall(rf"((?:data\.)?{provider.name}_\w+)\.(\w+)(?:\[[^\]]+\])?(?:\.(\w+))?", text)
        for kind, name, attribute in read:
            assert f"{kind}.{name}" in made, f"{folder.name}: {kind}.{name}"
            taken = provider.resource(kind)
            assert taken is not None
            assert not attribute or _camel(attribute) in provider.has[taken], (
                f"{folder.name}: {kind}.{name}.{attribute}"
            )
        assert set(re.findall(r"\bvar\.(\w+)", text)) <= _names(blocks, "variable"), folder.name
        for name, body in (pair for each in blocks.get("module", []) for pair in each.items()):
            inside = _parsed(cloud)[folder / "modules" / name]
            assert {key for key in body if not key.startswith("__")} - {"source"} == _names(inside, "variable"), name
            outputs = set(re.findall(rf"\bmodule\.{name}\.(\w+)", text))
            assert outputs <= _names(inside, "output"), name


def _names(blocks: Mapping[str, Any], kind: str) -> set[str]:
    return {name for each in blocks.get(kind, []) for name in each}


@needs_tools
def test_a_wrong_argument_and_a_missing_one_are_found() -> None:
    google = _provider("google")
    kind = google.resource("google_redis_instance")
    assert kind is not None
    body = {"name": "a", "memory": 1, "maintenance_policy": [{"weekly_maintenance_window": [{"dai": "MONDAY"}]}]}
    assert sorted(google.faults(f"{kind}Config", body, "it")) == [
        "it has an unknown memory",
        "it lacks memorySizeGb",
        "it.maintenance_policy.weekly_maintenance_window has an unknown dai",
        "it.maintenance_policy.weekly_maintenance_window lacks day",
        "it.maintenance_policy.weekly_maintenance_window lacks startTime",
    ]
    assert google.resource("google_no_such_thing") is None
