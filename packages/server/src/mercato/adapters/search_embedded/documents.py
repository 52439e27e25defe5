"""The listing itself in tantivy: its facts and digest as JSON, beside what is searched."""

import json

import tantivy

from mercato.discovery import ListingDocument, from_facts


def to_source(listing: ListingDocument) -> bytes:
    """What the field `source` stores."""
    return json.dumps({**listing.to_facts(), "digest": listing.digest()}, separators=(",", ":")).encode()


def from_tantivy(document: tantivy.Document) -> tuple[ListingDocument, str]:
    """The listing, without its vector, and its digest."""
    source = document.get_first("source")
    assert isinstance(source, bytes)
    facts = json.loads(source)
    digest = facts.pop("digest")
    return from_facts(facts), digest


def from_source(searcher: tantivy.Searcher, address: tantivy.DocAddress) -> ListingDocument:
    """The listing at this address, without its vector."""
    return from_tantivy(searcher.doc(address))[0]
