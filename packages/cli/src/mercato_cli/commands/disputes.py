"""`mp disputes`: consumers dispute what a call was charged, vendors answer, operators decide."""

from typing import TYPE_CHECKING, Literal

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.disputes import DisputeView

_KINDS = ("no_usable_answer", "wrong_count", "wrong_price", "not_our_call", "other")
_DISPUTE = click.argument("dispute_id", metavar="DISPUTE")


@click.group()
def disputes() -> None:
    """Calls whose charge is disputed."""


@disputes.command("open")
@click.argument("call_id", metavar="CALL")
@click.option("--kind", type=click.Choice(_KINDS), default="other", show_default=True, help="What is wrong.")
@click.option("--reason", required=True, help="What happened; the vendor and the operator read it.")
@command
def open_dispute(mp: Mp, call_id: str, kind: str, reason: str) -> None:
    """Dispute what a call of your organisation was charged, up to 60 days after it."""
    found = mp.client.dispute_call(call_id, kind, reason)
    _say(mp, found, f"{found.id} is open: {found.vendor} may give the charge back, or an operator decides.")


@disputes.command("list")
@click.option(
    "--side",
    type=click.Choice(["consumer", "vendor", "marketplace"]),
    default="consumer",
    show_default=True,
    help="Of your calls, of calls of your services, or of all (operators only).",
)
@click.option("--open", "only_open", is_flag=True, help="Only open ones.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many to show.")
@click.option("--before", help="The `next` of the page before.")
@command
def list_disputes(mp: Mp, side: str, only_open: bool, limit: int, before: str | None) -> None:
    """List disputes, the newest first."""
    page = mp.client.disputes({"side": side, "only_open": only_open, "limit": limit, "before": before})
    rows = [
        (each.id, str(each.opened_at)[:10], each.service, each.consumer, each.kind,
         _money(each.disputed_nanos, each.currency), each.state)
        for each in page.items
    ]  # fmt: skip
    headers = ["dispute", "opened", "service", "consumer", "what is wrong", "disputed", "state"]
    mp.console.show(page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "No call is disputed."))


@disputes.command("show")
@_DISPUTE
@command
def show_dispute(mp: Mp, dispute_id: str) -> None:
    """Show a dispute: both sides, and how it ended."""
    found = mp.client.dispute(dispute_id)
    pairs = [
        ("dispute", found.id),
        ("call", found.call_id),
        ("service", found.service),
        ("state", found.state),
        ("disputed", _money(found.disputed_nanos, found.currency)),
        ("given back", _money(found.returned_nanos, found.currency)),
        (found.consumer, f"{found.kind}: {found.words}"),
        (found.vendor, found.answer or "no answer yet"),
    ]
    if found.reason:
        pairs.append(("decided", found.reason))
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.fields(pairs))


@disputes.command("answer")
@_DISPUTE
@click.option("--words", required=True, help="The answer; the consumer and the operator read it.")
@click.option("--give-back", is_flag=True, help="Also give back all that the call is still charged.")
@command
def answer_dispute(mp: Mp, dispute_id: str, words: str, give_back: bool) -> None:
    """Answer a dispute of a call of your service, as its vendor."""
    found = mp.client.answer_dispute(dispute_id, words, give_back=give_back)
    _say(mp, found, "The charge is given back." if give_back else f"{found.consumer} and the operator read it.")


@disputes.command("withdraw")
@_DISPUTE
@command
def withdraw_dispute(mp: Mp, dispute_id: str) -> None:
    """Withdraw a dispute of your organisation; the charge stays."""
    _say(mp, mp.client.withdraw_dispute(dispute_id), "The dispute is withdrawn.")


@disputes.command("decide")
@_DISPUTE
@click.option("--uphold", "verdict", flag_value="upheld", required=True, help="Give back what is still charged.")
@click.option("--reject", "verdict", flag_value="rejected", help="Leave the charge.")
@click.option("--reason", required=True, help="Both sides read it.")
@command
def decide_dispute(mp: Mp, dispute_id: str, verdict: Literal["upheld", "rejected"], reason: str) -> None:
    """Decide a dispute for good (operators only)."""
    found = mp.client.decide_dispute(dispute_id, verdict, reason)
    given = _money(found.returned_nanos, found.currency)
    _say(mp, found, f"{given} is given back." if verdict == "upheld" else "The charge stays.")


def _say(mp: Mp, found: "DisputeView", sentence: str) -> None:
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.say(sentence))


def _money(nanos: int, currency: str) -> str:
    from mercato_cli.prices import amount

    return amount(nanos, currency)  # type: ignore[arg-type]
