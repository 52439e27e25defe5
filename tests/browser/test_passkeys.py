"""Passkeys in Chromium, with an authenticator of its own: added, used to sign in, removed."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from tests.browser.chromium import TIMEOUT_MS
from tests.support.ports import free_port
from tests.support.served import served
from tests.support.site import own_database

_AUTHENTICATOR = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
    "isUserVerified": True, "automaticPresenceSimulation": True,
}  # fmt: skip


@pytest.fixture
async def origin(postgres: str, migrated_template: str) -> AsyncIterator[str]:
    """A marketplace at a name: passkeys are bound to names, never to an address."""
    port = free_port()
    with own_database(postgres, migrated_template) as url, tempfile.TemporaryDirectory() as folder:
        settings = Settings(state=Path(folder), DATABASE_URL=url, allow_private_endpoints=True)
        wiring = replace(build_wiring(settings, url), client_url=f"http://localhost:{port}")
        with served(create_app(wiring, list(ROLES)), port):
            yield f"http://localhost:{port}"


async def _sign_up(page: Page, origin: str) -> None:
    await page.goto(f"{origin}/sign-up")
    typed = {
        "name": "Acme", "organisation": "acme", "email": "ada@acme.example", "password": "correct horse battery",
    }  # fmt: skip
    for label, text in typed.items():
        await page.fill(f'main [name="{label}"]', text)
    await page.click("main form button")
    await page.wait_for_load_state("load")


async def test_a_passkey_is_added_signs_in_and_is_removed(browser: Browser, origin: str) -> None:
    context = await browser.new_context()
    try:
        page = await context.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        session = await context.new_cdp_session(page)
        await session.send("WebAuthn.enable")
        await session.send("WebAuthn.addVirtualAuthenticator", {"options": _AUTHENTICATOR})
        await _sign_up(page, origin)
        await page.goto(f"{origin}/passkeys")
        await page.fill('main [name="name"]', "Laptop")
        await page.click("main form button.primary")
        await page.get_by_role("button", name="Continue with your device").click()
        await expect(page.get_by_role("rowheader", name="Laptop")).to_be_visible(timeout=TIMEOUT_MS)
        await context.clear_cookies()
        await page.goto(f"{origin}/sign-in")
        await page.get_by_role("link", name="Sign in with a passkey").click()
        await page.get_by_role("button", name="Continue with your device").click()
        await expect(page.locator(".menu .who")).to_have_text("Acme", timeout=TIMEOUT_MS)
        await page.goto(f"{origin}/passkeys")
        await page.get_by_role("button", name="Remove Laptop").click()
        await expect(page.get_by_text("No passkeys yet")).to_be_visible(timeout=TIMEOUT_MS)
        assert faults == []
    finally:
        await context.close()
