"""`mp orgs`: one person in several organisations."""

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.people import follow
from mercato_cli.errors import MpError


@click.group()
def orgs() -> None:
    """The organisations that you are in, and which one you act in."""


@orgs.command("list")
@command
def list_places(mp: Mp) -> None:
    """All of them with your role; a star marks the one that this login acts in."""
    found = mp.client.list_places()
    mp.console.show(
        {"items": [place.model_dump(mode="json") for place in found]},
        lambda: mp.console.table(
            ["", "organisation", "name", "role", ""],
            [
                (
                    "*" if place.current else "", place.slug, place.name, place.role,
                    "suspended" if place.suspended else "own" if place.own else "",
                )
                for place in found
            ],
            "None.",
        ),
    )  # fmt: skip


@orgs.command("use")
@click.argument("organisation")
@command
def use_organisation(mp: Mp, organisation: str) -> None:
    """Act in ORGANISATION with this login, until you choose another or log in anew."""
    place = mp.client.use_organisation(organisation)
    mp.console.show(place.model_dump(mode="json"), lambda: mp.console.say(f"You act in {place.slug} as {place.role}."))


@orgs.command("join")
@click.argument("link")
@command
def accept_membership(mp: Mp, link: str) -> None:
    """Join another organisation by an invitation's LINK to the address of your account."""
    address, _, token = follow(mp, link)
    if address.rstrip("/") != mp.profile.url.rstrip("/"):
        raise MpError(
            f"The link leads to {address}, and you are logged in at {mp.profile.url}.",
            f"Log in there with `mp login {address}`, or give the last part of the link alone.",
        )
    place = mp.client.accept_membership(token)
    mp.console.show(
        place.model_dump(mode="json"),
        lambda: mp.console.say(f"Welcome to {place.name}. Act in it with `mp orgs use {place.slug}`."),
    )


@orgs.command("members")
@command
def list_members(mp: Mp) -> None:
    """People of other organisations who are in yours."""
    found = mp.client.list_members()
    mp.console.show(
        {"items": [member.model_dump(mode="json") for member in found]},
        lambda: mp.console.table(
            ["id", "e-mail", "name", "role", "since"],
            [(each.user_id, each.email, each.name, each.role, str(each.created_at)[:10]) for each in found],
            "Nobody of another organisation is in yours.",
        ),
    )


@orgs.command("remove")
@click.argument("user_id", metavar="PERSON")
@command
def end_membership(mp: Mp, user_id: str) -> None:
    """End the membership of PERSON (`usr_…`) in your organisation, with the keys of it that they made."""
    mp.client.end_membership(user_id)
    mp.console.show({"user": user_id, "member": False}, lambda: mp.console.say(f"{user_id} is no longer in it."))
