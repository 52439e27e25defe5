"""`SearchIndex` in OpenSearch: an alias that all processes ask, and the index behind it, which one worker feeds."""

import asyncio
import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import structlog

from mercato.adapters.search_embedded import (
    KINDS,
    LONGEST,
    LOOKED_AT,
    MOST_TAGS,
    OF_A_TAG,
    UNKNOWN,
    Place,
    facet_field,
    field_of,
    fold,
    most_like,
    new_analyzer,
    open_snippet,
    ranked_services,
    read_place,
    suggest_values,
    write_place,
)
from mercato.adapters.search_opensearch import question
from mercato.adapters.search_opensearch.client import OpenSearchClient
from mercato.adapters.search_opensearch.mapping import (
    BEGINNINGS,
    DIGEST,
    FORMAT,
    KEY,
    from_fields,
    index_body,
    read_key,
    to_fields,
    write_key,
)
from mercato.adapters.search_opensearch.search import Counting, Search
from mercato.discovery import (
    REACH,
    Hit,
    IndexAnswer,
    IndexQuery,
    Likeness,
    ListingDocument,
    Sort,
    Suggestion,
    unpack_vector,
)

log = structlog.get_logger(__name__)

_NEWEST = Sort("released", descending=True)
_EVERYTHING: dict[str, Any] = {"match_all": {}}
_AT_ONCE = 200
_LAST_UP, _LAST_DOWN = 2**63 - 1, -(2**63)
"""What OpenSearch sorts by where a listing has no number, upwards and downwards."""
_NEIGHBOURS = 100


