"""Keys held to addresses: where their calls may come from. Only calls with such a key come here."""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from mercato_gateway.refusals import Refused

_MOST_HOPS = 32

Networks = tuple[IPv4Network | IPv6Network, ...]


@lru_cache(maxsize=4096)
def read_networks(texts: tuple[str, ...]) -> Networks:
    """Networks and single addresses. Raises `ValueError`."""
    return tuple(ip_network(text.strip(), strict=False) for text in texts if text.strip())


def require_address(held: tuple[str, ...], peer: str, forwarded: list[bytes], proxies: str) -> None:
    """Raises `Refused` unless the call comes from one of the networks that its key is held to.

    `forwarded` are the values of `X-Forwarded-For`; they count only as far as they come from one of `proxies`.
    """
    address = client_of(peer, forwarded, proxies)
    if address is None or not _is_in(address, held):
        detail = f"This key may not call from {address or 'an unknown address'}."
        raise Refused("key_address_refused", detail, facts={"address": address or ""})


def client_of(peer: str, forwarded: list[bytes], proxies: str) -> str | None:
    """The first address from the right that is no proxy of the operator's; `None` where it cannot be read."""
    address = _plain(peer)
    trusted = tuple(proxies.split(",")) if proxies else ()
    hops = b",".join(forwarded).decode("latin-1").split(",")[-_MOST_HOPS:] if forwarded else []
    while address is not None and hops and _is_in(address, trusted):
        address = _plain(hops.pop().strip())
    return address


def _is_in(address: str, texts: tuple[str, ...]) -> bool:
    parsed = ip_address(address)
    return any(parsed in network for network in read_networks(texts))


def _plain(text: str) -> str | None:
    """In its usual spelling, an IPv4 address inside IPv6 as IPv4, without a port."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
