"""Pairs what two lists have in common, by keys from the surest to the vaguest."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")
Key = Callable[[Item, bool], Hashable]
"""The key of an item of the old (True) or the new list; None where it has none."""


def pair_up(
    old: Iterable[Item], new: Iterable[Item], sure: Key[Item], vague: Sequence[Key[Item]]
) -> tuple[list[tuple[Item, Item]], list[Item], list[Item]]:
    """The pairs, and what is left of either list.

    Items with an equal `sure` key pair in their order; a `vague` key pairs them only where no other item shares it.
    """
    pairs, lost, gained = _pair(list(old), list(new), sure, only_unique=False)
    for key in vague:
        more, lost, gained = _pair(lost, gained, key, only_unique=True)
        pairs += more
    return pairs, lost, gained


def _pair(
    old: list[Item], new: list[Item], key: Key[Item], *, only_unique: bool
) -> tuple[list[tuple[Item, Item]], list[Item], list[Item]]:
    waiting: dict[Hashable, list[int]] = defaultdict(list)
    for index in reversed(range(len(new))):
        waiting[key(new[index], False)].append(index)
    names = [key(item, True) for item in old]
    counts = Counter(names)
    pairs, lost = [], []
    for item, name in zip(old, names, strict=True):
        others = waiting.get(name)
        unique = others is not None and len(others) == 1 and counts[name] == 1
        if name is None or not others or (only_unique and not unique):
            lost.append(item)
        else:
            pairs.append((item, new[others.pop()]))
    left = {index for indexes in waiting.values() for index in indexes}
    return pairs, lost, [item for index, item in enumerate(new) if index in left]