class OpenSearchIndex:
    """The alias is `<prefix>-listings-f<format>d<dimensions>`: processes of two releases may run side by side.

    Every method raises `IndexUnavailable` where OpenSearch does not answer.
    """

    def __init__(self, client: OpenSearchClient, prefix: str, *, dimensions: int) -> None:
        self._client = client
        self._dimensions = dimensions
        self.alias = f"{prefix}-listings-f{FORMAT}d{dimensions}"
        self._next = f"{self.alias}-next"
        self._filling: str | None = None
        self._search = Search(client, self.alias)
        self._analyzer = new_analyzer()
        self._version = 0

    @property
    def version(self) -> int:
        return self._version

    def note_change(self) -> None:
        """What another process wrote can be found from now on."""
        self._version += 1

    async def close(self) -> None:
        await self._client.close()

    async def open(self) -> bool:
        """Whether there is a whole index to ask. Raises `IndexRefused` for an engine that does not fit."""
        await self._client.look()
        return await self._client.exists(f"/_alias/{self.alias}")

    async def is_begun(self) -> bool:
        """Whether there is an index that was begun and not finished."""
        return await self._client.exists(f"/_alias/{self._next}")

    async def begin(self) -> None:
        """An empty index beside the one that is asked; what an earlier attempt left is removed."""
        await self._remove_all_but(await self._asked())
        name = f"{self.alias}-{secrets.token_hex(6)}"
        await self._client.change("PUT", f"/{name}", index_body(self._dimensions, self._next))
        self._filling = name

    async def finish(self) -> None:
        """From now on the new index is the one that is asked; the one before is removed."""
        name = self._filling
        assert name is not None, "it was begun"
        before = [{"remove": {"index": each, "alias": self.alias}} for each in await self._asked()]
        now = {"add": {"index": name, "alias": self.alias}}, {"remove": {"index": name, "alias": self._next}}
        await self._client.change("POST", "/_aliases", {"actions": [*now, *before]})
        self._filling = None
        await self._remove_all_but([name])
        self._version += 1

    async def fill(self, listings: Sequence[ListingDocument]) -> None:
        """Add listings to the new index alone."""
        assert self._filling is not None, "it was begun"
        await self._write([self._next], listings, [])

    async def apply(self, upserts: Sequence[ListingDocument], removals: Collection[str] = ()) -> None:
        gone = list(dict.fromkeys(removals))
        latest = {listing.service_id: listing for listing in upserts}
        kept = [listing for service_id, listing in latest.items() if service_id not in gone]
        targets = [self._next] if self._filling else []
        if not targets or await self._asked():
            targets.append(self.alias)
        await self._write(targets, kept, gone)
        self._version += 1

    async def search(self, query: IndexQuery) -> IndexAnswer:
        return await (self._search.run(query) if query.text.strip() else self._newest(query))

    async def suggest(self, text: str, limit: int) -> tuple[Suggestion, ...]:
        typed = fold(text)[:LONGEST]
        if not typed:
            return ()
        values = [
            {"query": question.whole(f"{prefix}{typed}", BEGINNINGS), "size": 0,
             "aggs": {"values": {"terms": {"field": facet_field(facet), "size": LOOKED_AT}}}}
            for _, facet, prefix in KINDS
        ]  # fmt: skip
        by_calls = [{field_of("calls", "USD"): {"order": "desc"}}, {KEY: "asc"}]
        services = [
            {"query": question.whole(f"{prefix}{typed}", BEGINNINGS), "size": LOOKED_AT, "sort": by_calls}
            for prefix in ("=", "n")
        ]
        *counted, exactly, begun = await self._client.ask_many(self.alias, [*values, *services])
        found: list[Suggestion] = []
        for (kind, _, _), answer in zip(KINDS, counted, strict=True):
            buckets = answer["aggregations"]["values"]["buckets"]
            found += suggest_values(kind, [(str(one["key"]), int(one["doc_count"])) for one in buckets], typed)
        listings = {hit["_id"]: from_fields(hit["_source"]) for hit in (*_hits(exactly), *_hits(begun))}
        ranked = ranked_services(typed, [(listing, listing.figures.calls) for listing in listings.values()])
        return tuple([*found, *ranked][:limit])

    async def find_similar(self, service_id: str, limit: int) -> tuple[Likeness, ...]:
        (answer,) = await self._client.ask_many(self.alias, [{"query": question.among([service_id])}])
        own = next((from_fields(hit["_source"]) for hit in _hits(answer)), None)
        if own is None:
            return ()
        tagged = question.either({"term": {facet_field("tag"): {"value": tag}}} for tag in own.tags[:MOST_TAGS])
        searches: list[dict[str, Any]] = [{"query": tagged, "size": OF_A_TAG}]
        if own.vector:
            vector = unpack_vector(own.vector)
            searches.append({"query": question.nearest(vector, _NEIGHBOURS), "size": _NEIGHBOURS})
        answers = await self._client.ask_many(self.alias, searches)
        listings = {hit["_id"]: from_fields(hit["_source"]) for each in answers for hit in _hits(each)}
        listings.pop(service_id, None)
        return most_like(own, [(other, _cosine(own, other)) for other in listings.values()], limit)

    async def find_digests(self, service_ids: Sequence[str]) -> dict[str, str]:
        if not service_ids:
            return {}
        body = {"query": question.among(service_ids), "size": len(service_ids), "_source": [DIGEST]}
        (answer,) = await self._client.ask_many(self.alias, [body])
        return {hit["_id"]: hit["_source"][DIGEST] for hit in _hits(answer)}

    async def _newest(self, query: IndexQuery) -> IndexAnswer:
        """Without words: everything that passes the filters, the newest first or as it is sorted, then by key."""
        sort = query.sort or _NEWEST
        name, last = field_of(sort.by, query.filters.currency), _LAST_DOWN if sort.descending else _LAST_UP
        after = None if query.after is None else read_place(query.after)
        wanted = query.limit if after else max(0, min(REACH, query.offset + query.limit) - query.offset)
        order = {"order": "desc" if sort.descending else "asc", "missing": "_last"}
        body: dict[str, Any] = {
            "query": {"bool": {"filter": [_EVERYTHING, *question.filter_clauses(query.filters)]}},
            "size": wanted, "track_total_hits": False, "sort": [{name: order}, {KEY: {"order": "asc"}}],
        }  # fmt: skip
        if after is None:
            body["from"] = query.offset if wanted else 0
        else:
            body["search_after"] = [last if after.value == UNKNOWN else after.value, write_key(after.key)]
        counting = Counting(query, _EVERYTHING)
        answer, *counted = await self._client.ask_many(self.alias, [body, *counting.searches()])
        rows = [(*_place(hit, last), from_fields(hit["_source"])) for hit in _hits(answer)]
        hits = tuple(Hit(_bare(one), float(value), open_snippet(one)) for value, _, one in rows)
        total, facets, steps = counting.read(counted)
        following = write_place(Place(*rows[-1][:2])) if rows and len(rows) == wanted else None
        return IndexAnswer(hits, total, facets, next=following, steps=steps)

    async def _write(self, targets: list[str], listings: Sequence[ListingDocument], gone: Sequence[str]) -> None:
        for listing in listings:
            length = len(unpack_vector(listing.vector))
            if listing.vector and length != self._dimensions:
                raise ValueError(
                    f"{listing.name}: a vector of {length} dimensions, not {self._dimensions}; embed it again"
                )
        for at in range(0, len(listings), _AT_ONCE):
            # Cutting texts into words takes long enough to hold up everything else in the process.
            lines = await asyncio.to_thread(self._lines, listings[at : at + _AT_ONCE])
            for target in targets:
                await self._send(target, lines)
        for target in targets if gone else ():
            await self._send(target, [{"delete": {"_id": service_id}} for service_id in gone])

    def _lines(self, listings: Sequence[ListingDocument]) -> list[dict[str, Any]]:
        pairs = (({"index": {"_id": one.service_id}}, to_fields(one, self._analyzer.analyze)) for one in listings)
        return [line for pair in pairs for line in pair]

    async def _send(self, target: str, lines: list[dict[str, Any]]) -> None:
        for item in await self._client.write(target, lines):
            if "error" not in item:
                continue
            if "parsing" not in str(item["error"].get("type")):
                raise self._client.unavailable(f"does not take what is written to {target} ({item['error']})")
            # One that it does not take must not hold up all others; comparing index and rows shows it.
            log.error("a listing was not taken by OpenSearch", service_id=item.get("_id"), reason=item["error"])

    async def _asked(self) -> list[str]:
        """The index behind the alias, if there is one."""
        if not await self._client.exists(f"/_alias/{self.alias}"):
            return []
        return sorted(await self._client.ask("GET", f"/_alias/{self.alias}"))

    async def _remove_all_but(self, kept: Collection[str]) -> None:
        found = await self._client.ask("GET", f"/{self.alias}-*/_alias")
        for name in sorted(set(found) - set(kept)):
            await self._client.change("DELETE", f"/{name}")


def _hits(answer: dict[str, Any]) -> list[dict[str, Any]]:
    hits: list[dict[str, Any]] = answer["hits"]["hits"]
    return hits


def _place(hit: dict[str, Any], last: int) -> tuple[int, int]:
    value, key = hit["sort"]
    return (UNKNOWN if value is None or int(value) == last else int(value)), read_key(key)


def _bare(listing: ListingDocument) -> ListingDocument:
    return replace(listing, vector=b"")


def _cosine(own: ListingDocument, other: ListingDocument) -> float | None:
    if not own.vector or not other.vector:
        return None
    return float(unpack_vector(own.vector) @ unpack_vector(other.vector))
