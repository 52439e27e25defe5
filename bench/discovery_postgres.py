"""PostgreSQL full text beside our search, in the same run: what somebody would take who wants nothing more to run.

The usual set-up: a weighted `tsvector` of name, title, summary and text under a GIN index, the query's words joined by
*or* (with *and*, most questions in sentences find nothing), ordered by `ts_rank_cd`. Neither meaning nor facets.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean, quantiles

import psycopg

from bench.discovery_rows import Row
from bench.discovery_sets import JudgedSet
from bench.judged import ndcg
from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.discovery import ListingDocument

_TABLE = """
create unlogged table listings (
  id text primary key,
  words tsvector not null
)
"""
_FILL = """
insert into listings
select %s, setweight(to_tsvector('english', %s), 'A') || setweight(to_tsvector('english', %s), 'B')
        || setweight(to_tsvector('english', %s), 'C')
"""
_ASK = """
with asked as (
  select to_tsquery('english', string_agg(quote_literal(lexeme), ' | ')) as query
  from unnest(to_tsvector('english', %s))
)
select id from listings, asked where words @@ query order by ts_rank_cd(words, query) desc, id limit 10
"""


class FullText:
    """Listings in a table of one database."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def fill(self, listings: Sequence[ListingDocument]) -> None:
        """In place of what was there."""
        with self._connection.cursor() as cursor:
            cursor.execute("drop table if exists listings")
            cursor.execute(_TABLE)
            cursor.executemany(_FILL, map(_texts, listings))
            cursor.execute("create index on listings using gin (words)")
            cursor.execute("analyze listings")

    def ask(self, query: str) -> list[str]:
        """The ten best."""
        # PostgreSQL's text has no zero byte.
        return [row[0] for row in self._connection.execute(_ASK, (query.replace("\0", " "),))]


def _texts(one: ListingDocument) -> tuple[str, str, str, str]:
    name = one.name.replace("/", " ").replace("-", " ")
    return one.service_id, f"{name} {one.title}", f"{one.summary} {' '.join(one.tags)} {one.task}", one.description


@contextmanager
def full_text() -> Iterator[FullText]:
    """In a database of its own."""
    with tempfile.TemporaryDirectory() as folder:
        server = EmbeddedPostgres(Path(folder) / "pg")
        try:
            with psycopg.connect(server.start().replace("+psycopg", ""), autocommit=True) as connection:
                yield FullText(connection)
        finally:
            server.stop()


def measure_postgres(
    listings: Sequence[ListingDocument], queries: Sequence[str], judged: Sequence[JudgedSet]
) -> list[Row]:
    """nDCG@10 on the sets; build and latency of one search after another at `listings`, without HTTP around it."""
    size = len(listings)
    with full_text() as text:
        rows = []
        for one in judged:
            text.fill(one.listings)
            gains = [ndcg(text.ask(each.query), each.gains) for each in one.queries]
            rows.append(Row(f"ndcg10.{one.name}.postgresql", fmean(gains), "", "higher"))
        began = time.perf_counter()
        text.fill(listings)
        rows.append(Row(f"postgresql.index_build_s.{size}", time.perf_counter() - began, "s"))
        times = []
        for query in queries:
            began = time.perf_counter()
            text.ask(query)
            times.append(1e3 * (time.perf_counter() - began))
        cuts = quantiles(times, n=20)
        rows.append(Row(f"postgresql.search_p50_ms.{size}", cuts[9], "ms"))
        rows.append(Row(f"postgresql.search_p95_ms.{size}", cuts[18], "ms"))
    return rows
