"""Links between pages lead somewhere, and every page of docs/ is in the index."""

import re
from pathlib import Path

import pytest

from tests.support.reader import ROOT

_DOCS = ROOT / "docs"
_PAGES = sorted([*ROOT.glob("*.md"), *_DOCS.rglob("*.md")])
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [link for link in _links(page) if not _exists(page, link)] == []


def test_every_page_is_in_an_index() -> None:
    indexed = {
        (index.parent / link.partition("#")[0]).resolve()
        for index in (_DOCS / "README.md", _DOCS / "decisions" / "README.md")
        for link in _links(index)
    }
    for page in list(indexed):
        if page.parent == _DOCS and page.suffix == ".md":
            indexed |= {(_DOCS / link.partition("#")[0]).resolve() for link in _links(page)}
    missing = {page for page in _DOCS.rglob("*.md") if page.name != "README.md"} - indexed
    assert sorted(str(page.relative_to(_DOCS)) for page in missing) == []


def _links(page: Path) -> list[str]:
    prose = re.sub(r"```.*?```|`[^`\n]+`(?!\])", "", page.read_text(), flags=re.S)
    return [link for link in _LINK.findall(prose) if not re.match(r"[a-z]+:", link)]


def _exists(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return target.exists() and (not anchor or anchor in _anchors(target))


def _anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
