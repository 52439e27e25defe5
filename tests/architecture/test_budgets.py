"""Budgets: a function has at most 40 lines, a file at most 400; a test, which tells a story in order, has 60."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.reading import PACKAGES

ROOT = PACKAGES.parent
MOST_LINES_OF_A_FUNCTION = 40
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_TEST = 60

_TABLES_OF_CODES = {"packages/checks/src/mercato_checks/codes.py"}
_BESIDE_PACKAGES = ("bench", "demo", "deploy", "examples", "scripts")


def _name(file: Path) -> str:
    return str(file.relative_to(ROOT))


def _files() -> list[Path]:
    """Without migrations: each lists the columns of its tables once, and is never changed."""
    packages = (file for file in PACKAGES.glob("*/src/**/*.py") if "migrations" not in file.parts)
    return sorted([*packages, *(file for folder in _BESIDE_PACKAGES for file in (ROOT / folder).rglob("*.py"))])


def _long_functions(text: str, most: int) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > most:
                yield f"{node.name} has {lines} lines"


def test_a_file_and_its_functions_are_short() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    long = [_name(file) for file in [*_files(), *tests] if len(file.read_text().splitlines()) > MOST_LINES_OF_A_FILE]
    assert set(long) - _TABLES_OF_CODES == set(), "split it by use case"
    functions = [
        f"{_name(file)}: {each}"
        for file in _files()
        for each in _long_functions(file.read_text(), MOST_LINES_OF_A_FUNCTION)
    ]
    assert functions == []


def test_no_test_is_longer_than_a_screen() -> None:
    files = sorted((ROOT / "tests").rglob("*.py"))
    found = [
        f"{_name(file)}: {each}" for file in files for each in _long_functions(file.read_text(), MOST_LINES_OF_A_TEST)
    ]
    assert found == []
