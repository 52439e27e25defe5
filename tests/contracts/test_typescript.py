"""The TypeScript package says what the schemas say: it is what the code writes, and a strict compiler accepts it."""

import subprocess
from importlib import import_module
from pathlib import Path

import pytest
from jsonschema_rs import validator_for

from mercato_contracts import export, typescript
from mercato_contracts.codes import all_codes
from mercato_contracts.headers import HEADERS
from tests.clients.environments import node_client_environment

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "packages/contracts/typescript"
TSC_SECONDS = 240


def test_the_published_package_is_what_the_code_writes() -> None:
    written = {path.relative_to(PACKAGE).as_posix(): path.read_text() for path in PACKAGE.rglob("*") if path.is_file()}
    expected = typescript.typescript(export.schemas(), export.VERSION)
    assert written == expected, "run: .venv/bin/mercato-contracts typescript packages/contracts/typescript"


def test_every_versioned_contract_has_an_example_and_every_example_fits_its_schema() -> None:
    bare = []
    modules = {module: import_module(f"mercato_contracts.{module}") for module in export.schemas()}
    models = {name: model for module in modules.values() for name, model in vars(module).items()}
    for module, schema in export.schemas().items():
        for name, each in schema["$defs"].items():
            if "const" in each.get("properties", {}).get("contract", {}) and not each.get("examples"):
                bare.append(f"{module}.{name}")
            check = validator_for({**schema, "$ref": f"#/$defs/{name}"})
            for example in each.get("examples", ()):
                check.validate(example)
                # A message may stand in another module's schema as a part of one of its own.
                vars(modules[module]).get(name, models[name]).model_validate(example)
    assert bare == []


def test_every_header_fits_its_own_pattern() -> None:
    for header in HEADERS:
        assert validator_for({"type": "string", "pattern": header.pattern}).is_valid(header.example), header.name
    assert {header.kind for header in HEADERS} == {"auth", "idempotency", "request-id", "trace", "pacing"}


def test_codes_know_what_the_marketplace_and_the_gateway_say() -> None:
    codes = {each["code"] for each in all_codes()}
    assert {
        "not_signed_in",
        "targets_under_embargo",
        "link_expired",
        "rate_limit_exceeded",
        "desk_not_installed",
    } <= codes


@pytest.fixture(scope="module")
def tsc() -> list[str]:
    """The compiler, as strict as it gets."""
    environment = node_client_environment(Path(__file__).with_name("package.json"))
    compiler = environment / "node_modules/typescript/bin/tsc"
    return ["node", str(compiler), "--noEmit", "--strict"]


def _compile(tsc: list[str], folder: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*tsc, "--project", str(folder)], cwd=folder, capture_output=True, text=True, timeout=TSC_SECONDS
    )


@pytest.mark.timeout(600)  # the first run installs the compiler
def test_a_strict_compiler_accepts_the_types_with_all_examples(tsc: list[str]) -> None:
    done = _compile(tsc, PACKAGE)
    assert done.returncode == 0, done.stdout


@pytest.mark.timeout(600)
def test_the_compiler_refuses_an_example_that_does_not_fit(tsc: list[str], tmp_path: Path) -> None:
    typescript.write(tmp_path, export.schemas(), export.VERSION)
    examples = tmp_path / "src/examples.ts"
    lines = examples.read_text().splitlines()
    wrong = []
    for was, put in (
        ('  "state": "open",', '  "state": "opened",'),
        ('  "number": 1,', '  "number": "1",'),
        ('  "era": 8001,', ""),
    ):
        at = lines.index(was)
        lines[at] = put
        wrong.append(at + 1)
    examples.write_text("\n".join(lines))
    done = _compile(tsc, tmp_path)
    assert done.returncode != 0
    # A wrong value is named where it stands, a missing field where its constant begins.
    assert all(f"examples.ts({line}," in done.stdout for line in wrong[:2]), done.stdout
    assert "Property 'era' is missing" in done.stdout
