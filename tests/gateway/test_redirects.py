"""Clients that follow an answer's `Location` stay at the gateway where the upstream means an address of its own."""

import asyncio
from typing import Any

import pytest

from mercato_gateway.redirects import as_clients_know_it
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import StartGateway
from tests.fakes.marketplace import a_deployment, a_release, a_service, a_subscriber, subscribe
from tests.fakes.upstream import Received, Upstream, answer
from tests.gateway.conftest import Stage

INSIDE = "http://up.example:81/v1"


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("/v1/files/7?a=/v1#x", "/s/acme/files/files/7?a=/v1#x"),
        ("/v1", "/s/acme/files"),
        ("/v1?page=2", "/s/acme/files?page=2"),
        ("/v1//files", "/s/acme/files//files"),
        (f"{INSIDE}/files/", "/s/acme/files/files/"),
        (f"{INSIDE}?page=2", "/s/acme/files?page=2"),
        ("HTTPS://UP.example:81/v1/files", "/s/acme/files/files"),
        ("//up.example:81/v1/files", "/s/acme/files/files"),
        ("/v1/login?next=http://up.example:81/v1/files", "/s/acme/files/login?next=http://up.example:81/v1/files"),
        # None of these is an address of the service.
        ("/v1x/files", "/v1x/files"),
        ("/login", "/login"),
        ("http://up.example:81", "http://up.example:81"),
        ("http://up.example:81/login", "http://up.example:81/login"),
        ("http://up.example/v1/files", "http://up.example/v1/files"),
        ("http://up.example:81@evil.example/v1/files", "http://up.example:81@evil.example/v1/files"),
        ("http://evil.example?x=http://up.example:81/v1/", "http://evil.example?x=http://up.example:81/v1/"),
        ("///up.example:81/v1/files", "///up.example:81/v1/files"),
        ("ftp://up.example:81/v1/files", "ftp://up.example:81/v1/files"),
        # Of what was asked for, which is the same here.
        ("files/7", "files/7"),
        ("?page=2", "?page=2"),
        ("", ""),
    ],
)
def test_an_address_of_the_services_is_the_same_one_here(location: str, there: str) -> None:
    given = as_clients_know_it(location.encode(), b"up.example:81", b"/v1", b"/s/acme/files")
    assert given == there.encode()


async def _move(request: Received, reader: Any, writer: asyncio.StreamWriter) -> None:
    """As web frameworks do where a slash is missing: to the address by which they were called."""
    if request.target.endswith("/"):
        writer.write(answer(200, b'{"files":[]}'))
    elif request.target.endswith("path"):
        writer.write(answer(307, b"", extra="location: /inner/files/\r\n"))
    else:
        writer.write(answer(307, b"", extra=f"location: http://{request.header('host')}/inner/files/\r\n"))


@pytest.mark.parametrize("path", ["files", "path"])
@pytest.mark.parametrize("wanted", ["", "@1.2.0"])
async def test_a_client_that_follows_comes_back_to_the_service(
    control: ControlPlane, upstream: Upstream, start_gateway: StartGateway, path: str, wanted: str
) -> None:
    upstream.script = _move
    release = a_release("1.2.0", [a_deployment(f"{upstream.url}/inner")])
    service = a_service("acme/files", [release], protocol="openapi", paths="any")
    control.put_service(service)
    gateway = await start_gateway()
    async with gateway.client(a_subscriber(control, subscribe(service)), follow_redirects=True) as client:
        got = await client.post(f"/s/acme/files{wanted}/{path}", json={"kept": True})
    assert got.json() == {"files": []}
    assert str(got.url) == f"{gateway.url}/s/acme/files{wanted}/files/"
    assert [(one.target, one.json) for one in upstream.received] == [
        (f"/inner/{path}", {"kept": True}), ("/inner/files/", {"kept": True})
    ]  # fmt: skip


async def test_a_file_that_was_made_is_found_at_its_address_again_and_again(stage: Stage) -> None:
    """A head that is recognised by its bytes is sent on as one that was read."""

    async def make(request: Received, reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(201, b"{}", extra="location: /files/7\r\n"))

    stage.upstream.script = make
    one = await stage.shop("made", protocol="openapi", paths="any")
    async with stage.gateway.client(one.key) as client:
        for _ in range(30):
            got = await client.post(f"/s/{one.model}/files", json={})
            assert (got.status_code, got.headers["location"]) == (201, f"/s/{one.model}/files/7")
