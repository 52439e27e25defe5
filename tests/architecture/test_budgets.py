"""Budgets: a function has at most 40 lines, a file at most 400."""

import ast
from pathlib import Path

import pytest

from tests.architecture.reading import PACKAGES

MOST_LINES_OF_A_FUNCTION = 40
MOST_LINES_OF_A_FILE = 400

_TABLES_OF_CODES = {"checks/src/mercato_checks/codes.py"}


def _name(file: Path) -> str:
    return str(file.relative_to(PACKAGES))


def _files() -> list[Path]:
    return [file for file in sorted(PACKAGES.glob("*/src/**/*.py")) if "migrations" not in file.parts]


@pytest.mark.parametrize("file", _files(), ids=_name)
def test_a_file_and_its_functions_are_short(file: Path) -> None:
    text = file.read_text()
    if _name(file) not in _TABLES_OF_CODES:
        assert len(text.splitlines()) <= MOST_LINES_OF_A_FILE
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}
    assert {name: lines for name, lines in lengths.items() if lines > MOST_LINES_OF_A_FUNCTION} == {}
