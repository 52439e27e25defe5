"""Debian's Chromium, and how a page is looked at: with or without scripts, light or dark, wide or narrow."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, async_playwright

_AXE = Path(__file__).parent / "vendor/axe.min.js"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT_MS = 150_000
"""A busy machine is no failure."""
_VIOLATIONS = """
window.__violations = [];
addEventListener('securitypolicyviolation', event => window.__violations.push(
  `${event.effectiveDirective} blocks ${event.blockedURI} ${event.sample}`), true);
"""


@dataclass(frozen=True)
class Look:
    """One way to look at a page."""

    script: bool = True
    dark: bool = False
    width: int = 1280

    def __str__(self) -> str:
        return f"{'script' if self.script else 'plain'}-{'dark' if self.dark else 'light'}-{self.width}"


ALL_LOOKS = (
    *(Look(*each) for each in product((True, False), (False, True), (1280, 390))),
    Look(script=False, width=320),  # a window of 1280 at 400 %: the reflow that WCAG 1.4.10 asks for
)
FEW_LOOKS = (Look(width=390), Look(script=False, dark=True))
"""Each value once: what `make test` has time for."""


def find_chromium() -> str | None:
    """Where it is installed; `scripts/debian chromium` brings it."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@asynccontextmanager
async def open_chromium(executable: str) -> AsyncIterator[Browser]:
    """A browser that ends with the block."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=["--no-sandbox", "--disable-dev-shm-usage"], timeout=TIMEOUT_MS
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass
class Tab:
    """One page of a browser that takes note of everything that a page of ours never does."""

    page: Page
    origin: str
    look: Look
    faults: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    """What the page is made of, itself first; not what it, or the page before it, asks for later."""
    going: str = ""

    async def go(self, path: str, *, expects: int | None = 200) -> Response:
        """Opens a page of ours and waits until everything on it is there.

        A status that is not expected is a fault; with `None` any is expected.
        """
        self.going = self.origin + path
        answer = await self.page.goto(self.going, wait_until="load")
        assert answer is not None
        if expects is not None and answer.status != expects:
            self.faults.append(f"{path} answers {answer.status}, not {expects}")
        return answer

    async def check(self) -> None:
        """Raises for what no page may do: ask other origins, break the policy, err, be wider than its window."""
        if self.look.script:
            self.faults += await self.page.evaluate("window.__violations")
            await self.page.evaluate("window.__violations = []")
        wide, window = await self._widths()
        if wide > window + 1:
            self.faults.append(f"{self.page.url} is {wide} px wide in a window of {window} px")
        faults, self.faults = self.faults, []
        assert not faults, f"{self.look} {self.page.url}: " + "; ".join(faults)

    async def _widths(self) -> tuple[int, int]:
        # Evaluated by the debugger, which works where the page itself may run no script.
        script = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        wide, window = cast("list[int]", await self.page.evaluate(script))
        return wide, window

    async def axe(self) -> list[str]:
        """What axe-core finds, in a line each."""
        await self.page.evaluate(_AXE.read_text())
        found = await self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{rule['id']} ({rule['impact']}): {node['html'][:160]} — {node.get('failureSummary', '')[:300]}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    def watch(self) -> None:
        """From now on."""
        self.page.on("request", self._on_request)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        self.page.set_default_timeout(TIMEOUT_MS)

    def _on_request(self, request: Request) -> None:
        if request.is_navigation_request():
            self.requests.clear()
        if request.resource_type not in ("fetch", "xhr"):
            self.requests.append(request.url)
        if urlsplit(request.url).scheme not in ("data", "blob") and not request.url.startswith(f"{self.origin}/"):
            self.faults.append(f"asks another origin: {request.url}")

    def _on_console(self, message: ConsoleMessage) -> None:
        # The status of the page itself is checked by `go`; Chromium also writes those above 399 to the console.
        is_status = message.text.startswith("Failed to load resource") and message.location["url"] == self.going
        if message.type == "error" and not is_status:
            self.faults.append(f"console: {message.text}")


@asynccontextmanager
async def open_tab(
    browser: Browser, origin: str, look: Look = Look(), cookies: dict[str, str] | None = None
) -> AsyncIterator[Tab]:
    """A window of its own, with nobody's cookies but those that are given."""
    context: BrowserContext = await browser.new_context(
        viewport={"width": look.width, "height": 900},
        color_scheme="dark" if look.dark else "light",
        java_script_enabled=look.script,
        locale="en-GB",
        timezone_id="Europe/Berlin",
        reduced_motion="reduce",
    )
    try:
        if look.script:
            await context.add_init_script(_VIOLATIONS)
        jar: list[Any] = [{"name": name, "value": value, "url": origin} for name, value in (cookies or {}).items()]
        await context.add_cookies(jar)
        tab = Tab(await context.new_page(), origin, look)
        tab.watch()
        yield tab
    finally:
        async with asyncio.timeout(TIMEOUT_MS / 1000):
            await context.close()
