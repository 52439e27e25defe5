"""What tasks are called: synonyms, abbreviations, and their names in other languages.

`vocabulary.json` has, for each task in words that the model understands, the phrases that mean it. The embedding model
reads English, so a phrase of another language is put into English before it is embedded. The text index gets the phrase
and, beside it, what services of the task are called: `words` where these are others than the task's. Services that
speak are called `tts`, and "text" is in the name of every model of embeddings.
"""

import json
import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]")
_SHORT = 4
"""An abbreviation of so many letters is put into words: a model knows little of it."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """A query as it is embedded, the further words that the text index is asked for, and the query's own words that
    these stand beside.
    """

    text: str
    also: str
    phrases: str = ""


def read_meaning(query: str) -> Meaning:
    """What the known phrases of this query mean; a query without any is embedded as it is."""
    tasks, called, english, pattern = _table()
    found: dict[str, str] = {}

    def put(match: re.Match[str]) -> str:
        phrase = match[0]
        known = phrase in found
        found[phrase] = tasks[phrase]
        in_words = not known and (phrase not in english or len(phrase) <= _SHORT)
        return f" {tasks[phrase]} " if in_words else phrase

    folded = _fold(query)
    text = pattern.sub(put, folded)
    if not found:
        return Meaning(query, "")
    also = dict.fromkeys(word for task in found.values() for word in called.get(task, task).split())
    return Meaning(" ".join((text if text != folded else query).split()), " ".join(also), " ".join(found))


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()


@cache
def _table() -> tuple[dict[str, str], dict[str, str], frozenset[str], re.Pattern[str]]:
    """The task of each phrase; what its services are called, by task; the phrases that are English; and what finds
    phrases, the longest first: `text to speech` before `speech`.

    A phrase is a whole word or several; only scripts without spaces have no words to be whole.
    """
    facts = json.loads((Path(__file__).parent / "vocabulary.json").read_text("utf-8"))
    concepts, called = facts["concepts"], facts["words"]
    tasks = {_fold(phrase): task for task, phrases in concepts.items() for phrase in phrases}
    ways = [_way(phrase) for phrase in sorted(tasks, key=lambda phrase: (-len(phrase), phrase))]
    return tasks, called, frozenset(facts["english"]), re.compile("|".join(ways))


def _way(phrase: str) -> str:
    escaped = re.escape(phrase)
    return escaped if _UNSPACED.search(phrase) else rf"(?<!\w){escaped}(?!\w)"
