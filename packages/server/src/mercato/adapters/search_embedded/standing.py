"""Where a listing stands beside what words and meaning say of it: exactly or nearly named, and who offers it."""

from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

from mercato.adapters.search_embedded.words import spaced, with_parts
from mercato.discovery import ListingDocument, Weights, is_makers_own

_LOOKED_AT = 40
"""Named listings whose vendor and other words are looked at, the best first: reading one costs what finding it does."""

_MOST_EXTRA_WORDS = 5


def stand(
    scores: Mapping[int, float],
    exact: Collection[int],
    names: Collection[int],
    named: Collection[int],
    priors: Mapping[int, float],
) -> dict[int, float]:
    """The scores with what is added for an exact name or title, for being named, and for the listing itself."""
    top = max(scores.values(), default=0.0)
    stood = {key: score + priors.get(key, 0.0) for key, score in scores.items()}
    for key in named:
        stood[key] = stood.get(key, priors.get(key, 0.0)) + Weights.NAMED
    for key in exact:
        lift = Weights.NAME if key in names else Weights.TITLE
        stood[key] = top + lift + stood.get(key, priors.get(key, 0.0))
    return stood


def refine(
    scores: dict[int, float], called: Collection[int], words: Collection[str], read: Callable[[int], ListingDocument]
) -> None:
    """Among listings that the query names, the maker's own and those of fewer other words come first."""
    for key in sorted(called, key=lambda key: (-scores[key], key))[:_LOOKED_AT]:
        listing = read(key)
        if is_makers_own(listing):
            scores[key] += Weights.MAKER
        extra = max(0, _count_words(listing.name) - len(words))
        scores[key] -= Weights.EXTRA_WORD * min(_MOST_EXTRA_WORDS, extra)


@lru_cache(maxsize=16_384)
def _count_words(name: str) -> int:
    """How many words a listing's name has, its vendor's left out; of the name alone, so that no index outdates it."""
    return len(set(spaced(with_parts(name.partition("/")[2])).casefold().split()))
