"""`mp doubts`: token counts of services that cannot be true, and what an operator decides about them."""

from typing import Literal

import click

from mercato_cli.command import Mp, command

_EVERYONE = click.option("--everyone", is_flag=True, help="Include all vendors (operators only).")


@click.group()
def doubts() -> None:
    """Implausible token counts of your services; the gateway's own count is charged instead."""


@doubts.command("list")
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), metavar="DAY", help="First day, UTC. Default: 31 days ago.")
@_EVERYONE
@command
def list_doubted(mp: Mp, since: object, everyone: bool) -> None:
    """Count doubted calls by day, service and reason."""
    found = mp.client.doubted_calls({"since": None if since is None else str(since)[:10], "everyone": everyone})
    rows = [(str(item.day), item.service_id, item.reason, item.calls) for item in found.items]
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(["day", "service", "reason", "calls"], rows, "No count was doubted."),
    )


@doubts.command("reviews")
@click.option("--open", "only_open", is_flag=True, help="Only undecided ones.")
@_EVERYONE
@command
def list_reviews(mp: Mp, only_open: bool, everyone: bool) -> None:
    """List services under review for many doubted calls on one day, newest first."""
    page = mp.client.usage_reviews({"only_open": only_open, "everyone": everyone})
    rows = [
        (item.id, item.service_id, str(item.day), item.calls, item.verdict or "open", item.reason or "")
        for item in page.items
    ]
    headers = ["id", "service", "day", "doubted", "verdict", "reason"]
    mp.console.show(
        page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "No service is under review.")
    )


@doubts.command("decide")
@click.argument("review", metavar="REVIEW")
@click.option("--hold", "verdict", flag_value="hold", required=True, help="Route no calls to the service.")
@click.option("--clear", "verdict", flag_value="clear", help="Allow calls to the service (again).")
@click.option("--reason", required=True, help="The reason; shown to the vendor.")
@command
def decide_review(mp: Mp, review: str, verdict: Literal["hold", "clear"], reason: str) -> None:
    """Hold or clear a service (operators only)."""
    from mercato_contracts.metering import UsageReviewDecision

    decided = mp.client.decide_usage_review(review, UsageReviewDecision(verdict=verdict, reason=reason))
    done = "is held: no call is routed to it" if decided.verdict == "hold" else "may be called"
    mp.console.show(decided.model_dump(mode="json"), lambda: mp.console.say(f"{decided.service_id} {done}."))
