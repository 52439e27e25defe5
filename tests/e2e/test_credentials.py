"""A service whose endpoint asks for the vendor's own secret: published, called, rotated, and nowhere to be read."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.e2e.calls import Client, Load, greeting
from tests.e2e.conftest import MILLION_A_DAY, Join, new_vendor
from tests.e2e.marketplace import Marketplace
from tests.e2e.parties import Member, Offer, greeting_offer
from tests.e2e.processes import until

OLD, NEW = "sk-test-4f9a1c7e5b3d", "sk-test-anOtherOne99"


class Provider:
    """A vendor's real server behind a key: 401 without exactly one of the keys it takes."""

    def __init__(self) -> None:
        self.taken = {OLD}
        self.shown: list[str] = []
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                shown = self.headers.get_all("x-api-key") or []
                provider.shown += shown or [""]
                known = len(shown) == 1 and shown[0] in provider.taken
                body = json.dumps({"word": "hello", "length": 5} if known else {"error": "who are you?"}).encode()
                self.send_response(200 if known else 401)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider()
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


def offer_of(provider: Provider) -> Offer:
    answer = greeting_offer("guarded", provider.url, [MILLION_A_DAY])
    answer.manifest["endpoint"]["credential"] = {"header": "X-Api-Key", "secret": "provider"}
    return Offer(answer.manifest, answer.document)


def put(vendor: Member, value: str) -> dict[str, Any]:
    answer = vendor.http.put("/api/credentials/provider", json={"value": value})
    assert answer.is_success, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_published_called_and_rotated_under_load_without_a_lost_call(
    marketplace: Marketplace, join: Join, provider: Provider
) -> None:
    vendor = new_vendor(marketplace)
    put(vendor, OLD)
    service = vendor.publish(offer_of(provider))
    key = join((service, "million")).key
    ask = greeting(service)
    Client(marketplace.gateway.url, key).until(ask, lambda seen: seen.answered)
    with Load(marketplace.gateway.url, key, [ask], clients=4) as load:
        provider.taken = {OLD, NEW}
        put(vendor, NEW)
        until(lambda: provider.shown[-20:] == [NEW] * 20, 60, what="the new secret is in force")
        provider.taken = {NEW}
        seen = len(load.calls)
        until(lambda: len(load.calls) > seen + 200, 60, what="calls go on with the new one")
    assert {call.status for call in load.calls} == {200}
    refused = vendor.http.delete("/api/credentials/provider")
    assert (refused.status_code, refused.json()["code"]) == (409, "credential_in_use")
    assert service in refused.text
    assert vendor.http.post(f"/api/services/{service}/releases/1.0.0/yank", json={"reason": "over"}).is_success
    assert vendor.http.delete("/api/credentials/provider").is_success
    assert_nowhere(marketplace)


def assert_nowhere(marketplace: Marketplace) -> None:
    """Neither in what processes wrote nor in any file of the database, once its pages are on disk."""
    with psycopg.connect(marketplace.database_url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
    folder = marketplace.folder
    looked = 0
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            looked += 1
            held = _read(path)
            for secret in (OLD, NEW):
                assert secret.encode() not in held, path
                assert secret.encode().hex().encode() not in held, path
    assert looked > 100


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""  # PostgreSQL took it away meanwhile


def test_without_it_the_endpoint_is_not_published(marketplace: Marketplace, provider: Provider) -> None:
    vendor = new_vendor(marketplace)
    put(vendor, "sk-test-not-taken-here")
    refused = vendor.follow(vendor.submit(offer_of(provider)).id, "refused")
    codes = {finding.code for phase in refused.phases for finding in phase.findings}
    assert "probe_status" in codes or "probe_undocumented" in codes
    assert "sk-test" not in refused.model_dump_json()
