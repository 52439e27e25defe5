"""The documentation site: built without a network, complete in itself, and served beside the API reference."""

import importlib.util
import re
from collections.abc import AsyncIterator, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
import pytest

from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from tests.support.reader import ROOT

_SPEC = importlib.util.spec_from_file_location("site_builder", ROOT / "scripts" / "site.py")
assert _SPEC is not None
assert _SPEC.loader is not None
builder = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(builder)


class _Page(HTMLParser):
    """What a page loads, what it links to and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: set[str] = set()
        self.linked: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Sort each address by who follows it: the browser by itself, or a person."""
        given = {name: value for name, value in attrs if value}
        addresses = {given[name] for name in ("src", "href", "data", "poster") if name in given}
        if tag == "a":
            self.linked |= addresses
        elif given.get("rel") not in ("prev", "next"):
            self.loaded |= addresses
        self.anchors |= {given["id"]} if "id" in given else set()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("site") / "site"
    assert builder.build(folder) == 0
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, _Page]:
    return {path: _Page(path.read_text()) for path in site.rglob("*.html")}


def test_every_page_of_the_repository_is_in_the_site(site: Path, pages: dict[Path, _Page]) -> None:
    built = {str(path.relative_to(site)) for path in pages}
    assert {"index.html", "search.html", "quickstart-curl.html", "decisions/index.html"} <= built
    assert len(built) > len(list((ROOT / "docs").rglob("*.md")))


def test_no_page_loads_anything_from_another_origin(pages: dict[Path, _Page]) -> None:
    foreign = {address for page in pages.values() for address in page.loaded if re.match(r"(\w+:)?//", address)}
    assert foreign == set()


def test_no_style_loads_anything_from_another_origin(site: Path) -> None:
    loads = re.compile(r"""(?:url\(|@import)\s*["']?((?:https?:)?//[^"')]*)""")
    assert [
        (path.name, loads.findall(path.read_text())) for path in site.rglob("*.css") if loads.search(path.read_text())
    ] == []


def test_every_link_inside_the_site_resolves(pages: dict[Path, _Page]) -> None:
    broken = [f"{path.name}: {link}" for path, page in pages.items() for link in _broken(path, page, pages)]
    assert broken == []


def test_the_search_index_is_a_script_and_knows_the_words_of_the_pages(site: Path) -> None:
    index = (site / "searchindex.js").read_text()
    assert index.startswith("Search.setIndex(")
    assert '"quickstart-curl"' in index
    assert "webhook" in index


def test_a_link_to_nowhere_ends_the_build(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("# Index\n\n[gone](gone.md)\n")
    for name in ("ARCHITECTURE", "CHANGELOG", "CONTRIBUTING", "README", "SECURITY"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n")
    with pytest.raises(builder.BrokenLink, match=r"gone\.md"):
        builder.build(tmp_path / "site", tmp_path)


@pytest.fixture
async def control(site: Path, settings: Settings, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """The control plane of an operator who built the site."""
    served = settings.model_copy(update={"site": site})
    app = create_app(build_wiring(served, database_url), list(ROLES))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://mercato.test") as client,
    ):
        yield client


async def test_the_control_plane_serves_the_site_beside_the_api_reference(control: httpx.AsyncClient) -> None:
    front = await control.get("/docs", headers={"Host": "evil.example"})
    assert (front.status_code, front.headers["location"]) == (307, "docs/index.html")
    for path in ("/docs/", "/docs/index.html", "/docs/gateway/codes.html", "/docs/searchindex.js"):
        assert (await control.get(path)).status_code == 200, path
    assert "swagger-ui" in (await control.get("/docs/api")).text


@pytest.mark.parametrize("path", ["/docs/nowhere.html", "/docs/decisions", "/docs/../pyproject.toml", "/docs/%2e%2e/x"])
async def test_other_addresses_are_not_found(control: httpx.AsyncClient, path: str) -> None:
    answer = await control.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_only_scripts_of_the_site_run_on_its_pages(control: httpx.AsyncClient) -> None:
    page = await control.get("/docs/index.html")
    (rules,) = [rule for rule in page.headers["content-security-policy"].split("; ") if rule.startswith("script-src")]
    assert "unsafe" not in rules
    assert len(re.findall(r"'sha256-", rules)) == len(re.findall(r"<script>", page.text))


def _broken(path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    for link in page.linked | page.loaded:
        parts = urlsplit(link)
        if parts.scheme or link == "#":
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        known = pages[target].anchors if target in pages else set()
        if not target.is_file() or (parts.fragment and target in pages and unquote(parts.fragment) not in known):
            yield link
