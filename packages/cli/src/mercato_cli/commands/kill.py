"""`mp kill`: switch a deployment, a vendor or the whole desk off, as an operator."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.desk import KillSwitchView


@click.group()
def kill() -> None:
    """Kill switches: take deployments out of routing and of the next consensus at once."""


@kill.command("deployment")
@click.argument("target", metavar="DEPLOYMENT")
@click.option("--reason", required=True, help="The reason; kept permanently.")
@command
def kill_deployment(mp: Mp, target: str, reason: str) -> None:
    """Switch off one deployment."""
    _throw(mp, "deployment", target, reason)


@kill.command("vendor")
@click.argument("target", metavar="VENDOR")
@click.option("--reason", required=True, help="The reason; kept permanently.")
@command
def kill_vendor(mp: Mp, target: str, reason: str) -> None:
    """Switch off all of a vendor's deployments, including later ones."""
    _throw(mp, "vendor", target, reason)


@kill.command("all")
@click.option("--reason", required=True, help="The reason; kept permanently.")
@command
def kill_all(mp: Mp, reason: str) -> None:
    """Switch off every signal service."""
    _throw(mp, "all", "*", reason)


@kill.command("list")
@click.option("--thrown", is_flag=True, help="Only those in force.")
@command
def list_switches(mp: Mp, thrown: bool) -> None:
    """List switches, newest first."""
    items = mp.client.kill_switches(thrown=thrown)
    mp.console.show(
        {"items": [item.model_dump(mode="json") for item in items]},
        lambda: mp.console.table(
            ["id", "scope", "target", "origin", "by", "thrown", "lifted", "reason"],
            [(i.id, i.scope, i.target, i.origin, i.by, i.thrown_at, i.lifted_at, i.reason) for i in items],
            "No kill switch has been used.",
        ),
    )


@kill.command("lift")
@click.argument("switch_id", metavar="SWITCH")
@click.option("--reason", required=True, help="Why it may run again; kept permanently.")
@command
def lift(mp: Mp, switch_id: str, reason: str) -> None:
    """Lift a switch; `mp kill list` shows its id."""
    switch = mp.client.lift_switch(switch_id, reason)
    mp.console.show(switch.model_dump(mode="json"), lambda: mp.console.say(f"{switch.id} is lifted."))


def _throw(mp: Mp, scope: str, target: str, reason: str) -> None:
    switch = mp.client.throw_switch(scope, target, reason)
    mp.console.show(switch.model_dump(mode="json"), lambda: mp.console.say(_sentence(switch)))


def _sentence(switch: "KillSwitchView") -> str:
    what = "everything" if switch.scope == "all" else f"{switch.scope} {switch.target}"
    return f"{switch.id}: {what} is off. `mp kill lift {switch.id}` lifts it."
