"""Where a list goes on: after a place of an order, or without the hits that were shown."""

import base64
from collections.abc import Iterable, Sequence

from mercato.adapters.search_embedded.numbers import Place
from mercato.discovery import REACH, IndexQuery

_SHORT = 0xFFFF_FFFF
"""A hit that was shown is known by the last four bytes of its key: among two hundred two alike are one in 100,000."""


def write_place(place: Place) -> str:
    """A place of an order, as text."""
    return f"p{place.value}.{place.key}"


def read_place(text: str) -> Place:
    """What `write_place` wrote. Raises `ValueError`."""
    value, _, key = text[1:].partition(".")
    place = Place(int(value), int(key))
    if text[:1] != "p" or not 0 <= place.key < 2**64 or not -1 <= place.value < 2**63 or write_place(place) != text:
        raise ValueError("not a place")
    return place


def short(key: int) -> int:
    """How a key is known in a list of those that were shown."""
    return key & _SHORT


def write_shown(shown: Iterable[int]) -> str:
    """Hits that were shown, by `short`, as text."""
    packed = b"".join(each.to_bytes(4, "big") for each in sorted(shown))
    return f"s{base64.urlsafe_b64encode(packed).decode().rstrip('=')}"


def read_shown(text: str) -> frozenset[int]:
    """What `write_shown` wrote. Raises `ValueError`."""
    packed = base64.b64decode(text[1:] + "=" * (-len(text[1:]) % 4), altchars=b"-_", validate=True)
    if text[:1] != "s" or not packed or len(packed) % 4:
        raise ValueError("not a list of hits")
    return frozenset(int.from_bytes(packed[at : at + 4], "big") for at in range(0, len(packed), 4))


def cut(order: Sequence[int], query: IndexQuery) -> tuple[list[int], str | None]:
    """The page of these keys, the best first, without those that were shown before; and what asks for the next one.

    What the index learns between two pages may move hits: none comes twice, and none that stays is skipped.
    """
    if query.after is None:
        shown, left = frozenset(map(short, order[: query.offset])), order[query.offset :]
    else:
        shown = read_shown(query.after)
        left = [key for key in order if short(key) not in shown]
    page = list(left[: query.limit])
    all_shown = shown.union(map(short, page))
    more = len(left) > len(page) and len(all_shown) < REACH
    return page, write_shown(all_shown) if page and more else None
