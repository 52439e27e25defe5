"""No real document differs from itself, however its keys and its unordered lists are ordered."""

import csv
import json
import random
import re
from pathlib import Path
from typing import Any

import pytest

from mercato_checks.diff import diff_documents
from mercato_checks.openapi import Document, read_document

SHARED = Path(__file__).parents[3] / "shared" / "data" / "openapi"
_INTO_LIST = re.compile(r'"\$ref": "#[^"]*/[0-9]+[/"]')
_LARGE = 200_000
UNORDERED = {"parameters", "required", "enum", "oneOf", "anyOf", "allOf", "security", "tags", "type"}


def documents() -> list[Any]:
    """All documents of the corpus that can be read; the large ones are for the slow run."""
    if not SHARED.is_dir():
        return []
    rows = csv.DictReader((SHARED / "manifest.csv").open())
    paths = sorted({SHARED / row["file"] for row in rows} | set(SHARED.glob("pairs/*/*/*.*")))
    return [
        pytest.param(path, id=str(path.relative_to(SHARED)), marks=[pytest.mark.slow] * (path.stat().st_size > _LARGE))
        for path in paths
    ]


def reordered(node: Any, shuffle: random.Random, unordered: set[str], key: str = "") -> Any:
    """A copy with the keys of objects, and the lists without an order, in another order."""
    if isinstance(node, dict):
        names = list(node)
        shuffle.shuffle(names)
        return {name: reordered(node[name], shuffle, unordered, name) for name in names}
    if isinstance(node, list):
        items = [reordered(item, shuffle, unordered) for item in node]
        if key in unordered:
            shuffle.shuffle(items)
        return items
    return node


@pytest.mark.skipif(not SHARED.is_dir(), reason="the shared real documents (../shared/data/openapi) are absent")
@pytest.mark.parametrize("path", documents())
@pytest.mark.timeout(120)
def test_a_document_does_not_differ_from_itself(path: Path) -> None:
    document, _ = read_document(path.read_bytes(), path.name)
    if document is None:
        pytest.skip("the document cannot be read, so it is never released")
    # References into lists, by position, would name something else in another order.
    unordered = set() if _INTO_LIST.search(json.dumps(document.tree)) else UNORDERED
    tree = reordered(document.tree, random.Random(1), unordered)
    # Other words for people: equal trees would not be walked at all.
    tree["info"] = {"title": "Another title", "version": "0"}
    other = Document(tree, document.edition, document.spelling, document.size)
    changes, complete = diff_documents(document, other)
    assert complete
    assert changes == []
