"""Every field that a vendor writes is described: docs/reference/service-yaml.md has no empty cell."""

import inspect

import pytest

from mercato_contracts import manifest
from mercato_contracts.wire import Wire
from tests.support.reader import ROOT

_MODELS = [
    model
    for _, model in inspect.getmembers(manifest, inspect.isclass)
    if issubclass(model, Wire) and model.__module__ == manifest.__name__
]


@pytest.mark.parametrize("model", _MODELS, ids=lambda model: model.__name__)
def test_a_part_of_the_manifest_and_its_fields_are_described(model: type[Wire]) -> None:
    assert model.__doc__
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_no_cell_of_a_generated_table_is_empty() -> None:
    page = (ROOT / "docs" / "reference" / "service-yaml.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("|") and "|  |" in line] == []
