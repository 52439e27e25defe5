"""Where a request comes from: the socket's own address, or what a proxy says that the operator named.

Whoever is not named as a proxy is the client, whatever its headers say. `X-Forwarded-For` and `Forwarded` are read from
the right, the side that our own proxies wrote, and only as far as each address is a named proxy's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_MOST_HOPS = 32
_FORWARDED_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*("[^"]*"|[^;,"\s]*)', re.IGNORECASE)
_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d{1,5})?|(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}")

Networks = tuple[IPv4Network | IPv6Network, ...]


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a request counts for, and whether that is known. Where proxies of ours do not say who asks, it counts as the
    proxy's own, and nothing that depends on a place may be allowed for it."""

    address: str | None
    is_certain: bool


def read_networks(text: str) -> Networks:
    """Networks and single addresses, separated by commas. Raises `ValueError`."""
    return tuple(ip_network(each.strip(), strict=False) for each in text.split(",") if each.strip())


def plain_address(text: str) -> str | None:
    """The address in its usual spelling, an IPv4 address inside IPv6 as IPv4; `None` where it is none."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def is_in(address: str, networks: Networks) -> bool:
    """Whether some network has this address, which may be none."""
    plain = plain_address(address)
    if plain is None:
        return False
    parsed = ip_address(plain)
    return any(parsed in network for network in networks)


def find_origin(peer: str, proxies: Networks, forwarded_for: Sequence[str], forwarded: Sequence[str]) -> Origin:
    """Who sent a request that came from `peer`, by the values of its two headers."""
    own = plain_address(peer)
    if not (proxies and is_in(peer, proxies)):
        return Origin(own, is_certain=own is not None)
    listed = [_address(each) for each in ",".join(forwarded_for).split(",")] if forwarded_for else []
    by_list = _last_stranger(own, listed, proxies)
    if not forwarded:
        return by_list
    by_pairs = _last_stranger(own, _addresses_of_forwarded(",".join(forwarded)), proxies)
    # A proxy keeps one of the two and may pass the other on as the client wrote it: where they differ, neither is
    # believed, and the request counts as the proxy's own.
    return by_pairs if not forwarded_for or by_pairs == by_list else Origin(own, is_certain=False)


def _last_stranger(own: str | None, hops: Sequence[str | None], proxies: Networks) -> Origin:
    """The first address from the right that is no proxy of ours; what cannot be read ends the search."""
    client = own
    for hop in reversed(hops[-_MOST_HOPS:]):
        if hop is None:
            return Origin(client, is_certain=False)
        client = hop
        if not is_in(hop, proxies):
            break
    return Origin(client, is_certain=True)


def _address(text: str) -> str | None:
    """An entry of `X-Forwarded-For` or a node of `Forwarded`: with a port or brackets too."""
    text = text.strip()
    found = _WITH_PORT.fullmatch(text)
    return plain_address((found[1] or found[2]) if found else text)


def _addresses_of_forwarded(text: str) -> list[str | None]:
    """Each element's `for`; `None` for one without an address. Source: RFC 7239, sections 4 and 6."""
    found = [_FORWARDED_FOR.search(element.strip()) for element in _ELEMENT.findall(text)]
    return [None if each is None else _address(each[1].strip('"')) for each in found]
