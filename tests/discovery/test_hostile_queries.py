"""Whatever a person types is words: no crash, no query language, bounded time."""

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import Filters, IndexQuery

from .conftest import Ask

HOSTILE = [
    "", " ", "\x00", "a\x00b", "!!!", "…", "👍", "👨‍👩‍👧‍👦 translate", "\ud800", "ﬁnance", "NULL", "' OR 1=1 --",
    'title:"weather" AND task:[* TO *]', "weather^1000", "weather~2", "*:*", "+weather -rain", "(((((", '"unclosed',
    "/.*/", "a" * 100_000, "word " * 20_000, "日本語" * 5_000, "\u202e reversed", "é" * 500, "\n\t", "{}[]\\",
    "IN [a b]",    "ﷺ" * 1_000, "ก" * 10_000, "a/b/c/d", "../../etc/passwd", "%00%ff", "\x1b[31m",
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
async def test_any_text_is_answered_quickly(ask: Ask, text: str) -> None:
    began = time.perf_counter()
    answer = await ask(text, explain=True, filters=Filters({"tag": (text[:50],)}) if len(text) % 2 else Filters())
    assert answer.total >= len(answer.hits)
    # Generous, for a loaded machine; an unbounded query would take many times that.
    assert time.perf_counter() - began < 60


async def test_query_syntax_is_only_words(ask: Ask) -> None:
    plain = [hit.document.name for hit in (await ask("weather rain")).hits]
    syntax = [hit.document.name for hit in (await ask("+weather* -(rain)^9~")).hits]
    assert plain[0] == syntax[0] == "weatherly/forecast"


async def test_only_punctuation_finds_nothing(ask: Ask) -> None:
    for text in ("!!!", "👍", "* ? ~ ^", "\u3002"):
        answer = await ask(text)
        assert (answer.total, answer.hits) == (0, ())
        assert all(counts == () for counts in answer.facets.values())


async def test_scripts_without_spaces_are_searched(ask: Ask) -> None:
    for words in ("文書", "日本語", "自動で分類"):
        hit = (await ask(words)).hits[0]
        assert hit.document.name == "kanji-soft/bunsho"
        assert hit.snippet.marks


async def test_accents_and_full_width_letters_do_not_matter(ask: Ask) -> None:
    assert (await ask("wéather förecast")).hits[0].document.name == "weatherly/forecast"
    assert (await ask("ｗｅａｔｈｅｒ")).hits[0].document.name == "weatherly/forecast"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=300))
def test_no_text_breaks_the_index(shared_index: EmbeddedSearchIndex, text: str) -> None:
    answer = shared_index.search_now(IndexQuery(text, limit=5, explain=True, facets=("tag",)))
    assert answer.total >= len(answer.hits)
    for hit in answer.hits:
        assert all(0 <= start < end <= len(hit.snippet.text) for start, end in hit.snippet.marks)
