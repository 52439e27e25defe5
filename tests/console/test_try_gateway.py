"""How the console reaches the gateway when somebody tries a service: by TLS where the gateway has it, and without
holding a connection of the database while it waits."""

import asyncio
import re
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import trustme
from fastapi import FastAPI

from mercato.app.control import ROLES, build_wiring, create_app
from mercato.app.settings import Settings
from mercato.edge.wiring import running_of, set_running
from tests.conftest import TestClock
from tests.console.browser import browser_of, sign_in
from tests.console.test_buying_pages import shop
from tests.support.market import Market
from tests.support.waiting import until

PATH = "/services/vendor/embedder/try"
FORM = {"operation": "embeddings", "as": "json", "body": '{"input": "hello"}'}
_LONG = b'{"said": "' + b"word " * 40_000 + b'", "end": "of it"}'


class _Answers(BaseHTTPRequestHandler):
    calls: ClassVar[list[bytes]] = []

    def do_POST(self) -> None:
        asked = self.rfile.read(int(self.headers["content-length"]))
        self.calls.append(asked)
        body = _LONG if b"long" in asked else b'{"came": "by tls"}'
        self.send_response(200)
        for name, value in (("content-type", "application/json"), ("x-request-id", "req-1")):
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


def _issue(authority: trustme.CA, folder: Path, *names: str) -> Path:
    """A certificate in `gateway.pem`, with its key beside it; written over the one before."""
    made = authority.issue_cert(*names)
    made.private_key_pem.write_to_path(str(folder / "gateway.key"))
    (folder / "gateway.pem").write_bytes(b"".join(blob.bytes() for blob in made.cert_chain_pems))
    return folder / "gateway.pem"


@contextmanager
def _gateway(cert: Path, port: int = 0) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", port), _Answers)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, cert.with_suffix(".key"))
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


async def _at_once(seconds: float) -> None:
    await asyncio.sleep(0)


@asynccontextmanager
async def _marketplace(settings: Settings, clock: TestClock, **changes: Any) -> AsyncIterator[FastAPI]:
    assert settings.database_url is not None
    changed = settings.model_copy(update=changes)
    wiring = build_wiring(changed, settings.database_url, clock)
    app = create_app(replace(wiring, pause=_at_once), list(ROLES))
    async with app.router.lifespan_context(app):
        yield app


async def _try(app: FastAPI) -> httpx.Response:
    async with browser_of(app) as browser:
        browser.base_url = httpx.URL("https://mercato.test")
        await sign_in(browser, "buyer")
        return await browser.post(PATH, data=FORM)


async def test_by_tls_with_the_configured_certificate_and_no_other(
    settings: Settings, clock: TestClock, market: Market, tmp_path: Path
) -> None:
    await shop(market)
    authority = trustme.CA()
    cert = _issue(authority, tmp_path, "gateway.market.example")
    with _gateway(cert) as port:
        async with _marketplace(settings, clock, gateway_port=port, tls_cert=cert) as app:
            page = await _try(app)
            assert (page.status_code, "by tls" in page.text) == (200, True), page.text
            assert f":{port}/s/" in page.text or f":{port}/v1/" in page.text
            assert f"http://127.0.0.1:{port}" not in page.text, "snippets speak TLS too"
        async with _marketplace(settings, clock, gateway_port=port) as app:
            assert (await _try(app)).status_code == 502, "plain http"
    _issue(authority, tmp_path, "gateway.market.example")
    other = tmp_path / "other"
    other.mkdir()
    with _gateway(_issue(authority, other, "gateway.market.example")) as port:
        async with _marketplace(settings, clock, gateway_port=port, tls_cert=cert) as app:
            page = await _try(app)
            assert (page.status_code, "gateway_away" in page.text) == (502, True), "another one of the same authority"
            # Renewed: what the file holds now is believed, without a restart.
            cert.write_bytes((other / "gateway.pem").read_bytes())
            assert (await _try(app)).status_code == 200
            cert.write_text("no certificate")
            page = await _try(app)
            assert (page.status_code, str(cert) in page.text) == (502, True)


