"""Keys held to addresses: where their calls may come from. Only calls with such a key come here."""

from functools import lru_cache

from mercato_contracts.client_address import Networks, find_origin, is_in, read_networks
from mercato_gateway.refusals import Refused

_networks = lru_cache(maxsize=4096)(read_networks)


def require_address(held: tuple[str, ...], peer: str, headers: list[tuple[bytes, bytes]], proxies: str) -> None:
    """Raises `Refused` unless the call comes from one of the networks that its key is held to.

    `X-Forwarded-For` and `Forwarded` count only as far as they come from one of `proxies`.
    """
    address = client_of(peer, headers, proxies)
    if address is None or not is_in(address, _networks(",".join(held))):
        detail = f"This key may not call from {address or 'an unknown address'}."
        raise Refused("key_address_refused", detail, facts={"address": address or ""})


def client_of(peer: str, headers: list[tuple[bytes, bytes]], proxies: str) -> str | None:
    """Who sent a call that came from `peer`; `None` where that is not certain."""
    trusted: Networks = _networks(proxies)
    origin = find_origin(peer, trusted, _values(headers, b"x-forwarded-for"), _values(headers, b"forwarded"))
    return origin.address if origin.is_certain else None


def _values(headers: list[tuple[bytes, bytes]], name: bytes) -> list[str]:
    return [value.decode("latin-1") for each, value in headers if each == name]
