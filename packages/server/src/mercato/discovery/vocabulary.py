"""What tasks are called: synonyms, abbreviations, and their names in other languages.

`vocabulary.json` has, for each task in the words of the index, the phrases that mean it. The embedding model reads
English, so a phrase of another language is put into English before it is embedded; the text index gets both.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class Meaning:
    """A query as it is embedded, and the further words that the text index is asked for."""

    text: str
    also: str


def read_meaning(query: str) -> Meaning:
    """What the known phrases of this query mean; a query without any is embedded as it is."""
    folded = _fold(query)
    found = {phrase: english for phrase, english in _phrases() if _stands_in(phrase, folded)}
    if not found:
        return Meaning(query, "")
    text = folded
    for phrase, english in found.items():
        text = text.replace(phrase, f" {english} ", 1) if not phrase.isascii() or _is_short(phrase) else text
    return Meaning(" ".join((text if text != folded else query).split()), " ".join(dict.fromkeys(found.values())))


def _stands_in(phrase: str, folded: str) -> bool:
    if _UNSPACED.search(phrase):
        return phrase in folded
    return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", folded) is not None


def _is_short(phrase: str) -> bool:
    """An abbreviation, of which a model knows little."""
    return len(phrase) <= 4


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@cache
def _phrases() -> list[tuple[str, str]]:
    """Pairs of a phrase and its task, the longest first: `text to speech` before `speech`."""
    concepts = json.loads((Path(__file__).parent / "vocabulary.json").read_text("utf-8"))["concepts"]
    pairs = [(_fold(phrase), task) for task, phrases in concepts.items() for phrase in phrases]
    return sorted(pairs, key=lambda pair: -len(pair[0]))
