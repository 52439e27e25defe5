"""Words with signs, numbers, accents and other scripts: different words stay different, spellings of one word meet."""

from dataclasses import replace

import pytest

from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.adapters.search_embedded.words import exact_form, new_analyzer, query_words, spaced
from mercato.discovery import IndexQuery, ListingDocument

ANALYZER = new_analyzer()

DIFFERENT = [
    ["C", "C++", "C#", "Objective-C", "R&D", "R", "D", "C*"],
    ["F#", "F", "G", "J++", "J", "J#"],
    [".NET", "net", "ASP.NET", "VB.NET"],
    ["3.5", "35", "5.3", "3", "5", "3.50"],
    ["1.0.0", "100", "10.0"],
    ["gpt-4", "gpt-4o", "gpt-3.5", "gpt-35"],
    ["k8s", "k3s", "8"],
    ["IT support", "support"],
    ["Node.js", "Vue.js", "js"],
    ["AT&T", "T"],
    ["A*", "A"],
    ["हिन्दी", "हन्द", "हिन्दू"],
    ["มา", "ม้า"],
    ["文書", "文学", "書"],
    ["🚀", "👍", "🚗"],
    ["T-SNE", "SNE"],
    ["Disney+", "Disney"],
    ["C--", "C"],
    ["vitamin A", "vitamin B", "vitamin"],
    [".5", "5", "05"],
]
ALIKE = [
    ["node.js", "nodejs", "Node JS", "NODE-JS"],
    ["C++", "c++", "Ｃ＋＋"],
    ["C#", "c#", "C♯"],
    [".NET", "dotnet", ".net"],
    ["gpt-4o", "GPT 4o", "gpt4o", "gpt_4o"],
    ["text-embedder", "text embedder", "textembedder", "text_embedder"],
    ["café", "cafe", "CAFÉ", "cafe\u0301"],
    ["e-mail", "email"],
    ["scikit-learn", "scikit learn", "scikitlearn"],
    ["co\u00adoperate", "cooperate", "co\u200boperate"],
    ["ﬁnance", "finance"],
    ["O'Reilly", "O’Reilly", "oreilly"],
    ["İstanbul", "Istanbul", "istanbul"],
    ["x\u0302y\u0308", "xy", "XY"],
    ["عَرَبِيّ", "عربي", "عـربي"],
    ["שָׁלוֹם", "שלום"],
    [".5", "0.5"],
]


def terms(text: str) -> frozenset[str]:
    return frozenset(ANALYZER.analyze(spaced(text)))


@pytest.mark.parametrize("names", DIFFERENT, ids=lambda names: names[0])
def test_different_words_are_different_to_words_and_to_exact_names(names: list[str]) -> None:
    assert len({terms(name) for name in names}) == len(names)
    assert len({exact_form(name) for name in names}) == len(names)


@pytest.mark.parametrize("spellings", ALIKE, ids=lambda spellings: spellings[0])
def test_every_spelling_of_a_word_finds_every_other(spellings: list[str]) -> None:
    for asked in spellings:
        for written in spellings:
            # What a listing writes as two words of letters is found as one by its whole name only.
            if not written.replace(" ", "").isalpha() or written.isalpha():
                assert terms(written).intersection(query_words(asked, ANALYZER).all), (asked, written)
    assert len(set(map(exact_form, spellings))) == 1


@pytest.mark.parametrize("name", ["IT", "OR", "a cure for hepatitis A"])
def test_a_name_in_capitals_is_not_the_little_word(name: str) -> None:
    assert terms(name) > terms(name.lower())
    assert set(query_words(name, ANALYZER).all) & terms(name) - terms(name.lower())


def test_an_article_at_the_beginning_is_left_out() -> None:
    assert terms("A model. A title") == terms("model. title")


def titled(listing: ListingDocument, number: int, title: str, summary: str) -> ListingDocument:
    return replace(
        listing, service_id=f"svc_{number:032x}", name=f"vendor-{number}/service-{number}", title=title,
        summary=summary, description="", operations="", tags=(), task="other", vector=b"",
    )  # fmt: skip


LANGUAGES = [
    "C",
    "C++",
    "C#",
    "Objective-C",
    "F#",
    ".NET",
    "R",
    "D",
    "Go",
    "Node.js",
    "gpt-3.5",
    "gpt-4o",
    "k8s",
    "R&D",
]


@pytest.mark.parametrize("written_in", ["title", "summary"])
@pytest.mark.parametrize("asked", LANGUAGES)
async def test_a_language_finds_its_own_helper_first(
    index: EmbeddedSearchIndex, listings: list[ListingDocument], asked: str, written_in: str
) -> None:
    await index.apply(
        [
            titled(listings[0], number, f"{name} code helper", "Writes code.")
            if written_in == "title"
            else titled(listings[0], number, f"Helper {number}", f"Writes {name} code.")
            for number, name in enumerate(LANGUAGES)
        ]
    )
    for query in (asked, f"{asked} code", f"code in {asked}"):
        hits = (await index.search(IndexQuery(query, explain=True))).hits
        assert hits[0].document.title + hits[0].document.summary == (
            f"{asked} code helperWrites code."
            if written_in == "title"
            else f"Helper {LANGUAGES.index(asked)}Writes {asked} code."
        ), query
        assert not hits[0].reasons or not hits[0].reasons.corrected


async def test_a_name_of_two_spellings_is_one_exact_name(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply(
        [titled(listings[0], 1, "Node.js", "Runs."), titled(listings[0], 2, "Node JSON reader", "Reads.")]
    )
    for spelling in ("nodejs", "Node JS", "node.js", "NODE-JS"):
        hit = (await index.search(IndexQuery(spelling, explain=True))).hits[0]
        assert hit.document.title == "Node.js"
        assert hit.reasons is not None
        assert hit.reasons.exact_name


async def test_the_snippet_marks_the_word_with_its_signs(
    index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply([titled(listings[0], 1, "Helper", "Writes C, C# and C++ (all of them).")])
    (hit,) = (await index.search(IndexQuery("C++"))).hits
    assert [hit.snippet.text[begin:end] for begin, end in hit.snippet.marks] == ["C++"]


def test_long_words_and_texts_of_signs_cost_what_their_length_costs() -> None:
    """Each would take minutes if the cutting grew with the square of the length."""
    for text in (
        "a" * 200_000,
        "a." * 100_000,
        "+" * 200_000,
        "a+" * 100_000,
        "." * 200_000,
        "文" * 100_000,
        "-a" * 100_000,
    ):
        assert spaced(text) is not None
