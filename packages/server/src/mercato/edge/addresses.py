"""Where a request comes from, for whom it counts, and what lists show of it (`mercato_contracts.client_address`)."""

from ipaddress import ip_address, ip_network

import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request

from mercato_contracts.client_address import Origin, find_origin, is_in, plain_address, read_networks

log = structlog.get_logger(__name__)

UNKNOWN = "unknown"


class TrustedProxies:
    """The networks of the operator's own proxies, such as `10.0.0.0/8,::1`; empty where there are none."""

    def __init__(self, networks: str = "") -> None:
        self._networks = read_networks(networks)
        self._has_warned = False

    def origin_of(self, peer: str, headers: Headers) -> Origin:
        """Who sent a request that came from `peer`."""
        if not self.trusts(peer):
            self._warn(peer, headers)
        return find_origin(peer, self._networks, headers.getlist("x-forwarded-for"), headers.getlist("forwarded"))

    def trusts(self, address: str) -> bool:
        """Whether the address is a proxy of ours."""
        return is_in(address, self._networks)

    def _warn(self, peer: str, headers: Headers) -> None:
        plain = plain_address(peer)
        if self._has_warned or plain is None or "x-forwarded-for" not in headers or not ip_address(plain).is_private:
            return
        self._has_warned = True
        log.warning("a proxy is not named in MERCATO_TRUSTED_PROXIES: its clients share one address", proxy=plain)


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
