"""`mp subscribe`, `mp subscriptions`, `mp unsubscribe`: the right to call."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError
from mercato_cli.names import split_name
from mercato_cli.prices import cheapest_first, price_of

if TYPE_CHECKING:
    from mercato_contracts.publishing import PlanView, ServiceView


@click.command()
@click.argument("service", metavar="VENDOR/NAME")
@click.option("--plan", help="The plan's name; optional if there is only one.")
@command
def subscribe(mp: Mp, service: str, plan: str | None) -> None:
    """Subscribe your organisation to a plan of a service. Repeating it changes nothing."""
    vendor, name, _ = split_name(service)
    chosen = _choose(mp.client.service(vendor, name), plan)
    made = mp.client.subscribe(chosen.id)
    result = {**made.model_dump(mode="json"), "service": f"{vendor}/{name}", "plan": chosen.name}

    def people() -> None:
        mp.console.say(f"Subscribed to {vendor}/{name}, plan {chosen.name} ({price_of(chosen)}).")
        mp.console.note(f"Call it with `mp call {vendor}/{name}`.")

    mp.console.show(result, people)


@click.command()
@click.option("--as-vendor", is_flag=True, help="Who subscribed to your services, instead of your own subscriptions.")
@command
def subscriptions(mp: Mp, as_vendor: bool) -> None:
    """List your organisation's subscriptions, or those to its services."""
    rows = mp.client.list_subscriptions(as_vendor=as_vendor)
    nobody = (
        "Nobody subscribed to your services yet."
        if as_vendor
        else "No subscriptions. Find a service with `mp search` and take a plan with `mp subscribe`."
    )
    mp.console.show(
        {"items": [row.model_dump(mode="json") for row in rows]},
        lambda: mp.console.table(
            ["subscription", "status", "service", "plan", "since", *(["consumer"] if as_vendor else [])],
            [
                (
                    row.id,
                    row.status,
                    row.service or row.service_id,
                    row.plan or row.plan_id,
                    f"{row.active_since:%Y-%m-%d}",
                    *([row.consumer_id] if as_vendor else []),
                )
                for row in rows
            ],
            nobody,
        ),
    )


@click.command()
@click.argument("subscription_id")
@command
def unsubscribe(mp: Mp, subscription_id: str) -> None:
    """Cancel a subscription: calls end now; past usage is still owed."""
    ended = mp.client.unsubscribe(subscription_id)
    mp.console.show(ended.model_dump(mode="json"), lambda: mp.console.say(f"{ended.id} is cancelled."))


def _choose(service: "ServiceView", wanted: str | None) -> "PlanView":
    name = f"{service.vendor}/{service.name}"
    if not service.plans:
        raise MpError(f"{name} has no open plan.", "Find another with `mp search`.")
    if wanted is None and len(service.plans) == 1:
        return service.plans[0]
    for plan in service.plans:
        if plan.name == wanted:
            return plan
    plans = cheapest_first(service.plans)
    offered = ", ".join(f"{plan.name} ({price_of(plan)})" for plan in plans)
    missing = f"{name} has no plan {wanted}" if wanted else f"{name} has several plans"
    raise MpError(f"{missing}: {offered}.", f"Choose one: `mp subscribe {name} --plan {plans[0].name}`.")
