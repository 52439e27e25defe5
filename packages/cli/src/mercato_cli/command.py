"""The frame of every command: its common options, its errors, and what it needs to do its work."""

import functools
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mercato_cli.console import Console, leave_quietly
from mercato_cli.errors import Exit, MpError
from mercato_cli.profiles import DEFAULT_PROFILE, Profile, Profiles, gateway_of

if TYPE_CHECKING:
    from mercato_cli.client import Client

Function = TypeVar("Function", bound=Callable[..., Any])

_DEFAULT_TIMEOUT_SECONDS = 30.0
_INTERRUPTED = 130
"""128 and the number of SIGINT, as shells have it."""


class Mp:
    """What a command works with. The environment is read here and nowhere else."""

    def __init__(self, *, profile: str | None, as_json: bool, timeout: float) -> None:
        self.console = Console(as_json=as_json)
        self.timeout = timeout
        self.profile_name = profile or os.environ.get("MERCATO_PROFILE")
        self.profiles = Profiles(_config_folder())

    @cached_property
    def profile(self) -> Profile:
        """From `MERCATO_TOKEN` and `MERCATO_URL`, else the profile that was asked for, else the one in use."""
        token, url = os.environ.get("MERCATO_TOKEN"), os.environ.get("MERCATO_URL")
        gateway = os.environ.get("MERCATO_GATEWAY_URL")
        if token and not self.profile_name:
            if not url:
                raise MpError("MERCATO_TOKEN is set without MERCATO_URL.", "Set both, or log in with `mp login`.")
            return Profile("", url.rstrip("/"), (gateway or gateway_of(url)).rstrip("/"), token.strip())
        return self.profiles.get(self.profile_name)

    @cached_property
    def client(self) -> "Client":
        """The control API, as the profile's owner. Raises `MpError` when nobody is logged in."""
        return self.client_of(self.profile)

    def client_of(self, profile: Profile) -> "Client":
        """The control API, as another profile's owner."""
        from mercato_cli.client import Client

        return Client(profile, self.profiles, timeout=self.timeout)


def command(function: Function) -> Function:
    """Gives the function an `Mp` as its first argument, and every command its common options and error handling."""

    @functools.wraps(function)
    def run(*, profile: str | None, as_json: bool, timeout: float, **given: Any) -> None:
        mp = Mp(profile=profile, as_json=as_json, timeout=timeout)
        try:
            function(mp, **given)
        except MpError as error:
            mp.console.fail(error)
            raise SystemExit(int(error.exit_code)) from None
        except ValueError as error:
            wrong = _request_refused(error)
            if wrong is None:
                raise
            mp.console.fail(wrong)
            raise SystemExit(int(wrong.exit_code)) from None
        except (KeyboardInterrupt, click.Abort):
            mp.console.interrupted()
            raise SystemExit(_INTERRUPTED) from None
        except BrokenPipeError:
            leave_quietly()
            raise SystemExit(int(Exit.DONE)) from None

    options = (
        click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table."),
        click.option("--profile", metavar="NAME", help=f"Whose credential to use (first: {DEFAULT_PROFILE})."),
        click.option(
            "--timeout",
            type=click.FloatRange(0.1, 3600),
            default=_DEFAULT_TIMEOUT_SECONDS,
            show_default=True,
            metavar="SECONDS",
            help="How long to wait for one answer.",
        ),
    )
    for option in reversed(options):
        run = option(run)
    return run  # type: ignore[return-value]


def _request_refused(error: ValueError) -> MpError | None:
    """What is wrong with words that no request can be made of; nothing for any other error."""
    from pydantic import ValidationError  # Its import alone is longer than most commands.

    if not isinstance(error, ValidationError):
        return None
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"]) or "the whole"
    return MpError(f"{field}: {first['msg']}.", "See the command's --help.")


def _config_folder() -> Path:
    given = os.environ.get("XDG_CONFIG_HOME", "")
    # An address that is not absolute is ignored, as the XDG base directory specification asks.
    base = Path(given) if given.startswith("/") else Path.home() / ".config"
    return base / "mercato"
