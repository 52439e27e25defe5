"""The console's pages against their budgets: time, statements of SQL, bytes, requests, accessibility, markup.

    python -m bench.console [--events 100000] [--requests 20]

A PostgreSQL of its own is filled as for `bench.admin` (10,000 consumers, 100,000 keys, so many calls of 90 days), a
vendor with a little of everything is added, and the control plane answers over HTTP. Every page of the router that
answers with a page is asked for by whoever it is for: nobody, an operator, the vendor, the consumer that calls most.
Statements are counted on a page that was asked for before. axe looks at each page in Chromium, and the checker of the
W3C's validator at what was sent; journeys are walked in Chromium without scripts; Datasette shows as many calls beside
it. Each is left out where it is not installed. Wall times on shared cores: read them
with their spread, the load of the machine, and the CPU time of server and client together, without PostgreSQL's.
"""

import argparse
import asyncio
import gzip
import json
import os
import platform
import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI

from bench.admin_fill import PASSWORD, add_up, fill
from bench.console_journeys import walk
from bench.console_peers import NotStarted, is_installed, measure_datasette
from bench.discovery import show
from bench.discovery_rows import Row
from mercato.adapters.postgres_embedded import EmbeddedPostgres
from tests.browser.chromium import Look, find_chromium, open_chromium, open_tab
from tests.browser.markup import can_check, check_markup
from tests.browser.scenery import Scenery
from tests.support.pages import KnownPage, pages_of
from tests.support.served import served
from tests.support.site import build_site
from tests.support.statements import counted_at_server

RESULTS = Path(__file__).parent / "results" / "console.json"
PAGE_BAR_MS, STATEMENTS_BAR, HTML_BAR_KB, JS_BAR_KB, CSS_BAR_KB, REQUESTS_BAR = 100.0, 8, 60, 25, 10, 6
_FILE = re.compile(r'<(?:script[^>]* src|link[^>]* href|img[^>]* src)="([^"?#]+)"')
_OPERATORS = ("/ops", "/desk")
_PUBLIC = ("/device", "/forgot-password", "/join/", "/new-password/", "/sign-in", "/sign-up", "/status")
_BUYERS = (
    "/home", "/usage", "/calls", "/keys", "/subscriptions", "/recommended", "/budgets", "/invoices", "/statement",
    "/organisation", "/webhooks", "/services/{vendor}/{name}/try/calls",
)  # fmt: skip
_NEWEST_CALL = (
    "SELECT usage_events.id, request_id FROM usage_events JOIN users ON organisation_id = consumer_id"
    " WHERE email = 'o1@example.org' AND at > now() - interval '1 day' ORDER BY at DESC LIMIT 1"
)
_ALSO = {"/compare": "?service={vendor}/{name}", "/search": "?q=embed", "/rankings": "?by=growth"}
"""What a page is asked, where without it there is next to nothing on it."""


@dataclass
class Looked:
    """One page as its reader sees it."""

    name: str
    path: str
    reader: str
    times_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    statements: int = 0
    html: bytes = b""

    @property
    def html_gz_kb(self) -> float:
        return len(gzip.compress(self.html, 6)) / 1000

    @property
    def files(self) -> set[str]:
        """What a browser fetches beside it."""
        return set(_FILE.findall(self.html.decode()))


def reader_of(page: KnownPage) -> str:
    """Who looks at it."""
    for reader, prefixes in (("nobody", _PUBLIC), ("operator", _OPERATORS), ("consumer", _BUYERS)):
        if any(page.template == each or page.template.startswith(each.rstrip("/") + "/") for each in prefixes):
            return reader
    return "vendor"


def sign_in(origin: str, reader: str) -> httpx.Client:
    """A browser without scripts."""
    client = httpx.Client(base_url=origin, timeout=120, headers={"sec-fetch-site": "same-origin"})
    people = {"operator": "operator@example.org", "vendor": "vendor@example.org", "consumer": "o1@example.org"}
    if reader in people:
        answer = client.post("/sign-in", data={"email": people[reader], "password": PASSWORD})
        assert answer.status_code == 303, answer.text
    return client


def newest_call(url: str) -> dict[str, str]:
    """The consumer's newest call, by names of parameters; the page of a tried call waits for one that nobody made."""
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        found = connection.execute(_NEWEST_CALL).fetchone()
    assert found is not None, "the consumer has no call of the last day: fill in more --events"
    return {"call_id": str(found[0]), "request_id": str(found[1])}


def look(app: FastAPI, browsers: dict[str, httpx.Client], values: dict[str, str], requests: int) -> list[Looked]:
    """Every page that there is for its reader, so many times."""
    found = []
    for page in pages_of(app):
        path = page.address(values)
        path += _ALSO.get(page.template, "").format(vendor=values["vendor"], name=values["name"])
        each = Looked(page.template, path, reader_of(page))
        client = browsers[each.reader]
        if client.get(path).status_code != 200:
            continue  # a link that was used, or a thing that this reader has none of
        with counted_at_server(app) as sent:
            each.html = client.get(path).content
        each.statements = len(sent)
        for _ in range(requests):
            began, used = time.perf_counter(), time.process_time()
            client.get(path)
            each.times_ms.append((time.perf_counter() - began) * 1000)
            each.cpu_ms.append((time.process_time() - used) * 1000)
        found.append(each)
    return found


