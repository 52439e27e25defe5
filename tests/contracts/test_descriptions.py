"""Every field of every message is described: the schemas and the references give its meaning, unit and limits."""

import inspect
import pkgutil
from importlib import import_module

import pytest
from pydantic import BaseModel

import mercato_contracts
from mercato_contracts.wire import Wire
from tests.support.reader import ROOT

_MODULES = [
    import_module(f"mercato_contracts.{each.name}") for each in pkgutil.iter_modules(mercato_contracts.__path__)
]
_MESSAGES = [
    message
    for module in _MODULES
    for _, message in inspect.getmembers(module, inspect.isclass)
    if issubclass(message, BaseModel) and message.__module__ == module.__name__ and message is not Wire
]


def test_there_are_messages() -> None:
    assert len(_MODULES) > 40
    assert len(_MESSAGES) > 200


@pytest.mark.parametrize("message", _MESSAGES, ids=lambda message: f"{message.__module__[18:]}.{message.__name__}")
def test_a_message_and_its_fields_are_described(message: type[BaseModel]) -> None:
    assert message.__doc__
    assert [name for name, field in message.model_fields.items() if not (field.description or "").strip()] == []


def test_no_cell_of_a_generated_table_is_empty() -> None:
    page = (ROOT / "docs" / "reference" / "service-yaml.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("|") and "|  |" in line] == []
