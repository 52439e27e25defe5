"""`--csv` and `--jsonl`: a list of any length, written as it comes."""

import sys
from collections.abc import Callable
from typing import Any

import click

from mercato_cli.command import Mp

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def exported(function: Callable[..., Any]) -> Callable[..., Any]:
    """The two flags; the command gets `export_as`."""
    for kind, name in (("jsonl", "JSON lines"), ("csv", "CSV")):
        words = f"All of it as {name}, without a cap."
        option: Decorator = click.option(f"--{kind}", "export_as", flag_value=kind, default=None, help=words)
        function = option(function)
    return function


def export(mp: Mp, path: str, asked: dict[str, Any], kind: str) -> None:
    """To standard output."""
    output = sys.stdout.buffer
    for piece in mp.client.stream(path, asked | {"format": kind}):
        output.write(piece)
    output.flush()