async def test_a_form_makes_one_paid_call_however_often_it_is_sent(
    settings: Settings, clock: TestClock, market: Market, tmp_path: Path
) -> None:
    await shop(market)
    cert = _issue(trustme.CA(), tmp_path, "gateway.market.example")
    with _gateway(cert) as port:
        async with _marketplace(settings, clock, gateway_port=port, tls_cert=cert) as app, browser_of(app) as browser:
            browser.base_url = httpx.URL("https://mercato.test")
            await sign_in(browser, "buyer")
            form = FORM | {"attempt": _attempt_in(await browser.get(PATH))}
            _Answers.calls.clear()
            clicks = await asyncio.gather(*(browser.post(PATH, data=form) for _ in range(3)))
            assert sorted(click.status_code for click in clicks) == [200, 409, 409]
            again = await browser.post(PATH, data=form | {"body": '{"input": "another"}'})
            assert (again.status_code, "call_made_already" in again.text, "another" in again.text) == (409, True, True)
            assert (await browser.post(f"{PATH}/stream", data=form)).status_code == 409
            assert len(_Answers.calls) == 1
            fresh = await browser.post(PATH, data=FORM | {"attempt": _attempt_in(again)})
            assert (fresh.status_code, len(_Answers.calls)) == (200, 2)
            # A form that is not right yet makes no call, and may be sent once it is.
            form["attempt"] = _attempt_in(fresh)
            assert (await browser.post(PATH, data=form | {"operation": "no-such"})).status_code == 422
            assert (await browser.post(PATH, data=form)).status_code == 200


def _attempt_in(page: httpx.Response) -> str:
    found = re.search(r'name="attempt" value="([0-9a-f]+)"', page.text)
    assert found is not None, page.text
    return found[1]


async def test_a_public_address_needs_its_name_and_a_known_authority(
    settings: Settings, clock: TestClock, market: Market, tmp_path: Path
) -> None:
    await shop(market)
    authority = trustme.CA()
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    with _gateway(_issue(authority, tmp_path, "localhost")) as port:
        for host, known, status in (("localhost", ca, 200), ("localhost", None, 502), ("127.0.0.1", ca, 502)):
            url = f"https://{host}:{port}"
            async with _marketplace(settings, clock, gateway_public_url=url, gateway_ca=known) as app:
                assert (await _try(app)).status_code == status, (host, known)


async def test_pages_that_wait_for_a_call_hold_no_connection(app: FastAPI, market: Market) -> None:
    customer = await shop(market)
    database = running_of(app).wiring.database
    _, _, limit = database.connections()
    waiting, metered = 0, asyncio.Event()

    async def wait(seconds: float) -> None:
        nonlocal waiting
        waiting += 1
        await metered.wait()

    running = running_of(app)
    set_running(app, replace(running, wiring=replace(running.wiring, pause=wait)))
    async with browser_of(app) as browser:
        await sign_in(browser, "buyer")
        pages = [asyncio.create_task(browser.get(f"{PATH}/calls/late")) for _ in range(limit)]
        await until(lambda: waiting == limit)
        # The process's own readers of news take one for a moment.
        await until(lambda: database.connections()[0] == 0)
        assert (await browser.get("/keys")).status_code == 200
        await market.take([market.event(customer, request_id="late")])
        metered.set()
        for page in await asyncio.gather(*pages):
            assert (page.status_code, "explained to the ledger" in page.text) == (200, True)


async def test_a_long_answer_is_shown_in_part_and_downloaded_whole(
    settings: Settings, clock: TestClock, market: Market, tmp_path: Path
) -> None:
    await shop(market)
    cert = _issue(trustme.CA(), tmp_path, "gateway.market.example")
    with _gateway(cert) as port:
        async with _marketplace(settings, clock, gateway_port=port, tls_cert=cert) as app, browser_of(app) as browser:
            browser.base_url = httpx.URL("https://mercato.test")
            await sign_in(browser, "buyer")
            form = FORM | {"body": '{"input": "long"}', "attempt": _attempt_in(await browser.get(PATH))}
            page = await browser.post(PATH, data=form)
            assert (page.status_code, "of it" in page.text) == (200, False)
            assert f'formaction="{PATH}/download"' in page.text
            _Answers.calls.clear()
            form["attempt"] = _attempt_in(page)
            file = await browser.post(f"{PATH}/download", data=form)
            assert (file.status_code, file.content) == (200, _LONG)
            assert file.headers["content-type"] == "application/octet-stream"
            assert file.headers["content-disposition"] == 'attachment; filename="answer"'
            assert file.headers["x-content-type-options"] == "nosniff"
            assert (await browser.post(f"{PATH}/download", data=form)).status_code == 409
            assert len(_Answers.calls) == 1
