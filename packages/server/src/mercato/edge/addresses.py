"""Where a request comes from: the socket's own address, or what a proxy says that the operator named.

Whoever is not named as a proxy is the client, whatever its headers say. `X-Forwarded-For` is read from the right, the
side that our own proxies wrote, and only as far as each address is a named proxy's.
"""

import re
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request

log = structlog.get_logger(__name__)

UNKNOWN = "unknown"
_MOST_HOPS = 32
_FORWARDED_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;,"\s]*)', re.IGNORECASE)
_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d{1,5})?|(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")


class TrustedProxies:
    """The networks of the operator's own proxies, such as `10.0.0.0/8,::1`; empty where there are none."""

    def __init__(self, networks: str = "") -> None:
        self._networks = read_networks(networks)
        self._has_warned = False

    def client_of(self, peer: str, headers: Headers) -> str:
        """The address of the client of a request that came from `peer`."""
        if not self.trusts(peer):
            self._warn(peer, headers)
            return plain_address(peer) or UNKNOWN
        forwarded_for, forwarded = headers.getlist("x-forwarded-for"), headers.getlist("forwarded")
        by_list = self._last_stranger(peer, [_address(each) for each in ",".join(forwarded_for).split(",")])
        if not forwarded:
            return by_list
        by_pairs = self._last_stranger(peer, _addresses_of_forwarded(",".join(forwarded)))
        # A proxy keeps one of the two and may pass the other on as the client wrote it: where they differ, neither is
        # believed, and the request counts as the proxy's own.
        return by_pairs if not forwarded_for or by_pairs == by_list else plain_address(peer) or UNKNOWN

    def _last_stranger(self, peer: str, hops: Sequence[str | None]) -> str:
        """The first address from the right that is no proxy of ours; what cannot be read ends the search."""
        client = plain_address(peer) or UNKNOWN
        for hop in reversed(hops[-_MOST_HOPS:]):
            if hop is None:
                break
            client = hop
            if not self.trusts(hop):
                break
        return client

    def trusts(self, address: str) -> bool:
        """Whether the address is a proxy of ours."""
        plain = plain_address(address)
        return plain is not None and any(ip_address(plain) in network for network in self._networks)

    def _warn(self, peer: str, headers: Headers) -> None:
        plain = plain_address(peer)
        if self._has_warned or plain is None or "x-forwarded-for" not in headers or not ip_address(plain).is_private:
            return
        self._has_warned = True
        log.warning("a proxy is not named in MERCATO_TRUSTED_PROXIES: its clients share one address", proxy=plain)


def read_networks(text: str) -> list[IPv4Network | IPv6Network]:
    """Networks and single addresses, separated by commas. Raises `ValueError`."""
    return [ip_network(each.strip(), strict=False) for each in text.split(",") if each.strip()]


def plain_address(text: str) -> str | None:
    """The address in its usual spelling, an IPv4 address inside IPv6 as IPv4; `None` where it is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def origin_of(request: HTTPConnection) -> str:
    """What limits by address go by: an IPv4 address, or the /64 that an IPv6 client can choose its addresses from."""
    plain = plain_address(request.client.host) if request.client else None
    if plain is None:
        return request.client.host if request.client else UNKNOWN
    return str(ip_network(f"{plain}/64", strict=False)) if ":" in plain else plain


def network_of(request: Request) -> str | None:
    """Where a request comes from, without the part that names one machine: IPv4 /24, IPv6 /48; for lists that people
    read."""
    plain = plain_address(request.client.host) if request.client else None
    if plain is None:
        return None
    return str(ip_network(f"{plain}/{48 if ':' in plain else 24}", strict=False))


def _address(text: str) -> str | None:
    """An entry of `X-Forwarded-For` or a node of `Forwarded`: with a port or brackets too."""
    text = text.strip()
    found = _WITH_PORT.fullmatch(text)
    return plain_address((found[1] or found[2]) if found else text)


def _addresses_of_forwarded(text: str) -> list[str | None]:
    """Each element's `for`; `None` for one without an address. Source: RFC 7239, sections 4 and 6."""
    found = [_FORWARDED_FOR.search(element.strip()) for element in _ELEMENT.findall(text)]
    return [None if each is None else _address(each[1].strip('"')) for each in found]
