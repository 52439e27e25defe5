"""A request comes from where its socket says, unless a proxy that the operator named says more."""

from contextlib import nullcontext

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request

from mercato.app.settings import Settings
from mercato.edge.addresses import UNKNOWN, TrustedProxies, origin_of
from mercato.edge.holds import require_place
from mercato.identity import KeyHeldElsewhere

OURS = "10.0.0.0/8, 2001:db8:1::/48, 127.0.0.1"


def client_of(peer: str, *headers: tuple[str, str], proxies: str = OURS) -> str:
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return TrustedProxies(proxies).origin_of(peer, Headers(raw=raw)).address or UNKNOWN


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "CF-Connecting-IP", "X-Client-IP"])
@pytest.mark.parametrize("peer", ["203.0.113.7", "127.0.0.1", "::1"])
def test_nobody_is_believed_who_was_not_named(peer: str, header: str) -> None:
    value = "for=198.51.100.1" if header == "Forwarded" else "198.51.100.1"
    assert client_of(peer, (header, value), proxies="") == peer


@pytest.mark.parametrize(
    ("sent", "client"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.1.1.1"], "203.0.113.7"),
        (["198.51.100.1, 203.0.113.7, 10.1.1.1"], "203.0.113.7"),
        (["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
        (["10.9.9.9, 203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7:4711"], "203.0.113.7"),
        (["[2001:db8:2::1]:4711, 10.1.1.1"], "2001:db8:2::1"),
        (["2001:db8:2::1, 2001:db8:1::9"], "2001:db8:2::1"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["10.1.1.1, 10.1.1.2"], "10.1.1.1"),
        (["203.0.113.7, unknown"], "10.0.0.1"),
        (["203.0.113.7, , 10.1.1.1"], "10.1.1.1"),
        ([""], "10.0.0.1"),
        (["' OR 1=1, 203.0.113.7"], "203.0.113.7"),
        ([], "10.0.0.1"),
    ],
)
def test_the_list_is_read_from_the_right_past_our_own_proxies(sent: list[str], client: str) -> None:
    assert client_of("10.0.0.1", *(("X-Forwarded-For", each) for each in sent)) == client


@pytest.mark.parametrize(
    ("sent", "client"),
    [
        (["for=203.0.113.7"], "203.0.113.7"),
        (["for=198.51.100.1, For=203.0.113.7;proto=https;by=10.0.0.1"], "203.0.113.7"),
        (['for="[2001:db8:2::1]:4711"'], "2001:db8:2::1"),
        (['proto=https;for="203.0.113.7:80", for=10.1.1.1'], "203.0.113.7"),
        (["for=203.0.113.7, for=_hidden"], "10.0.0.1"),
        (["for=203.0.113.7, proto=https"], "10.0.0.1"),
        (['for="198.51.100.1, for=203.0.113.7"'], "10.0.0.1"),
    ],
)
def test_forwarded_is_read_the_same_way(sent: list[str], client: str) -> None:
    assert client_of("10.0.0.1", *(("Forwarded", each) for each in sent)) == client


def test_where_both_headers_differ_neither_is_believed() -> None:
    real, forged = ("X-Forwarded-For", "203.0.113.7"), ("Forwarded", "for=198.51.100.1")
    assert client_of("10.0.0.1", real, forged) == "10.0.0.1"
    assert client_of("10.0.0.1", real, ("Forwarded", "for=203.0.113.7")) == "203.0.113.7"


def origin(host: str) -> str:
    return origin_of(Request({"type": "http", "client": (host, 1), "headers": []}))


def test_an_ipv6_client_counts_by_the_network_it_chooses_its_addresses_from() -> None:
    assert origin("2001:db8:2::1") == origin("2001:db8:2:0:ffff::9") != origin("2001:db8:2:1::1")
    assert origin("::ffff:203.0.113.7") == origin("203.0.113.7") == "203.0.113.7"
    assert origin("fe80::1%eth0") == origin("fe80::2")


def test_whoever_confuses_our_proxies_does_not_pass_for_them() -> None:
    """Such a request counts as the proxy's own; a key that is held to the proxy's network is still not taken."""
    for is_certain in (True, False):
        state = {"is_origin_certain": is_certain}
        request = Request({"type": "http", "client": ("10.0.0.1", 1), "headers": [], "state": state})
        with nullcontext() if is_certain else pytest.raises(KeyHeldElsewhere):
            require_place(request, ("10.0.0.0/8",))


def test_networks_that_are_none_are_refused_at_the_start() -> None:
    with pytest.raises(ValueError, match="does not appear to be"):
        Settings(trusted_proxies="10.0.0.0/8,everybody")
