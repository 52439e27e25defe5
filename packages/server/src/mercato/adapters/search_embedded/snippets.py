"""The passage of a listing that answers a query best."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from mercato.adapters.search_embedded.words import VISIBLE_WORD
from mercato.discovery import ListingDocument, Snippet

Stems = Callable[[str], frozenset[str]]
"""What a word of a text is in the index: one stem, or pairs of characters in scripts without spaces."""

_LONGEST = 200
_LOOKED_AT = 6_000
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|\n+")


@dataclass(frozen=True, slots=True)
class Passage:
    """A sentence, and the stems of its words."""

    text: str
    stems: frozenset[str]


def read_passages(listing: ListingDocument, stems: Stems) -> list[Passage]:
    """Summary and sentences of the description, the summary first."""
    return [Passage(text, frozenset().union(*map(stems, VISIBLE_WORD.findall(text)))) for text in _passages(listing)]


def choose_snippet(passages: list[Passage], words: frozenset[str], stems: Stems) -> Snippet:
    """The sentence with the most of the query's words, the earlier one first; the summary where none has any.

    At most 200 characters; marks count characters of the snippet's text.
    """
    text = max(passages, key=lambda passage: len(passage.stems & words)).text.strip()
    if len(text) > _LONGEST:
        text = _cut(text, next(_matches(text, words, stems), (0, 0))[0])
    return Snippet(text, tuple(_matches(text, words, stems)))


def open_snippet(listing: ListingDocument) -> Snippet:
    """How the summary begins: what is shown where nobody asked for words."""
    return Snippet(_cut(listing.summary.strip(), 0))


def _passages(listing: ListingDocument) -> list[str]:
    return [listing.summary, *_SENTENCE_END.split(listing.description[:_LOOKED_AT])]


def _matches(text: str, words: frozenset[str], stems: Stems) -> Iterator[tuple[int, int]]:
    return (found.span() for found in VISIBLE_WORD.finditer(text) if not words.isdisjoint(stems(found[0])))


def _cut(passage: str, first: int) -> str:
    """The part of a long passage that begins shortly before this character, whole words only."""
    if len(passage) <= _LONGEST:
        return passage
    start = 0 if first < _LONGEST // 2 else passage.rfind(" ", 0, first - _LONGEST // 4) + 1
    part = passage[start : start + _LONGEST - 2]
    if start + len(part) < len(passage):
        part = f"{part[: part.rfind(' ')] if ' ' in part else part}…"
    return f"…{part}" if start else part
