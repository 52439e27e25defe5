"""Builds the documentation site: `make site`. Offline, with Sphinx; a broken link ends it.

Pages keep the form that people read in the repository. This script lays them out as a site (README.md becomes
index.html), points their links to the new places and puts the sections of docs/README.md into the navigation.
"""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sphinx.cmd.build import build_main

ROOT = Path(__file__).parents[1]
SITE = ROOT / "site"

_PROJECT_PAGES = ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "README", "SECURITY")
_INDEXES = (Path("index.md"), Path("gateway.md"), Path("decisions/index.md"), Path("runbooks.md"))
_LINK = re.compile(r"\[([^\]]*)\]\(([^)\s:]+)\)")
_CODE = re.compile(r"(```.*?```)", re.DOTALL)
_SETTINGS = """\
project = html_title = "Mercato"
extensions = ["myst_parser"]
myst_heading_anchors = 4
html_theme = "furo"
html_use_index = html_show_sphinx = html_show_copyright = html_copy_source = html_show_sourcelink = False
suppress_warnings = ["misc.highlighting_failure"]
"""


class BrokenLink(Exception):
    """A page links to a file that does not exist."""


def build(into: Path, root: Path = ROOT) -> int:
    """Write the site into the folder `into`. Returns 0, or 1 after a warning of Sphinx. Raises `BrokenLink`."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name)
        _lay_out(root, source)
        shutil.rmtree(into, ignore_errors=True)
        status = build_main(["-q", "-W", "--keep-going", "-b", "html", "-d", f"{name}/.doctrees", name, str(into)])
    for left_over in (".buildinfo", "objects.inv"):
        (into / left_over).unlink(missing_ok=True)
    return status


def _lay_out(root: Path, source: Path) -> None:
    """Write every page into `source`, at the place that it has in the site."""
    places = dict(_places(root))
    for page, place in places.items():
        target = source / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if page.suffix != ".md":
            shutil.copy(page, target)
            continue
        text = _point_links(page, places)
        if place in _INDEXES:
            text += _navigation(text)
        target.write_text(text, encoding="utf-8")
    (source / "conf.py").write_text(_SETTINGS, encoding="utf-8")


def _places(root: Path) -> Iterator[tuple[Path, Path]]:
    """Each file of the site, with its path inside the site."""
    docs = root / "docs"
    for page in sorted(path for path in docs.rglob("*") if path.is_file()):
        within = page.relative_to(docs)
        yield page, within.with_name("index.md") if page.name == "README.md" else within
    for name in _PROJECT_PAGES:
        yield root / f"{name}.md", Path("project", f"{name.lower()}.md")


def _point_links(page: Path, places: dict[Path, Path]) -> str:
    def point(found: re.Match[str]) -> str:
        text, link = found.groups()
        path, hash_, anchor = link.partition("#")
        target = (page.parent / path).resolve()
        if not path:
            return found[0]
        if not target.exists():
            raise BrokenLink(f"{page}: {link}")
        if target not in places:
            return str(text)  # source code, which the site does not carry
        return f"[{text}]({os.path.relpath(places[target], places[page].parent)}{hash_}{anchor})"

    parts = _CODE.split(page.read_text(encoding="utf-8"))
    return "".join(part if part.startswith("```") else _LINK.sub(point, part) for part in parts)


def _navigation(text: str) -> str:
    """A hidden table of contents for each section of an index, from its links to pages."""
    tables = []
    seen: set[str] = set()
    for section in re.split(r"^## ", text, flags=re.MULTILINE):
        links = [link.partition("#")[0].removesuffix(".md") for _, link in _LINK.findall(section) if ".md" in link]
        new = [link for link in dict.fromkeys(links) if link not in seen and not link.startswith("..")]
        if not new:
            continue
        seen.update(new)
        caption = section.partition("\n")[0] if not section.startswith("#") else "Start here"
        tables.append("\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *new, "```"]))
    return "\n\n".join(["", *tables, ""])


if __name__ == "__main__":
    sys.exit(build(SITE))
