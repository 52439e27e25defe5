"""From text to the words that the index knows: the same for listings and for queries.

Signs are part of many names: `C`, `C++` and `C#` are three languages, `3.5` is not `35`, `.NET` is no net. The text is
cut here; what signs mean is spelled out in letters (`cplusplus`, `csharp`, `dotnet`, `3dot5`), and what a sign joins is
known both by its parts and as one word (`node.js`: `node`, `js`, `nodejs`). The engine's analyzer only folds and stems.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import tantivy

ANALYZER = "english"
_MAX_QUERY_CHARACTERS = 1_000
_MAX_QUERY_WORDS = 32
_MAX_WORD_CHARACTERS = 40
_MAX_WORD_BYTES = 250

# Scripts written without spaces: Chinese and Japanese characters, kana, Thai, Hangul (whose words carry particles).
_UNSPACED = re.compile("[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_INVISIBLE = dict.fromkeys(
    [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, 0xFEFF, *range(0xFE00, 0xFE10)]
)
_CONTROL = dict.fromkeys([*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), 0x7F], " ")
_ACCENTS = dict.fromkeys(range(0x300, 0x370))
# A dotted capital I is an I; points of Hebrew and Arabic, and strokes that lengthen an Arabic word, may be left out.
_UNWRITTEN = {0x130: "I"} | dict.fromkeys(
    [0x640, 0x670, *range(0x591, 0x5BE), 0x5BF, 0x5C1, 0x5C2, 0x5C4, 0x5C5, 0x5C7, *range(0x64B, 0x653)]
)
# Vowel signs of Indic scripts and the like: without them different words are one.
_MARKS = "".join(chr(code) for code in range(0x300, 0xFE00) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
_LETTER = rf"(?:[^\W_]|[{_MARKS}])"
# Runs, because trying each letter for itself took most of the time to read a listing. Nothing after a run can fail, so
# that it never gives letters back.
_LETTERS = rf"(?:[^\W_]++|[{_MARKS}])++"
_PICTURE = "[\u2190-\u21ff\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]"
_CHUNK = re.compile(
    rf"(?P<dot>(?<![\w.])\.(?=[^\W_]))?"
    rf"(?P<body>{_LETTERS}(?:[-._&'’]{_LETTERS})*)"
    rf"(?P<sign>\+\+|\+(?!{_LETTER})|[#♯](?!{_LETTER})|(?<=\b[A-Z])(?:\*|--(?!{_LETTER})))?"
    rf"|(?P<picture>{_PICTURE})"
)
VISIBLE_WORD = re.compile(rf"(?<![\w.])\.(?=[^\W\d_]){_LETTERS}|{_LETTERS}(?:\+\+|\+(?!{_LETTER})|[#♯](?!{_LETTER}))?")
"""A word as it stands in a text, with the signs that make it another one."""

_JOINT = re.compile(r"([-._&'’])")
_SIGNS = {"++": "plusplus", "--": "minusminus", "+": "plus", "#": "sharp", "♯": "sharp", "*": "star"}
_NAME_BEFORE = re.compile(r"[^\W_] A")
"""A capital A after a word is a part of a name (`vitamin A`), not the article."""
_SHORTEST_ALONE = 3
"""A shorter word with a sign behind it is another word: `C++` is no C, while Disney+ is a Disney."""

_STOP_WORDS = frozenset(
    [
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not",
        "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will",
        "with",
    ]
)  # fmt: skip
"""Those of the engine."""


@dataclass(frozen=True, slots=True)
class QueryWords:
    """The distinct words that a query asks for, in its order. `plain` are those that a person wrote as such; the others
    are joined from them, and are no misspelling where no listing has them.
    """

    all: list[str]
    plain: list[str]


def new_analyzer() -> tantivy.TextAnalyzer:
    """For what `spaced` has cut: lower case, without accents and stop words, reduced to English stems."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
        .filter(tantivy.Filter.remove_long(_MAX_WORD_BYTES))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stopword("english"))
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def clean(text: str) -> str:
    """The text in Unicode's normal form (NFKC), without control and invisible characters and half characters."""
    whole = text.encode("utf-8", "replace").decode("utf-8")
    normal = unicodedata.normalize("NFKC", whole).translate(_CONTROL).translate(_INVISIBLE)
    # Accents that no character has built in are left after that.
    return normal.translate(_UNWRITTEN).translate(_ACCENTS)


def spaced(text: str) -> str:
    """The words of a text with blanks between them; scripts without spaces are cut into overlapping pairs of
    characters, as Lucene does.
    """
    chunks = list(_chunks(text))
    words = [word for chunk in chunks for word in (*chunk.plain, *chunk.joined)]
    # All neighbours would make texts long, and what is long ranks low: judged queries lose by it.
    return " ".join([*words, *(word for word in _neighbours(chunks) if not word.isalpha())])


def with_parts(text: str) -> str:
    """A name or operation id and its parts: `createEmbedding` is also found as `create embedding`."""
    return f"{text} {_HUMP.sub(' ', text).replace('_', ' ').replace('-', ' ')}"


