"""Keys that are held to services and to addresses."""

from argparse import Namespace

import pytest
from starlette.datastructures import Headers

from mercato.edge.addresses import TrustedProxies
from mercato_gateway.holds import client_of, require_address
from mercato_gateway.refusals import Refused
from mercato_gateway.settings import read_settings
from tests.fakes.control_plane import ControlPlane
from tests.fakes.gateway_process import MakeShop, StartGateway
from tests.gateway.test_keys import call


async def test_a_key_held_to_a_service_calls_and_lists_no_other(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    first = shop(name="acme/embedder")
    second = shop(name="acme/other")
    both = control.grants[first.key].subscriptions + control.grants[second.key].subscriptions
    service = control.grants[first.key].subscriptions[0].service_id
    held = control.put_key(control.grants[first.key].model_copy(update={"subscriptions": both, "services": [service]}))
    free = control.put_key(control.grants[first.key].model_copy(update={"subscriptions": both}))
    gateway = await start_gateway()
    async with gateway.client(held) as client:
        assert (await call(client, first)).status_code == 200
        refused = await call(client, second)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "key_not_for_service")
        models = (await client.get("/v1/models")).json()["data"]
        assert [model["id"] for model in models] == ["acme/embedder"]
        again = await call(client, second, authorization=f"Bearer {free}")
        assert again.status_code == 200


async def test_a_private_service_is_unknown_to_all_but_those_it_names(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane
) -> None:
    first, second = shop(name="acme/embedder"), shop(name="acme/other")
    grants = control.grants[first.key], control.grants[second.key]
    for grant, callers in zip(grants, ([grants[0].consumer_id], ["org_somebody_else"]), strict=True):
        service_id = grant.subscriptions[0].service_id
        control.services[service_id] = control.services[service_id].model_copy(update={"callers": callers})
    gateway = await start_gateway()
    async with gateway.client(second.key) as client:
        refused = await call(client, second)
        unknown = await client.post("/v1/embeddings", json={"model": "acme/nothing", "input": "a"})
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "service_not_found")
        assert unknown.json()["error"]["code"] == "service_not_found"
        assert (
            refused.json()["error"]["message"].replace("acme/other", "acme/nothing")
            == (unknown.json()["error"]["message"])
        )
        assert (await client.get("/v1/models")).json()["data"] == []
    async with gateway.client(first.key) as client:
        assert (await call(client, first)).status_code == 200


@pytest.mark.parametrize(
    ("addresses", "is_let_in"),
    [(["127.0.0.1"], True), (["10.0.0.0/8", "127.0.0.0/8"], True), (["203.0.113.0/24"], False), (["::1"], False)],
)
async def test_a_key_held_to_addresses_is_refused_elsewhere(
    shop: MakeShop, start_gateway: StartGateway, control: ControlPlane, addresses: list[str], is_let_in: bool
) -> None:
    place = shop(key={"addresses": addresses})
    gateway = await start_gateway()
    async with gateway.client(place.key) as client:
        # Nobody but a named proxy says where a call comes from.
        first = await call(client, place, **{"x-forwarded-for": "203.0.113.9"})
        second = await call(client, place)
    assert first.status_code == second.status_code == (200 if is_let_in else 403)
    if not is_let_in:
        assert second.json()["error"]["code"] == "key_address_refused"
        assert not control.events


async def test_behind_a_named_proxy_the_address_is_what_the_proxy_says(
    shop: MakeShop, start_gateway: StartGateway
) -> None:
    place = shop(key={"addresses": ["203.0.113.0/24"]})
    gateway = await start_gateway(trusted_proxies="127.0.0.0/8, 10.0.0.1")
    async with gateway.client(place.key) as client:
        inside = await call(client, place, **{"x-forwarded-for": "198.51.100.1, 203.0.113.9, 10.0.0.1"})
        outside = await call(client, place, **{"x-forwarded-for": "203.0.113.9, 198.51.100.1"})
        silent = await call(client, place)
    assert [inside.status_code, outside.status_code, silent.status_code] == [200, 403, 403]


@pytest.mark.parametrize(
    ("peer", "headers", "proxies", "client"),
    [
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9"}, "", "127.0.0.1"),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9"}, "127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", {"x-forwarded-for": "203.0.113.9:4711"}, "127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", {"x-forwarded-for": "[2001:db8::1]:80"}, "127.0.0.1", "2001:db8::1"),
        ("127.0.0.1", {"forwarded": 'for="[2001:db8::1]:80";proto=https'}, "127.0.0.1", "2001:db8::1"),
        ("127.0.0.1", {"forwarded": "for=203.0.113.9, for=10.0.0.7"}, "127.0.0.1, 10.0.0.0/8", "203.0.113.9"),
        ("127.0.0.1", {"forwarded": "for=203.0.113.9", "x-forwarded-for": "203.0.113.9"}, "127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", {"forwarded": "for=203.0.113.9", "x-forwarded-for": "198.51.100.1"}, "127.0.0.1", None),
        ("127.0.0.1", {"forwarded": "for=unknown"}, "127.0.0.1", None),
        ("::ffff:203.0.113.9", {}, "127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", {"x-forwarded-for": "nonsense"}, "127.0.0.1", None),
        ("127.0.0.1", {}, "127.0.0.1", "127.0.0.1"),
        ("", {}, "", None),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(
    peer: str, headers: dict[str, str], proxies: str, client: str | None
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert client_of(peer, raw, proxies) == client
    # The control plane reads the same.
    origin = TrustedProxies(proxies).origin_of(peer, Headers(raw=raw))
    assert (origin.address if origin.is_certain else None) == client


def test_an_address_that_cannot_be_read_is_in_no_network() -> None:
    with pytest.raises(Refused):
        require_address(("0.0.0.0/0", "::/0"), "", [], "")


def test_whoever_hides_behind_a_proxy_is_not_the_proxy() -> None:
    """A key that is held to the operator's own network is not for everybody who confuses its proxies."""
    sent = [(b"x-forwarded-for", b"198.51.100.1"), (b"forwarded", b"for=10.0.0.9")]
    with pytest.raises(Refused):
        require_address(("10.0.0.0/8",), "10.0.0.1", sent, "10.0.0.0/8")


def test_proxies_that_are_no_networks_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match=r"--trusted-proxies: .*everybody"):
        read_settings(Namespace(trusted_proxies="10.0.0.0/8,everybody"))
