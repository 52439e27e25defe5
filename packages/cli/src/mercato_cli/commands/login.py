"""`mp login`, `mp logout`, `mp whoami`: who one is, and at which marketplace."""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.device import log_device_in
from mercato_cli.errors import MpError
from mercato_cli.passwords import read_code, read_line, read_password
from mercato_cli.profiles import DEFAULT_URL, Profile, checked_address, checked_token

if TYPE_CHECKING:
    from mercato_contracts.identity import MeView


@click.command()
@click.option("--url", help=f"The marketplace's address (default: {DEFAULT_URL}).")
@click.option(
    "--gateway", metavar="URL", help="The gateway's address, if it differs from the one the marketplace names."
)
@click.option("--token", metavar="TEXT", help="A ck_ or vk_ key or an access token; `-` reads it from standard input.")
@click.option(
    "--email",
    help="Sign in as a person; the password (and a second factor's code) is asked for, or read from standard input.",
)
@click.option("--device", is_flag=True, help="Approve on a web page with a code; the default at a terminal.")
@click.option("--sso", metavar="ORGANISATION", help="Approve there through this organisation's identity provider.")
@click.option("--browser/--no-browser", default=True, show_default=True, help="Open that page.")
@command
def login(
    mp: Mp,
    url: str | None,
    gateway: str | None,
    token: str | None,
    email: str | None,
    device: bool,
    sso: str | None,
    browser: bool,
) -> None:
    """Log in to a marketplace and remember the credential.

    At a terminal, and with --device, a code and an address are shown: open it anywhere, sign in and approve. For
    programs there is --token. The credential is checked first and then kept, readable by you only. With --profile it is
    kept under that name; there may be several.
    """
    by_device = device or sso is not None
    if (token is not None) + (email is not None) + by_device > 1:
        raise MpError("--token, --email and --device or --sso exclude each other.", "Give one of them.")
    if email is None and not by_device and (token is not None or not sys.stdin.isatty()):
        credential = _token(token)
        profile = replace(begin_profile(mp, url, gateway), credential=credential)
    else:
        profile = begin_profile(mp, url, gateway)
        if email is None:
            profile = log_device_in(mp, profile, open_page=browser, organisation=sso)
        else:
            profile = _with_person(mp, profile, email)
    me = mp.client_of(profile).me()
    mp.profiles.keep(profile, use=True)
    mp.console.show(_as_json(profile, me), lambda: _welcome(mp, profile, me))


@click.command()
@command
def logout(mp: Mp) -> None:
    """Forget the credential; a person's session is ended at the marketplace too. A key stays in force."""
    profile = mp.profiles.get(mp.profile_name)
    ended = False
    if profile.refresh_token:
        try:
            mp.client_of(profile).sign_out()
            ended = True
        except MpError as error:
            mp.console.note(f"The session could not be ended at the marketplace: {error.text}")
    mp.profiles.forget(profile.name)
    mp.console.show(
        {"profile": profile.name, "session_ended": ended}, lambda: mp.console.say(f"Forgot {profile.name}.")
    )


@click.command()
@command
def whoami(mp: Mp) -> None:
    """Who you are, where, and what you may do."""
    me = mp.client.me()
    profile = mp.profile

    def people() -> None:
        mp.console.fields(
            [
                ("organisation", me.organisation + (" (operator)" if me.is_operator else "")),
                ("role", me.role),
                ("acting as", f"{me.name} ({me.actor})" if me.name else me.actor),
                ("may", ", ".join(me.permissions)),
                ("marketplace", profile.url),
                ("gateway", mp.gateway),
                ("profile", profile.name or "from MERCATO_TOKEN"),
            ]
        )

    mp.console.show(_as_json(replace(profile, gateway=mp.gateway), me), people)


def begin_profile(mp: Mp, url: str | None, gateway: str | None) -> Profile:
    """The profile to log in with, without a credential yet.

    Raises `MpError` for what is no address, and where no marketplace answers there.
    """
    name = mp.profile_name or mp.profiles.name_in_use()
    try:
        known = mp.profiles.get(name)
    except MpError:
        known = Profile(name, DEFAULT_URL, "", "")
    address = checked_address(url) if url else mp.url or known.url
    profile = Profile(known.name, address, checked_address(gateway) if gateway else "", "")
    if address == known.url:
        profile = replace(profile, device_token=known.device_token)
    found = mp.client_of(profile).find_gateway()
    return replace(profile, gateway=profile.gateway or found)


def _token(given: str | None) -> str:
    return checked_token(read_line() if given is None or given == "-" else given)


def _with_person(mp: Mp, profile: Profile, email: str) -> Profile:
    from mercato_cli.transport import with_session

    client, password = mp.client_of(profile), read_password()
    try:
        return with_session(profile, client.sign_in(email, password))
    except MpError as error:
        if error.problem.get("code") != "second_factor_needed":
            raise
    return with_session(profile, client.sign_in(email, password, read_code()))


def _welcome(mp: Mp, profile: Profile, me: "MeView") -> None:
    mp.console.say(f"Logged in to {profile.url} as {me.organisation} ({me.role}).")
    mp.console.note(f"Kept in {mp.profiles.path} as profile {profile.name}.")
    parts = urlsplit(profile.url)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        mp.console.note("Careful: this address is not https, so your credential crosses the network in the clear.")


def _as_json(profile: Profile, me: "MeView") -> dict[str, object]:
    found = me.model_dump(mode="json")
    return {"profile": profile.name, "url": profile.url, "gateway": profile.gateway, **found}