def percentile(values: Sequence[float], percent: int) -> float:
    """Nearest rank."""
    ordered = sorted(values)
    return ordered[-(-len(ordered) * percent // 100) - 1]


def rows_of(pages: Sequence[Looked], client: httpx.Client) -> list[Row]:
    """The budgets, and each page's time."""
    sizes: dict[str, float] = {}
    for name in sorted(set().union(*(each.files for each in pages))):
        sizes[name] = len(gzip.compress(client.get(name).content, 6)) / 1000
    scripts = [sum(sizes[name] for name in each.files if name.endswith(".js")) for each in pages]
    styles = [sum(sizes[name] for name in each.files if name.endswith(".css")) for each in pages]
    most = max(pages, key=lambda each: each.statements)
    largest = max(pages, key=lambda each: each.html_gz_kb)
    print(f"most statements: {most.path}; most HTML: {largest.path}", flush=True)
    rows = [
        Row("sql_statements_max", most.statements, "", bar=STATEMENTS_BAR),
        Row("html_gz_kb_max", largest.html_gz_kb, "kB", bar=HTML_BAR_KB),
        Row("js_gz_kb", max(scripts), "kB", bar=JS_BAR_KB),
        Row("css_gz_kb", max(styles), "kB", bar=CSS_BAR_KB),
        Row("requests_max", max(1 + len(each.files) for each in pages), "", bar=REQUESTS_BAR),
        Row("pages", len(pages), "", "higher"),
    ]
    over = [f"{each.name} {each.statements}" for each in pages if each.statements > STATEMENTS_BAR]
    if over:
        print("over the bar of statements: " + ", ".join(over), flush=True)
    for each in pages:
        spread = (min(each.times_ms), max(each.times_ms))
        rows.append(
            Row(f"page_p95_ms.{each.name}", percentile(each.times_ms, 95), "ms", bar=PAGE_BAR_MS, spread=spread)
        )
        rows.append(Row(f"page_cpu_ms.{each.name}", percentile(each.cpu_ms, 50), "ms"))
    return rows


async def look_with_axe(origin: str, pages: Sequence[Looked], browsers: dict[str, httpx.Client]) -> list[str]:
    """What axe finds, a line each."""
    executable = find_chromium()
    assert executable is not None
    found: list[str] = []
    async with open_chromium(executable) as browser:
        for reader, client in browsers.items():
            cookies = {cookie.name: cookie.value or "" for cookie in client.cookies.jar}
            async with open_tab(browser, origin, Look(), cookies) as tab:
                for each in pages:
                    if each.reader == reader:
                        await tab.go(each.path, expects=None)
                        found += [f"{each.path}: {fault}" for fault in await tab.axe()]
    return found


def measure(url: str, folder: Path, requests: int) -> list[Row]:
    """All figures, shown as they come."""
    scenery = asyncio.run(Scenery.furnish(url, hostile=False))
    app = build_site(folder / "state", url)
    with served(app) as origin:
        browsers = {reader: sign_in(origin, reader) for reader in ("nobody", "operator", "vendor", "consumer")}
        pages = look(app, browsers, scenery.own | newest_call(url), requests)
        rows = rows_of(pages, browsers["nobody"])
        show(rows)
        found: list[str] = []
        more: list[Row] = []
        if find_chromium() is not None:
            found += (faults := asyncio.run(look_with_axe(origin, pages, browsers)))
            more.append(Row("axe_findings", len(faults), "", bar=0))
        if can_check():
            found += (faults := check_markup({each.path: each.html.decode() for each in pages}, folder))
            more.append(Row("vnu_errors", len(faults), "", bar=0))
        if find_chromium() is not None:
            done, failed = asyncio.run(walk(origin))
            found += failed
            share = 100 * len(done) / (len(done) + len(failed))
            more.append(Row("journeys_without_script", share, "%", "higher", bar=100))
            print("without scripts: " + ", ".join(done), flush=True)
        print(*found, sep="\n", flush=True)
        show(more)
        for client in browsers.values():
            client.close()
    return rows + more


def run(events: int, requests: int) -> list[Row]:
    """Over a database that goes with the run."""
    with tempfile.TemporaryDirectory(prefix="mercato-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        server = EmbeddedPostgres(folder / "pg")
        url = server.start()
        try:
            asyncio.run(fill(url, events))
            asyncio.run(add_up(url, events))
            rows = measure(url, folder, requests)
        finally:
            server.stop()
        if not is_installed():
            print("without Datasette: scripts/bench-peers installs it", flush=True)
            return rows
        try:
            beside = measure_datasette(folder, events, requests)
        except NotStarted:
            print("without Datasette: it does not start here", flush=True)
            return rows
        show(beside)
        return rows + beside


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=20)
    arguments = parser.parse_args()
    print(f"{arguments.events:,} usage events, {arguments.requests} requests a page", flush=True)
    rows = run(arguments.events, arguments.requests)
    machine: dict[str, Any] = {
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }
    machine["load"] = [round(load, 1) for load in os.getloadavg()]
    facts = {"machine": machine, "events": arguments.events, "rows": [row.to_facts() for row in rows]}
    RESULTS.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