def query_words(text: str, analyzer: tantivy.TextAnalyzer) -> QueryWords:
    """The words of a query, at most 32; a query of stop words only has none."""
    chunks = list(_chunks(text[:_MAX_QUERY_CHARACTERS]))
    plain = dict.fromkeys(analyzer.analyze(" ".join(word for chunk in chunks for word in chunk.plain)))
    # What is one word in a listing may be two in a query: `node js`, `gpt 4`, `c sharp`.
    joined = analyzer.analyze(" ".join([word for chunk in chunks for word in chunk.joined] + _neighbours(chunks)))
    found = list(dict.fromkeys([*list(plain)[:_MAX_QUERY_WORDS], *joined]))[: 2 * _MAX_QUERY_WORDS]
    return QueryWords(found, list(plain)[:_MAX_QUERY_WORDS])


def exact_form(text: str) -> str:
    """What two spellings of one name have in common: `Acme/Text-Embedder` and `acme text embedder`, `Node.js` and
    `nodejs`; but not `C` and `C++`.
    """
    form = ""
    for chunk in _chunks(text[:_MAX_QUERY_CHARACTERS], pairs=False):
        whole = unicodedata.normalize("NFD", chunk.whole.casefold()).translate(_ACCENTS)
        form += f" {whole}" if form[-1:].isdigit() and whole[:1].isdigit() else whole
    return form


def loose_form(text: str) -> str:
    """The exact form without what parts one number from the next: `Qwen 3.5` and `qwen35` have it in common."""
    return exact_form(text).replace(" ", "").replace("dot", "")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """What stands between two blanks, or nearly so. `whole` is all of it in letters and digits."""

    plain: tuple[str, ...]
    joined: tuple[str, ...]
    whole: str


def _chunks(text: str, *, pairs: bool = True) -> Iterator[_Chunk]:
    whole = clean(text)
    if pairs:
        whole = _UNSPACED.sub(lambda run: f" {' '.join(_pairs(run[0]))} ", whole)
    shouts = whole.isupper() and len(whole.split()) > 1
    for found in _CHUNK.finditer(whole):
        if found["picture"]:
            name = f"u{ord(found['picture']):x}"
            yield _Chunk((name,), (), name)
        else:
            body, sign, leading = found["body"], found["sign"] or "", bool(found["dot"])
            if leading and body[0].isdigit():
                body, leading = f"0.{body}", False
            if body == "A" and not (sign or shouts) and _NAME_BEFORE.match(whole, max(0, found.start() - 2)):
                yield _Chunk(("aabbr",), (), "a")
                continue
            # Only what is no word is longer, and would take much room.
            read = _read_again if len(body) <= _MAX_WORD_CHARACTERS else _read
            yield read(body, sign, leading=leading, shouts=shouts)


def _neighbours(chunks: list[_Chunk]) -> list[str]:
    """Each two words side by side as one; scripts without spaces are in pairs already."""
    sides = [(one.plain[-1], other.plain[0]) for one, other in pairwise(chunks)]
    joined = (_join(one, "", other) for one, other in sides if one.isascii() and other.isascii())
    return [word[:_MAX_WORD_CHARACTERS] for word in joined if word]


def _read(body: str, sign: str, *, leading: bool, shouts: bool) -> _Chunk:
    parts, joints = _parts(body)
    last = parts[-1]
    if sign:
        parts[-1] = last + _SIGNS[sign]
    plain = [word for word in parts if len(parts) == 1 or not _is_letter(word)]
    if sign and len(last) >= _SHORTEST_ALONE:
        plain.append(last)
    if leading:
        # A file's ending is also known without its dot; in capitals it is a name.
        plain = [f"dot{parts[0]}", *(plain[1:] if parts[0].isupper() and plain[:1] == parts[:1] else plain)]
    if not shouts:
        plain = [_abbreviation(word) for word in plain]
    joined = [_join(one, joint, other) for (one, other), joint in zip(pairwise(parts), joints, strict=True)]
    whole = f"{'dot' if leading else ''}{_together(parts, joints)}"
    if len(parts) > 2:
        joined.append(_together(parts, joints))
    cut = tuple(word[:_MAX_WORD_CHARACTERS] for word in (plain or [whole]))
    return _Chunk(cut, tuple(word[:_MAX_WORD_CHARACTERS] for word in joined if word), whole)


# Listings repeat their words: cutting them anew took a third of the time to fill an index.
_read_again = lru_cache(maxsize=16_384)(_read)


def _parts(body: str) -> tuple[list[str], list[str]]:
    """The words that signs join, and the signs; a dot between digits is part of a number."""
    first, *rest = _JOINT.split(body)
    parts, joints = [first], []
    for joint, part in zip(rest[::2], rest[1::2], strict=True):
        if joint == "." and parts[-1][-1].isdigit() and part[0].isdigit():
            parts[-1] += f"dot{part}"
        else:
            parts.append(part)
            joints.append(joint)
    return parts, joints


def _join(one: str, joint: str, other: str) -> str:
    """Two words as one; nothing where that would make another number."""
    if joint == "&":
        return f"{one}and{other}"
    return "" if one[-1].isdigit() and other[0].isdigit() else one + other


def _together(parts: list[str], joints: list[str]) -> str:
    whole = parts[0]
    for joint, part in zip(joints, parts[1:], strict=True):
        whole = _join(whole, joint, part) or f"{whole} {part}"
    return whole


def _abbreviation(word: str) -> str:
    """`IT` among small letters is not the `it` that the analyzer leaves out."""
    return f"{word}abbr" if len(word) > 1 and word.isupper() and word.lower() in _STOP_WORDS else word


def _is_letter(word: str) -> bool:
    return len(word) == 1 and word.isalpha()


def _pairs(run: str) -> list[str]:
    return [run[start : start + 2] for start in range(max(1, len(run) - 1))]
