"""From text to the words that the index knows: the same for listings and for queries."""

import re
import unicodedata

import tantivy

ANALYZER = "english"
_MAX_QUERY_CHARACTERS = 1_000
_MAX_QUERY_WORDS = 32
_MAX_WORD_CHARACTERS = 40

# Scripts written without spaces: Chinese and Japanese characters, kana, Thai, Hangul (whose words carry particles).
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_CONTROL = dict.fromkeys([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F], " ")


def new_analyzer() -> tantivy.TextAnalyzer:
    """Lower case, without accents and stop words, reduced to English stems."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(_MAX_WORD_CHARACTERS))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stopword("english"))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def clean(text: str) -> str:
    """The text in Unicode's normal form (NFKC), without control characters and halves of surrogate pairs."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    return unicodedata.normalize("NFKC", whole).translate(_CONTROL)


def spaced(text: str) -> str:
    """Clean text in which scripts without spaces are cut into overlapping pairs of characters, as Lucene does."""
    return _UNSPACED.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", clean(text))


def with_parts(text: str) -> str:
    """A name or operation id and its parts: `createEmbedding` is also found as `create embedding`."""
    return f"{text} {_HUMP.sub(' ', text).replace('_', ' ')}"


def query_words(text: str, analyzer: tantivy.TextAnalyzer) -> list[str]:
    """The distinct words that a query asks for, in its order, at most 32; a query of stop words only has none."""
    return list(dict.fromkeys(analyzer.analyze(spaced(text[:_MAX_QUERY_CHARACTERS]))))[:_MAX_QUERY_WORDS]


def exact_form(text: str) -> str:
    """What two spellings of one name have in common: `Acme/Text-Embedder` and `acme text embedder`."""
    return " ".join(re.findall(r"\w+", clean(text[:_MAX_QUERY_CHARACTERS]).casefold().replace("_", " ")))


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(max(1, len(run) - 1))]
