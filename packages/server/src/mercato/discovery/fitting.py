"""Whether a listing fits a saved search: every filter, and every word or the meaning of them all.

A search shows the best there is, however little it fits. A report should fit, so this is stricter.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from mercato.discovery.document import ListingDocument, Vector, unpack_vector
from mercato.discovery.numbers import Range
from mercato.discovery.ports import AS_IS, CosineScale, Filters

LEAST_COSINE = 0.5
"""On the scale that `CosineScale` makes. Judged answers of the benchmark lie above it in half of the cases, other
listings in one of two hundred.
"""

_SHORTEST_BEGUN = 4
_WORD = re.compile(r"\w+")
_EMPTY_WORDS = frozenset(
    {
        "a", "an", "and", "any", "are", "as", "at", "by", "for", "from", "in", "into", "is", "it", "of", "on", "or",
        "that", "the", "this", "to", "via", "with", "der", "die", "das", "ein", "eine", "für", "und", "mit", "von",
        "zu", "le", "la", "les", "un", "une", "de", "des", "du", "pour", "et", "avec", "el", "los", "las", "para",
        "con", "y",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search as it is compared with listings."""

    text: str
    filters: Filters

    def to_facts(self) -> dict[str, Any]:
        """In JSON's types."""
        return {
            "text": self.text,
            "facets": {name: list(values) for name, values in self.filters.facets.items() if values},
            "ranges": {name: asdict(span) for name, span in self.filters.ranges.items()},
            "currency": self.filters.currency,
        }


def wanted_of(facts: dict[str, Any]) -> Wanted:
    """What `to_facts` described."""
    ranges = {name: Range(**span) for name, span in facts["ranges"].items()}
    facets = {name: tuple(values) for name, values in facts["facets"].items()}
    return Wanted(facts["text"], Filters(facets, ranges, facts["currency"]))


def fits(wanted: Wanted, listing: ListingDocument, vector: Vector | None, scale: CosineScale = AS_IS) -> bool:
    """`vector` is the meaning of the words, by the model that made the listing's and has this scale; `None` where it is
    not known.
    """
    if listing.status == "yanked" or not _passes(wanted.filters, listing):
        return False
    words = words_of(wanted.text)
    return not words or _has_all(words, listing) or _is_near(vector, listing, scale)


def words_of(text: str) -> list[str]:
    """The words that say something; all of them where none does."""
    words = _WORD.findall(text.casefold())
    return [word for word in words if word not in _EMPTY_WORDS] or words


def _passes(filters: Filters, listing: ListingDocument) -> bool:
    values, numbers = listing.facets(), listing.numbers(filters.currency)
    in_facets = all(not wanted or set(wanted) & set(values[name]) for name, wanted in filters.facets.items())
    return in_facets and all(_within(numbers[name], span) for name, span in filters.ranges.items())


def _within(number: int | None, span: Range) -> bool:
    if number is None:
        return False
    return (span.least is None or number >= span.least) and (span.most is None or number <= span.most)


def _has_all(words: Iterable[str], listing: ListingDocument) -> bool:
    text = " ".join(
        (listing.name, listing.title, listing.summary, listing.task, *listing.tags, listing.description)
    ).casefold()
    known = set(_WORD.findall(text))
    return all(_is_there(word, known, text) for word in words)


def _is_there(word: str, known: set[str], text: str) -> bool:
    """As it is, in another number, or begun; in scripts without spaces anywhere."""
    if not word.isascii():
        return word in text
    stem = word.removesuffix("s") if len(word) > _SHORTEST_BEGUN else word
    return word in known or (len(stem) >= _SHORTEST_BEGUN and any(other.startswith(stem) for other in known))


def _is_near(vector: Vector | None, listing: ListingDocument, scale: CosineScale) -> bool:
    if vector is None or not listing.vector:
        return False
    own = unpack_vector(listing.vector)
    return len(own) == len(vector) and scale.of(float(np.dot(own, vector))) >= LEAST_COSINE
