"""Recipes name files that exist, and every decision says when, whether and by what it holds."""

import re
from pathlib import Path

import pytest

from tests.support.reader import ROOT

_DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
_PATH = re.compile(r"`((?:packages|tests|docs|scripts)/[\w./-]+)`")


def test_every_file_that_contributing_names_exists() -> None:
    named = _PATH.findall((ROOT / "CONTRIBUTING.md").read_text())
    assert [path for path in named if not _exists(path)] == []


@pytest.mark.parametrize("page", _DECISIONS, ids=lambda page: page.stem)
def test_a_decision_has_its_head(page: Path) -> None:
    text = page.read_text()
    assert re.match(rf"# {page.stem[:4]} \w", text)
    assert re.search(r"^\* \*\*Status\*\*: (accepted|replaced by \d{4})$", text, re.M)
    assert re.search(r"^\* \*\*Date\*\*: \d{4}-\d{2}-\d{2}$", text, re.M)
    assert "**Alternatives.**" in text
    (enforced,) = re.findall(r"^\* \*\*Enforced by\*\*: (.+)$", text, re.M)
    assert [path for path in _PATH.findall(enforced) if not _exists(path)] == []


def _exists(path: str) -> bool:
    """A decision's number alone names its page."""
    return (ROOT / path).exists() or bool(list(ROOT.glob(f"{path}*.md")))
