"""What a query names: exactly, nearly, begun, in other words, in other languages; and what nothing fits."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import Filters, ListingDocument, Searching, pack_vector

NAMES = [
    "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5-20250929", "resale/claude-sonnet-4-5", "openai/gpt-4o",
    "openai/gpt-4o-mini", "openai/gpt-4o-2024-08-06", "mirror/gpt-4o", "alibaba/qwen3-coder-plus",
    "other/deepseek-coder", "openai/text-embedding-3-large", "openai/whisper-large-v3", "google/gemini-3.5-flash",
]  # fmt: skip


@pytest.fixture(scope="module")
async def searching(embedder: MiniLmEmbedder, listings: list[ListingDocument]) -> AsyncIterator[Searching]:
    """The small catalogue, and models of many vendors beside it."""
    like = listings[0]
    models = []
    for number, name in enumerate(NAMES):
        vendor, _, own = name.partition("/")
        title = own.replace("-", " ").title()
        models.append(replace(like, service_id=f"svc_m{number}", name=name, vendor=vendor, title=title,
                              summary=f"{title}, a model.", description="", tags=()))  # fmt: skip
    # A stranger gives its listing the title of another's name.
    models.append(replace(models[0], service_id="svc_x", name="zeta/thing", vendor="zeta", title="gpt-4o"))
    vectors = await embedder.embed([one.text_to_embed() for one in models])
    index = EmbeddedSearchIndex(dimensions=384)
    await index.apply([*listings, *(replace(o, vector=pack_vector(v)) for o, v in zip(models, vectors, strict=True))])
    yield Searching(index, embedder)
    await index.close()


async def _found(searching: Searching, words: str) -> list[str]:
    page = await searching.search(words, Filters(), limit=10)
    return [hit.document.name for hit in page.answer.hits]


@pytest.mark.parametrize("words", ["gpt-4o", "gpt 4o", "GPT4o", "openai/gpt-4o"])
async def test_a_name_stands_above_an_equal_title_and_the_makers_own_above_copies(
    searching: Searching, words: str
) -> None:
    found = await _found(searching, words)
    assert found[0] == "openai/gpt-4o"
    if "/" not in words:
        assert found[:3] == ["openai/gpt-4o", "mirror/gpt-4o", "zeta/thing"]


@pytest.mark.parametrize("words", ["claude-sonnet-4-5", "claude sonnet 4 5", "claude sonnet 4.5", "claudesonnet45"])
async def test_dated_variants_and_copies_stand_below_the_vendors_own(searching: Searching, words: str) -> None:
    found = await _found(searching, words)
    assert found[0] == "anthropic/claude-sonnet-4-5"
    assert "anthropic/claude-sonnet-4-5-20250929" not in found[:1]


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("textembedding3large", "openai/text-embedding-3-large"),
        ("gemini 3 5 flash", "google/gemini-3.5-flash"),
        ("kwen coder", "alibaba/qwen3-coder-plus"),
        ("whisper lagre v3", "openai/whisper-large-v3"),
        ("gemin", "google/gemini-3.5-flash"),
    ],
)
async def test_joined_misspelt_and_begun_names_are_found(searching: Searching, words: str, name: str) -> None:
    assert name in (await _found(searching, words))[:2]


async def test_the_beginning_of_a_word_finds_it(searching: Searching) -> None:
    assert all("whisper" in name for name in (await _found(searching, "whisp"))[:2])


@pytest.mark.parametrize(
    ("words", "vendor"),
    [
        ("stt", "voxcast"), ("Spracherkennung", "voxcast"), ("语音识别", "voxcast"), ("音声認識", "voxcast"),
        ("reconocimiento de voz", "voxcast"), ("Wettervorhersage", "weatherly"), ("天气", "weatherly"),
        ("天気予報", "weatherly"), ("météo", "weatherly"),
    ],
)  # fmt: skip
async def test_tasks_are_found_by_other_words_and_in_other_languages(
    searching: Searching, words: str, vendor: str
) -> None:
    assert vendor in [name.partition("/")[0] for name in (await _found(searching, words))[:3]]


@pytest.mark.parametrize(
    ("words", "is_doubtful"),
    [("asdfghjkl", True), ("a", True), ("qwxz blorp", True), ("weather forecast", False), ("gpt-4o", False),
     ("whisp", False), ("turn sentences into vectors", False), ("dictation", False)],
)  # fmt: skip
async def test_what_fits_nothing_is_marked(searching: Searching, words: str, is_doubtful: bool) -> None:
    answer = (await searching.search(words, Filters(), limit=10)).answer
    assert answer.doubtful == is_doubtful or not answer.hits


async def test_a_deprecated_listing_sinks_below_what_fits_nearly_as_well(
    embedder: MiniLmEmbedder, index: EmbeddedSearchIndex, listings: list[ListingDocument]
) -> None:
    searching = Searching(index, embedder)
    await index.apply(listings)
    first = (await searching.search("weather forecast tomorrow", Filters(), limit=3)).answer.hits[0].document
    one = next(listing for listing in listings if listing.service_id == first.service_id)
    twin = replace(one, service_id="svc_twin", name="zeta/forecast-two")
    await index.apply([replace(one, status="deprecated"), twin])
    hits = (await searching.search("weather forecast tomorrow", Filters(), limit=3)).answer.hits
    assert hits[0].document.service_id == "svc_twin"
