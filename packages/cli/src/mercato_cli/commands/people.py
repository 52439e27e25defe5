"""`mp people`, `mp sessions`: colleagues, invitations, and where one is signed in."""

from datetime import datetime
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError
from mercato_cli.passwords import read_new_password
from mercato_cli.profiles import Profile, checked_address

if TYPE_CHECKING:
    from mercato_cli.client import Client

_ROLES = ["admin", "approver", "viewer", "super_admin"]


@click.group()
def people() -> None:
    """The people of your organisation and who is invited."""


@people.command("list")
@command
def list_people(mp: Mp) -> None:
    """Everybody with their role."""
    found = mp.client.list_users()
    mp.console.show(
        {"items": [user.model_dump(mode="json") for user in found]},
        lambda: mp.console.table(
            ["id", "e-mail", "name", "role", "since"],
            [(user.id, user.email, user.name, user.role, _day(user.created_at)) for user in found],
            "Nobody.",
        ),
    )


@people.command("role")
@click.argument("user_id", metavar="PERSON")
@click.argument("role", type=click.Choice(_ROLES))
@command
def change_role(mp: Mp, user_id: str, role: str) -> None:
    """Give PERSON (`usr_…`) another ROLE. Needs `mp prove` in the last ten minutes."""
    user = mp.client.change_role(user_id, role)
    mp.console.show(user.model_dump(mode="json"), lambda: mp.console.say(f"{user.name} is {user.role}."))


@people.command("disable")
@click.argument("user_id", metavar="PERSON")
@click.option("--keep-keys", is_flag=True, help="Keys that the person made stay in force.")
@command
def disable(mp: Mp, user_id: str, keep_keys: bool) -> None:
    """Keep PERSON (`usr_…`) from signing in; their sessions end and their keys are revoked at once."""
    user = mp.client.disable_user(user_id, keep_keys=keep_keys)
    mp.console.show(user.model_dump(mode="json"), lambda: mp.console.say(f"{user.name} can no longer sign in."))


@people.command("enable")
@click.argument("user_id", metavar="PERSON")
@command
def enable(mp: Mp, user_id: str) -> None:
    """Let PERSON (`usr_…`) sign in again. Keys that were revoked stay revoked."""
    user = mp.client.enable_user(user_id)
    mp.console.show(user.model_dump(mode="json"), lambda: mp.console.say(f"{user.name} can sign in again."))


@people.command("invite")
@click.argument("email")
@click.option("--role", type=click.Choice(_ROLES), default="viewer", show_default=True, help="What they may do.")
@command
def invite(mp: Mp, email: str, role: str) -> None:
    """Invite somebody; the link goes to them by mail and is printed, too. It works once, for seven days.

    Needs `mp prove` in the last ten minutes.
    """
    new = mp.client.invite(email, role)

    def show() -> None:
        mp.console.say(new.link)
        mp.console.note(f"{new.email} joins as {new.role} with this link until {_day(new.expires_at)} ({new.id}).")

    mp.console.show(new.model_dump(mode="json"), show)


@people.command("invitations")
@command
def list_invitations(mp: Mp) -> None:
    """Invitations and what became of them, the newest first."""
    found = mp.client.list_invitations()
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(
            ["id", "e-mail", "role", "state", "made", "expires"],
            [(each.id, each.email, each.role, each.state, _day(each.created_at), _day(each.expires_at))
             for each in found],
            "No invitations. Make one with `mp people invite ADDRESS`.",
        ),
    )  # fmt: skip


@people.command("withdraw")
@click.argument("invitation_id")
@command
def withdraw(mp: Mp, invitation_id: str) -> None:
    """Withdraw an invitation: its link no longer works."""
    mp.client.withdraw_invitation(invitation_id)
    mp.console.show({"id": invitation_id, "withdrawn": True}, lambda: mp.console.say(f"{invitation_id} is withdrawn."))


@people.command("join")
@click.argument("link")
@click.option("--name", required=True, help="Your name, as colleagues see it.")
@command
def join(mp: Mp, link: str, name: str) -> None:
    """Join an organisation by an invitation's link; the password is asked for, or read from standard input."""
    url, client, token = follow(mp, link)
    shown = client.show_invitation(token)
    mp.console.note(f"{shown.organisation.name} ({shown.organisation.slug}) invites {shown.email} as {shown.role}.")
    joined = client.accept_invitation(token, name, read_new_password())
    mp.console.show(
        joined.model_dump(mode="json"),
        lambda: mp.console.say(
            f"Welcome to {joined.organisation.name}. Log in with `mp login --url {url} --email {joined.user.email}`."
        ),
    )


@people.command("sign-out")
@click.argument("user_id")
@command
def sign_out(mp: Mp, user_id: str) -> None:
    """End all sessions of a colleague, at once."""
    ended = mp.client.end_sessions_of(user_id).ended
    mp.console.show(
        {"user": user_id, "ended": ended}, lambda: mp.console.say(f"{_sessions(ended)} of {user_id} ended.")
    )


@click.group()
def sessions() -> None:
    """Where you are signed in."""


@sessions.command("list")
@command
def list_sessions(mp: Mp) -> None:
    """Your sessions in force, the newest first."""
    found = mp.client.list_sessions().items
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(
            ["id", "this one", "device", "network", "begun", "last used"],
            [(each.id, "yes" if each.current else "", each.device or "", each.network or "", _time(each.created_at),
              _time(each.used_at)) for each in found],
            "No sessions.",
        ),
    )  # fmt: skip


@sessions.command("end")
@click.argument("session_id", required=False)
@click.option("--others", is_flag=True, help="All but this one.")
@command
def end_session(mp: Mp, session_id: str | None, others: bool) -> None:
    """End one session, or all others."""
    if (session_id is None) != others:
        raise MpError("Name one session, or give --others.", "See them with `mp sessions list`.")
    if session_id is not None:
        mp.client.end_session(session_id)
    ended = 1 if session_id is not None else mp.client.end_other_sessions().ended
    mp.console.show({"ended": ended}, lambda: mp.console.say(f"{_sessions(ended)} ended."))


def follow(mp: Mp, link: str) -> "tuple[str, Client, str]":
    """The marketplace that a link leads to, its client, and the link's token. A token alone: the marketplace in use."""
    place, _, token = link.strip().rstrip("/").rpartition("/")
    if not place:
        return mp.profile.url, mp.client, token
    address = checked_address(place.rpartition("/")[0])
    return address, mp.client_of(Profile("", address, "", "")), token


def _sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d}"


def _time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"
