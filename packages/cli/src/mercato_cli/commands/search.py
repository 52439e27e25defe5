"""`mp search`: services by plain words and filters."""

from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.filters import asked_of, filter_options
from mercato_cli.prices import lowest

if TYPE_CHECKING:
    from mercato_contracts.discovery import SearchAnswer

_SORTS = (
    "relevance", "price_per_call", "price_per_1k_tokens", "price_per_month", "context_window", "p95_ms",
    "availability_bp", "rating", "calls", "consumers", "released",
)  # fmt: skip


@click.command()
@click.argument("query", nargs=-1)
@filter_options
@click.option("--sort", type=click.Choice(_SORTS), default="relevance", show_default=True, help="The order of hits.")
@click.option("--order", type=click.Choice(["asc", "desc"]), help="Default: the better end first.")
@click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True, help="How many to show.")
@click.option("--cursor", help="The `next` of the page before, with the same words, filters and sort.")
@click.option("--explain", is_flag=True, help="Show why each was found.")
@command
def search(
    mp: Mp,
    query: tuple[str, ...],
    sort: str,
    order: str | None,
    limit: int,
    cursor: str | None,
    explain: bool,
    **filters: Any,
) -> None:
    """Search services in plain words: mp search turn sentences into vectors.

    Without words, list the newest. Values of one filter are alternatives; different filters must all hold.
    """
    asked = asked_of(filters) | {"q": " ".join(query), "limit": limit, "explain": str(explain).lower(), "sort": sort}
    asked |= {name: value for name, value in (("order", order), ("cursor", cursor)) if value is not None}
    # They are in the JSON, and in no table.
    asked["facets"] = str(mp.console.as_json).lower()
    answer = mp.client.search(asked)
    mp.console.show(answer.model_dump(mode="json"), lambda: _show(mp, answer))


def _show(mp: Mp, answer: "SearchAnswer") -> None:
    rows = [
        (hit.name, hit.version, hit.task, lowest(hit.prices), hit.summary or hit.title, _why(hit.reasons))
        for hit in answer.items
    ]
    explained = any(row[-1] for row in rows)
    headers = ["service", "version", "task", "price", "what it does", *(["why"] if explained else [])]
    shown = rows if explained else [row[:-1] for row in rows]
    mp.console.table(headers, shown, "No matches. Try fewer filters or other words.")
    if answer.understood:
        read = "; ".join(f"“{one.words}” as {one.name}={one.value}" for one in answer.understood)
        mp.console.note(f"Read {read}. With --literal they are words.")
    if answer.partial:
        mp.console.note("The index is being written: some services may be missing for a moment.")
    if answer.doubtful:
        mp.console.note("Nothing matches these words well; these are the closest.")
    if answer.corrected:
        mp.console.note("A misspelt word was corrected.")
    if answer.total > len(answer.items):
        mp.console.note(f"{len(answer.items)} of {answer.total}; --limit shows more.")
    if answer.next is not None:
        mp.console.note(f"The next page: --cursor {answer.next}")


def _why(reasons: Any) -> str:
    if reasons is None:
        return ""
    parts = ["its exact name"] if reasons.exact_name else []
    if reasons.text_rank is not None:
        parts.append(f"words (place {reasons.text_rank}): {', '.join(reasons.words)}")
    if reasons.vector_rank is not None:
        parts.append(f"meaning (place {reasons.vector_rank}, {reasons.similarity:.2f})")
    return "; ".join(parts)
