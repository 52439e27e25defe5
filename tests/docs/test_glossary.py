"""The glossary names what exists, and what it rules out does not occur."""

import inspect
import pkgutil
import re
from pathlib import Path

import pytest

from tests.support.reader import ROOT

_PAGE = ROOT / "docs" / "glossary.md"
_ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in _PAGE.read_text().splitlines()
    if line.startswith("| ") and "`" in line.split("|")[2]
]
_NAMES = [row[1].strip("`") for row in _ROWS]
_RULED_OUT = sorted({word for row in _ROWS for word in row[3].split(", ") if word})


@pytest.mark.parametrize("name", _NAMES)
def test_a_name_of_the_glossary_exists(name: str) -> None:
    try:
        found = pkgutil.resolve_name(name)
    except AttributeError:
        owner, _, field = name.rpartition(".")
        found = _annotation(pkgutil.resolve_name(owner), field)
    assert found is not None, f"{name} does not exist"


@pytest.mark.parametrize("word", _RULED_OUT)
def test_a_ruled_out_word_does_not_occur(word: str) -> None:
    pattern = re.compile(rf"\b{re.escape(word)}s?\b", re.IGNORECASE)
    assert [str(path.relative_to(ROOT)) for path in _texts() if pattern.search(path.read_text())] == []


def test_prose_spells_the_catalogue_one_way() -> None:
    code = re.compile(r"```.*?```|`[^`\n]+`|\]\([^)]*\)", re.DOTALL)
    prose = {path: code.sub("", path.read_text()) for path in _texts() if path.suffix == ".md"}
    assert [
        str(path.relative_to(ROOT)) for path, text in prose.items() if re.search(r"\bcatalogs?\b", text, re.I)
    ] == []


def test_terms_are_sorted_and_each_stands_once() -> None:
    terms = [row[0] for row in _ROWS]
    assert terms == sorted(set(terms))


def _annotation(owner: type, field: str) -> object:
    """Fields of pydantic and dataclasses are no attributes of their class."""
    declared = (inspect.get_annotations(kind) for kind in inspect.getmro(owner))
    return next((fields[field] for fields in declared if field in fields), None)


def _texts() -> list[Path]:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return [*(page for page in pages if page != _PAGE), *ROOT.glob("packages/*/src/**/*.py")]
