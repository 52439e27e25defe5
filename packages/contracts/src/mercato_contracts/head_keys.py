"""The public keys that sign heads, from the first to the newest, and why one leads to the next.

At each rotation the key before and the new key sign the same link. So whoever knows one of the keys can check all the
others offline: towards newer ones by the signature of the key before, towards older ones by that of the key after.
"""

from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import Field

from mercato_contracts.wire import Wire

HeadKeyState = Literal["coming", "newest", "older", "retired"]
"""`coming`: published, and signs from `since` on. `older`: the marketplace still has it. `retired`: only its public
half is left."""


class PublishedHeadKey(Wire):
    """A public key of the marketplace. Both signatures are Ed25519, base64, over `link_bytes`; empty for the first."""

    id: str = Field(description="The id of the marketplace's secret that the key is made from")
    key: str = Field(description="The Ed25519 public key, base64 of 32 bytes")
    since: str = Field(description="From when on it signs, RFC 3339 in UTC; 1970 for the first key")
    state: HeadKeyState = Field(description="Whether it signs now, signs later, or only verifies what it signed")
    by_the_one_before: str = Field(description="Signature of the link by the key before; empty for the first key")
    by_itself: str = Field(description="Signature of the same link by this key; empty for the first key")


class PublishedHeadKeys(Wire):
    """Every key that ever signed a head, in order."""

    items: list[PublishedHeadKey] = Field(description="The keys, the oldest first")


def link_bytes(before: str, key: str, since: str) -> bytes:
    """What both keys of a link sign: `mercato-head-key/1`, both public keys and `since`, joined by line feeds."""
    return "\n".join(("mercato-head-key/1", before, key, since)).encode()


def keys_led_to(known: str, keys: Sequence[PublishedHeadKey], is_signed: Callable[..., bool]) -> set[str]:
    """`known` and every key that links lead to from it, in both directions; a broken link ends the way.

    `is_signed(content, key=…, signature=…)` checks an Ed25519 signature.
    """
    places = [place for place, each in enumerate(keys) if each.key == known]
    if not places:
        return {known}
    trusted, start = {known}, places[0]
    for before, after in zip(keys[start:], keys[start + 1 :], strict=False):
        if not is_signed(_link(before, after), key=before.key, signature=after.by_the_one_before):
            break
        trusted.add(after.key)
    for place in range(start, 0, -1):
        before, after = keys[place - 1], keys[place]
        if not is_signed(_link(before, after), key=after.key, signature=after.by_itself):
            break
        trusted.add(before.key)
    return trusted


def _link(before: PublishedHeadKey, after: PublishedHeadKey) -> bytes:
    return link_bytes(before.key, after.key, after.since)
