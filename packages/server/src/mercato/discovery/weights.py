"""What moves a listing up or down beside its words and meaning, whose score lies between 0 and 1, and why."""

import json
from functools import cache
from pathlib import Path

from mercato.discovery.document import ListingDocument


class Weights:
    """Added to a score."""

    NAME = 3.0
    """A query that is the whole name: whoever types it wants that one."""

    TITLE = 1.5
    """A query that is the whole title: many may have it, and a name is unique to its vendor."""

    NAMED = 0.3
    """A query whose words all stand in name or title, some misspelt or begun: it names a listing.
    More than the cosine differs between near listings (0.1 to 0.2), less than from a stranger to a match."""

    MAKER = 0.5
    """The vendor that makes a model (`makers.json`), among all that offer it, where the query names it."""

    EXTRA_WORD = 0.02
    """For each word of a name that the query lacks, up to five: `claude-sonnet-4-5` before its dated variants."""

    DEPRECATED = -0.25
    """Its calls still work and its vendor advises against it: below what fits nearly as well."""


def prior(listing: ListingDocument) -> float:
    """What is added to the score of this listing, whatever the query."""
    return Weights.DEPRECATED if listing.status == "deprecated" else 0.0


def is_makers_own(listing: ListingDocument) -> bool:
    """Whether the vendor is known to make the model that the listing is named for."""
    name = listing.name.partition("/")[2].casefold()
    return any(name.startswith(family) and listing.vendor in vendors for family, vendors in _makers().items())


@cache
def _makers() -> dict[str, list[str]]:
    makers: dict[str, list[str]] = json.loads((Path(__file__).parent / "makers.json").read_text("utf-8"))
    return makers
