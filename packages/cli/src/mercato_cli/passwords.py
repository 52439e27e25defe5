"""Passwords: asked for at a terminal, else the next line of standard input."""

import os
import sys

import click

from mercato_cli.errors import MpError
from mercato_contracts.limits import PASSWORD_LONGEST, PASSWORD_SHORTEST

_LONGEST_LINE = 4096
RULE = f"{PASSWORD_SHORTEST} to {PASSWORD_LONGEST} characters"


def read_password() -> str:
    """The caller's existing password."""
    if sys.stdin.isatty():
        return _ask("Password")
    return read_line()


def read_code() -> str:
    """A code of an authenticator app, or a recovery code."""
    if sys.stdin.isatty():
        code: str = click.prompt("Code", err=True, default="", show_default=False)
        return code
    return read_line()


def read_secret(what: str) -> str:
    """A secret that is not shown: asked for by this name."""
    return _ask(what) if sys.stdin.isatty() else read_line()


def read_address() -> str:
    """The address of a page, copied from a browser."""
    if sys.stdin.isatty():
        address: str = click.prompt("Address", err=True, default="", show_default=False)
        return address
    return read_line()


def read_new_password() -> str:
    """A password that meets the marketplace's rule; at a terminal it is typed twice. Raises `MpError`."""
    if not sys.stdin.isatty():
        password = read_line()
        wrong = _fault_of(password)
        if wrong:
            raise MpError(wrong, f"Pipe in one of {RULE}, on one line.")
        return password
    while True:
        password = _ask(f"Password ({RULE})")
        wrong = _fault_of(password)
        if wrong:
            click.echo(wrong, err=True)
        elif _ask("The same again") != password:
            click.echo("The two are not the same.", err=True)
        else:
            return password


def read_line() -> str:
    """The next line of standard input and no more: the rest is for the next command of a script."""
    line = bytearray()
    descriptor = sys.stdin.fileno()
    while len(line) < _LONGEST_LINE and (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return line.decode().rstrip("\r")


def _ask(text: str) -> str:
    asked: str = click.prompt(text, hide_input=True, err=True, default="", show_default=False)
    return asked


def _fault_of(password: str) -> str:
    if len(password) < PASSWORD_SHORTEST:
        return f"The password has {len(password)} characters; {RULE} are needed."
    if len(password) > PASSWORD_LONGEST:
        return f"The password has more than {PASSWORD_LONGEST} characters."
    return ""
