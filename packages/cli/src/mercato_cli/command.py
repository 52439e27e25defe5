"""The frame of every command: common options and dependencies."""

import functools
import math
import os
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mercato_cli.console import Console
from mercato_cli.errors import Interrupted, MpError, ReaderLeft
from mercato_cli.ids import ARGUMENTS, known_ids, whole_id
from mercato_cli.profiles import DEFAULT_PROFILE, Profile, Profiles, checked_address, checked_characters

if TYPE_CHECKING:
    from mercato_cli.client import Client

Function = TypeVar("Function", bound=Callable[..., Any])

_DEFAULT_TIMEOUT_SECONDS = 30.0


class Seconds(click.FloatRange):
    """A finite number of seconds."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Refuses anything that is not a finite number."""
        seconds = float(super().convert(value, param, ctx))
        if not math.isfinite(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


class Mp:
    """A command's dependencies. The environment is read here and nowhere else."""

    def __init__(self, *, profile: str | None, as_json: bool, timeout: float) -> None:
        self.console = Console(as_json=as_json)
        self.timeout = timeout
        self.profile_name = profile or os.environ.get("MERCATO_PROFILE") or None
        self.url = _address("MERCATO_URL")
        """The marketplace that the environment names, if any."""

    @cached_property
    def profiles(self) -> Profiles:
        """Those kept on this machine."""
        return Profiles(_config_folder())

    @cached_property
    def profile(self) -> Profile:
        """The requested profile, else the one that MERCATO_URL and MERCATO_TOKEN name, else the one in use.

        With MERCATO_URL alone it is the profile of that marketplace; without such a profile nobody is logged in, and
        only public data can be read.
        """
        if self.profile_name:
            return self.profiles.get(self.profile_name)
        token, gateway = os.environ.get("MERCATO_TOKEN", "").strip(), _address("MERCATO_GATEWAY_URL")
        if token and not self.url:
            raise MpError("MERCATO_TOKEN is set without MERCATO_URL.", "Set both, or log in with `mp login`.")
        if token:
            return Profile("", self.url, gateway, checked_characters(token))
        found = (
            self.profiles.find_at(self.url) or Profile("", self.url, "", "") if self.url else self.profiles.get(None)
        )
        return replace(found, gateway=gateway) if gateway else found

    @cached_property
    def gateway(self) -> str:
        """The gateway's address: the profile's, else what the marketplace names."""
        return self.profile.gateway or self.client.find_gateway()

    @cached_property
    def client(self) -> "Client":
        """The control API, as the profile's owner. Raises `MpError` when nobody is logged in."""
        return self.client_of(self.profile)

    def client_of(self, profile: Profile) -> "Client":
        """The control API, as another profile's owner."""
        from mercato_cli.client import Client
        from mercato_cli.proving import ask_again

        return ask_again(Client(profile, self.profiles, timeout=self.timeout))


def command(function: Function) -> Function:
    """Gives the function an `Mp` as its first argument, and every command its common options."""

    @functools.wraps(function)
    def run(*, profile: str | None, as_json: bool, timeout: float, **given: Any) -> None:
        mp = Mp(profile=profile, as_json=as_json, timeout=timeout)
        try:
            function(mp, **{name: _whole(mp, name, value) for name, value in given.items()})
        # Under names of our own: click prints a line about the one and makes the other exit code 1.
        except KeyboardInterrupt:
            raise Interrupted from None
        except BrokenPipeError:
            raise ReaderLeft from None

    options = (
        click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table."),
        click.option("--profile", metavar="NAME", help=f"Whose credential to use (default: {DEFAULT_PROFILE})."),
        click.option(
            "--timeout",
            type=Seconds(0.1, 3600),
            default=_DEFAULT_TIMEOUT_SECONDS,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait for a response.",
        ),
    )
    for option in reversed(options):
        run = option(run)
    return run  # type: ignore[return-value]


def _whole(mp: Mp, name: str, value: Any) -> Any:
    """An argument as it was given; the end of an id, which tables show, as the whole id."""
    if name not in ARGUMENTS or not isinstance(value, str):
        return value
    return whole_id(value, lambda: known_ids(name, mp.client))


def _address(variable: str) -> str:
    """The address in an environment variable; empty where it is not set."""
    given = os.environ.get(variable, "").strip()
    return checked_address(given, variable) if given else ""


def _config_folder() -> Path:
    given = os.environ.get("XDG_CONFIG_HOME", "")
    # An address that is not absolute is ignored, as the XDG base directory specification asks.
    try:
        base = Path(given) if given.startswith("/") else Path.home() / ".config"
    except RuntimeError:
        raise MpError("There is no home folder to keep profiles in.", "Set HOME or XDG_CONFIG_HOME.") from None
    return base / "mercato"
