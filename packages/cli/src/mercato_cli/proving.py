"""Proving again who one is, at a terminal, where a command needs it."""

import sys
from typing import TYPE_CHECKING

import click

from mercato_cli.errors import MpError
from mercato_cli.passwords import read_code, read_password

if TYPE_CHECKING:
    from mercato_cli.client import Client


def ask_again(client: "Client") -> "Client":
    """The client, which asks its owner for a proof and goes on, where its owner sits at a terminal."""
    if sys.stdin.isatty():
        client.prove_again = lambda: _prove(client)
    return client


def _prove(client: "Client") -> None:
    click.echo("This needs a proof of who you are from the last ten minutes.", err=True)
    if client.list_second_factors().items:
        client.prove(code=read_code())
        return
    try:
        client.prove(password=read_password())
    except MpError as error:
        if error.problem.get("code") != "password_sign_in_off":
            raise
        raise MpError(error.text, "Run `mp sso prove` and then this again.", error.exit_code) from None
