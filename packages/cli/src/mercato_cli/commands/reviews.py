"""`mp reviews`: what those say of services who called them."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.names import split_name

if TYPE_CHECKING:
    from mercato_contracts.reviews import ReviewView

_SERVICE = click.argument("service", metavar="VENDOR/NAME")
_REVIEW = click.argument("review_id", metavar="REVIEW")
_REASON = click.option("--reason", required=True, help="Recorded in the audit log.")


@click.group()
def reviews() -> None:
    """Reviews of services by organisations that called them."""


@reviews.command("list")
@_SERVICE
@click.option("--limit", type=click.IntRange(1, 200), default=20, show_default=True, help="How many to show.")
@click.option("--before", help="The `next` of the page before.")
@click.option("--hidden", is_flag=True, help="Hidden ones too; operators only.")
@command
def list_reviews(mp: Mp, service: str, limit: int, before: str | None, hidden: bool) -> None:
    """List the reviews of a service, the newest first."""
    vendor, name, _ = split_name(service)
    page = mp.client.list_reviews(vendor, name, {"limit": limit, "before": before}, hidden_too=hidden)
    rows = [
        (each.id, each.organisation, each.stars, str(each.changed_at)[:10], each.words, each.answer or "",
         each.hidden_for or "")
        for each in page.items
    ]  # fmt: skip
    headers = ["review", "organisation", "stars", "on", "words", "answer", "hidden for"]
    mp.console.show(page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "No review yet."))


@reviews.command("write")
@_SERVICE
@click.option("--stars", type=click.IntRange(1, 5), required=True, help="1 to 5.")
@click.option("--words", default="", help="What to tell others.")
@command
def write_review(mp: Mp, service: str, stars: int, words: str) -> None:
    """Review a service that your organisation called; again, to change the review."""
    vendor, name, _ = split_name(service)
    _tell(mp, mp.client.write_review(vendor, name, stars, words), f"{vendor}/{name} has your {stars} stars.")


@reviews.command("own")
@_SERVICE
@command
def own_review(mp: Mp, service: str) -> None:
    """Show your organisation's review of a service."""
    vendor, name, _ = split_name(service)
    review = mp.client.own_review(vendor, name)
    hidden = f" Hidden by an operator: {review.hidden_for}" if review.hidden_for else ""
    _tell(mp, review, f"{review.stars} of 5, {str(review.changed_at)[:10]}. {review.words}{hidden}".strip())


@reviews.command("remove")
@_SERVICE
@command
def remove_review(mp: Mp, service: str) -> None:
    """Take your organisation's review of a service back."""
    vendor, name, _ = split_name(service)
    mp.client.remove_review(vendor, name)
    mp.console.show({"service": f"{vendor}/{name}", "review": None}, lambda: mp.console.say("The review is gone."))


@reviews.command("answer")
@_REVIEW
@click.option("--words", required=True, help="Shown below the review.")
@command
def answer_review(mp: Mp, review_id: str, words: str) -> None:
    """Answer a review of a service of yours."""
    _tell(mp, mp.client.answer_review(review_id, words), "Your answer stands below the review.")


@reviews.command("hide")
@_REVIEW
@_REASON
@command
def hide_review(mp: Mp, review_id: str, reason: str) -> None:
    """Hide a review, as an operator."""
    _tell(mp, mp.client.judge_review(review_id, "hide", reason), "The review is hidden.")


@reviews.command("show")
@_REVIEW
@_REASON
@command
def show_review(mp: Mp, review_id: str, reason: str) -> None:
    """Show a hidden review again, as an operator."""
    _tell(mp, mp.client.judge_review(review_id, "show", reason), "The review is shown.")


def _tell(mp: Mp, review: "ReviewView", sentence: str) -> None:
    mp.console.show(review.model_dump(mode="json"), lambda: mp.console.say(sentence))
