"""A change that breaks somebody who knows the released contracts is refused, unless it is a new version."""

import copy
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mercato_contracts import export
from mercato_contracts.compatibility import find_breaks

RELEASED = Path(__file__).parents[2] / "packages/contracts/released"

Schemas = dict[str, dict[str, Any]]


def test_the_present_contracts_break_nobody_who_knows_the_released_ones() -> None:
    breaks = find_breaks(export.released(RELEASED), export.schemas())
    assert breaks == [], (
        "a released contract changed: put a new message or a new version of it beside the old one; only where that is "
        "impossible raise export.VERSION and run `mercato-contracts release packages/contracts/released`"
    )


@pytest.fixture
def schemas() -> Schemas:
    """A copy that a test may change."""
    return copy.deepcopy(export.schemas())


def changed(schemas: Schemas, module: str, message: str, change: Callable[[dict[str, Any]], object]) -> list[str]:
    """What a change of this message breaks."""
    before = copy.deepcopy(schemas)
    change(schemas[module]["$defs"][message])
    return [str(each) for each in find_breaks(before, schemas)]


def properties(message: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = message["properties"]
    return found


def test_nothing_changed_breaks_nothing(schemas: Schemas) -> None:
    assert find_breaks(copy.deepcopy(schemas), schemas) == []


@pytest.mark.parametrize(("module", "message", "field"), [
    ("datasets", "RoundView", "state"), ("datasets", "OpenRoundRequest", "eras"), ("problem", "Problem", "code"),
])  # fmt: skip
def test_a_removed_field_breaks(schemas: Schemas, module: str, message: str, field: str) -> None:
    breaks = changed(schemas, module, message, lambda each: properties(each).pop(field))
    assert f"{module}.{message}.{field}: the field is gone" in breaks


def test_a_new_required_field_of_a_request_breaks_and_an_optional_one_does_not(schemas: Schemas) -> None:
    def require(each: dict[str, Any]) -> None:
        properties(each)["why"] = {"type": "string"}
        each["required"] = [*each.get("required", []), "why"]

    assert changed(schemas, "datasets", "OpenRoundRequest", require) == [
        "datasets.OpenRoundRequest.why: a new field is required"
    ]
    assert changed(schemas, "datasets", "BuildRequest", lambda e: properties(e).update(why={"type": "string"})) == []


def test_a_new_field_of_an_answer_breaks_nobody(schemas: Schemas) -> None:
    def add(each: dict[str, Any]) -> None:
        properties(each)["mood"] = {"type": "string"}
        each["required"] = [*each["required"], "mood"]

    assert changed(schemas, "datasets", "RoundPage", add) == []


def test_a_versioned_contract_gets_no_field(schemas: Schemas) -> None:
    breaks = changed(
        schemas, "signals", "RoundSignalResponse", lambda each: properties(each).update(mood={"type": "string"})
    ) if "RoundSignalResponse" in schemas["signals"]["$defs"] else changed(
        schemas, "signals", "SignalInferenceResponse", lambda each: properties(each).update(mood={"type": "string"})
    )  # fmt: skip
    assert len(breaks) == 1
    assert "an older reader refuses it" in breaks[0]


@pytest.mark.parametrize(
    ("field", "narrower"),
    [
        ("eras", {"type": "integer", "minimum": 1, "maximum": 100}),
        ("eras", {"type": "integer", "minimum": 2, "maximum": 260}),
        ("eras", {"type": "string"}),
        ("reason", {"type": "string", "minLength": 10, "maxLength": 2000}),
        ("first_era", {"type": "integer", "minimum": 1, "maximum": 10_000_000}),
        ("reason", {"enum": ["planned", "test"]}),
    ],
)
def test_a_narrower_type_of_a_request_breaks(schemas: Schemas, field: str, narrower: dict[str, Any]) -> None:
    breaks = changed(schemas, "datasets", "OpenRoundRequest", lambda each: properties(each).update({field: narrower}))
    assert breaks
    assert all("the type is narrower" in each for each in breaks)


def test_a_wider_bound_of_a_request_breaks_nobody(schemas: Schemas) -> None:
    wider = {"type": "integer", "minimum": 1, "maximum": 1000}
    assert changed(schemas, "datasets", "OpenRoundRequest", lambda each: properties(each).update(eras=wider)) == []


@pytest.mark.parametrize("wider", [
    {"enum": ["open", "closed", "scored", "resolved", "void"]}, {"anyOf": [{"type": "string"}, {"type": "null"}]},
])  # fmt: skip
def test_an_answer_that_may_say_more_breaks(schemas: Schemas, wider: dict[str, Any]) -> None:
    breaks = changed(schemas, "datasets", "RoundView", lambda each: properties(each).update(state=wider))
    assert any("the type is wider" in each for each in breaks)


def test_an_answer_that_may_leave_a_field_out_breaks(schemas: Schemas) -> None:
    breaks = changed(schemas, "datasets", "RoundView", lambda each: each["required"].remove("state"))
    assert breaks == ["datasets.RoundView.state: the field may be missing now"]


def test_a_message_inside_a_request_is_received_too(schemas: Schemas) -> None:
    breaks = changed(schemas, "manifest", "Price", lambda each: each.update(required=["per_call"]))
    assert breaks == ["manifest.Price.per_call: the field is required now"]


def test_a_message_or_module_that_is_gone_breaks(schemas: Schemas) -> None:
    before = copy.deepcopy(schemas)
    del schemas["datasets"]["$defs"]["RoundPage"]
    del schemas["billing"]
    assert {str(each) for each in find_breaks(before, schemas)} == {
        "billing: the module is gone", "datasets.RoundPage: the message is gone",
    }  # fmt: skip


def test_the_command_refuses_with_exit_code_1_and_names_the_place(tmp_path: Path) -> None:
    folder = tmp_path / "released"
    command = [sys.executable, "-m", "mercato_contracts.export"]
    subprocess.run([*command, "release", str(folder)], check=True, capture_output=True)
    check = [*command, "check", str(folder)]
    assert subprocess.run(check, capture_output=True).returncode == 0
    kept = folder / f"{export.VERSION}.json"
    body = json.loads(kept.read_text())
    body["datasets"]["$defs"]["RoundView"]["properties"]["venue"] = {"type": "string"}
    kept.write_text(json.dumps(body))
    done = subprocess.run(check, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "datasets.RoundView.venue: the field is gone\n")
