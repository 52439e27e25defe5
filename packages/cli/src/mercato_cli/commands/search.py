"""`mp search`: services by plain words and filters."""

from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError
from mercato_cli.prices import lowest

if TYPE_CHECKING:
    from mercato_contracts.discovery import SearchAnswer

_FILTERS = ("protocol", "task", "modality", "tag", "licence", "vendor", "region")


@click.command()
@click.argument("query", nargs=-1)
@click.option("--protocol", multiple=True, help="openai, anthropic, openapi or signal; several are alternatives.")
@click.option("--task", multiple=True, help="Such as embeddings, chat, signals.")
@click.option("--modality", multiple=True, help="Such as text, image, tabular.")
@click.option("--tag", multiple=True, help="A vendor's own tag.")
@click.option("--licence", multiple=True, help="An SPDX expression, or proprietary.")
@click.option("--vendor", multiple=True, help="Only this vendor's.")
@click.option("--region", multiple=True, help="Where it runs.")
@click.option("--max-price", metavar="AMOUNT", help="The highest price of one more call, such as 0.001.")
@click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True, help="How many to show.")
@click.option("--explain", is_flag=True, help="Show why each was found.")
@command
def search(mp: Mp, query: tuple[str, ...], max_price: str | None, limit: int, explain: bool, **filters: Any) -> None:
    """Search services in plain words: mp search turn sentences into vectors.

    Without words, list the newest.
    """
    asked: dict[str, Any] = {name: list(filters[name]) for name in _FILTERS if filters[name]}
    asked |= {"q": " ".join(query), "limit": limit, "explain": str(explain).lower()}
    if max_price is not None:
        asked["max_price_per_call"] = _nanos(max_price)
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
    if answer.doubtful:
        mp.console.note("Nothing fits these words well; this is what comes nearest.")
    if answer.corrected:
        mp.console.note("A misspelt word was corrected.")
    if answer.total > len(answer.items):
        mp.console.note(f"{len(answer.items)} of {answer.total}; --limit shows more.")


def _why(reasons: Any) -> str:
    if reasons is None:
        return ""
    parts = ["its exact name"] if reasons.exact_name else []
    if reasons.text_rank is not None:
        parts.append(f"words (place {reasons.text_rank}): {', '.join(reasons.words)}")
    if reasons.vector_rank is not None:
        parts.append(f"meaning (place {reasons.vector_rank}, {reasons.similarity:.2f})")
    return "; ".join(parts)


def _nanos(text: str) -> int:
    from mercato_contracts.money import parse_amount

    try:
        return parse_amount(text)
    except ValueError as error:
        raise MpError(f"--max-price: {error}.", "Give an amount such as 0.001.") from None
