"""Writes the pictures of docs/images: eight pages of the console in Debian's Chromium, half of them in the dark.

`make screenshots` shows a marketplace with a vendor made for it. With URL, EMAIL and PASSWORD it shows that one, such
as one that stays after `make up DEMO=1`, as that person.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mercato.adapters.postgres_embedded import EmbeddedPostgres  # noqa: E402
from mercato.app.schema import migrate  # noqa: E402
from tests.browser.chromium import Look, find_chromium, open_chromium, open_tab  # noqa: E402
from tests.browser.scenery import Scenery  # noqa: E402
from tests.support.served import served  # noqa: E402
from tests.support.site import build_site  # noqa: E402

PASSWORD = "correct horse battery"
IMAGES = ROOT / "docs/images"
SHOTS = {
    "landing": "/",
    "service": "/services/{vendor}/{name}",
    "vendor": "/vendor",
    "submission": "/vendor/submissions/{submission_id}",
    "training": "/vendor/training/{run_id}",
    "revenue": "/vendor/revenue",
    "new-run": "/vendor/training/new",
    "deployments": "/vendor/deployments",
}
"""By the name of the picture; those without a page of it here are left out."""


async def shoot(origin: str, email: str, password: str, values: dict[str, str]) -> None:
    """All pictures, 1280 by 860."""
    form = {"email": email, "password": password}
    async with httpx.AsyncClient(base_url=origin, headers={"sec-fetch-site": "same-origin"}, timeout=60) as client:
        signed_in = await client.post("/sign-in", data=form)
    assert signed_in.status_code == 303, signed_in.text
    executable = find_chromium()
    assert executable is not None, "scripts/debian chromium installs the browser"
    IMAGES.mkdir(parents=True, exist_ok=True)
    async with open_chromium(executable) as browser:
        for place, (name, path) in enumerate(SHOTS.items()):
            look = Look(dark=place % 2 == 1)
            async with open_tab(browser, origin, look, dict(signed_in.cookies)) as tab:
                await tab.page.set_viewport_size({"width": 1280, "height": 860})
                answer = await tab.go(path.format_map(values), expects=None)
                if answer.status == 200:
                    await tab.page.screenshot(path=IMAGES / f"{name}.png")
                print(f"screenshots: {name} {'written' if answer.status == 200 else f'left out ({answer.status})'}")


def main() -> None:
    """A marketplace of its own, or the one that is named."""
    url = os.environ.get("URL")
    if url:
        values = {key: os.environ.get(key.upper(), "x") for key in ("vendor", "name", "submission_id", "run_id")}
        asyncio.run(shoot(url.rstrip("/"), os.environ["EMAIL"], os.environ["PASSWORD"], values))
        return
    with tempfile.TemporaryDirectory(prefix="mercato-shots-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedPostgres(Path(folder) / "pg")
        database = server.start()
        try:
            migrate(database)
            scenery = asyncio.run(Scenery.furnish(database, "northwind", hostile=False))
            with served(build_site(Path(folder) / "state", database)) as origin:
                asyncio.run(shoot(origin, "northwind@example.org", PASSWORD, scenery.own))
        finally:
            server.stop()


if __name__ == "__main__":
    main()
