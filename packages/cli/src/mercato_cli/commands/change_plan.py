"""`mp change-plan`: another plan of a service, with its price shown first."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError
from mercato_cli.names import split_name
from mercato_cli.prices import amount

if TYPE_CHECKING:
    from mercato_contracts.subscriptions import PlanChangePreview, PlanCostView, SubscriptionView


@click.command()
@click.argument("service", metavar="VENDOR/NAME")
@click.option("--plan", required=True, help="The name of the plan that you want.")
@click.option("--preview", is_flag=True, help="Only show what it costs.")
@command
def change_plan(mp: Mp, service: str, plan: str, preview: bool) -> None:
    """Change your subscription to another plan of the service. Repeating it changes nothing."""
    vendor, name, _ = split_name(service)
    full = f"{vendor}/{name}"
    offered = {each.name: each.id for each in mp.client.service(vendor, name).plans}
    if plan not in offered:
        raise MpError(f"{full} has no open plan {plan}.", f"`mp services show {full}` lists them.")
    held = _active(mp, full)
    cost = mp.client.preview_plan_change(held.id, offered[plan])
    if preview:
        mp.console.show(cost.model_dump(mode="json"), lambda: _show(mp, cost))
        return
    changed = mp.client.change_plan(held.id, offered[plan])

    def people() -> None:
        _show(mp, cost)
        mp.console.say(f"{full} is under the plan {changed.plan} now ({changed.id}).")

    mp.console.show(changed.model_dump(mode="json"), people)


def _active(mp: Mp, full: str) -> "SubscriptionView":
    for row in mp.client.list_subscriptions():
        if row.service == full and row.status == "active":
            return row
    raise MpError(f"Your organisation has no subscription to {full}.", f"Take one with `mp subscribe {full}`.")


def _show(mp: Mp, cost: "PlanChangePreview") -> None:
    calls = f"{cost.calls:,} calls since {cost.since:%Y-%m-%d}"
    mp.console.table(
        ["plan", "charged this month", "due now", f"from {cost.next_at:%Y-%m-%d}", calls, "units refused"],
        [_row(cost.present), _row(cost.wanted)],
        "",
    )


def _row(plan: "PlanCostView") -> tuple[str, ...]:
    amounts = (plan.charged_nanos, plan.due_nanos, plan.next_nanos, plan.usage_nanos)
    return (
        plan.plan,
        *(amount(nanos, plan.currency) for nanos in amounts),  # type: ignore[arg-type]
        f"{plan.refused_units:,}" if plan.refused_units else "",
    )
