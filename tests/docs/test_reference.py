"""What the reference pages say is what the code does."""

import importlib.util
from pathlib import Path

import pytest

_SCRIPT = Path(__file__).parents[2] / "scripts" / "reference.py"
_SPEC = importlib.util.spec_from_file_location("reference", _SCRIPT)
assert _SPEC is not None
assert _SPEC.loader is not None
reference = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(reference)


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_the_page_is_what_the_code_writes(name: str) -> None:
    page = reference.FOLDER / name
    assert page.read_text() == reference.PAGES[name](), "run: make docs"


@pytest.mark.parametrize("path", sorted(reference.TABLES), ids=lambda path: path.name)
def test_the_table_is_what_the_code_writes(path: Path) -> None:
    assert path.read_text() == reference.TABLES[path](), "run: make docs"


def test_no_page_is_left_over() -> None:
    assert {path.name for path in reference.FOLDER.iterdir()} == set(reference.PAGES)


def test_commands_that_are_imported_when_asked_for_have_their_place() -> None:
    assert "\n### `mercato serve`\n" in reference.cli()
