"""`mp credentials`: secrets that one's own endpoints ask for, stored at the marketplace."""

import sys
from pathlib import Path

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError

_LONGEST = 16_384


@click.group()
def credentials() -> None:
    """Secrets that your endpoints require; the gateway sends them, and nobody can read them back."""


@credentials.command("set")
@click.argument("name")
@click.option("--from-file", "path", type=click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True),
              help="Read the secret from this file; `-` is standard input.")  # fmt: skip
@command
def set_credential(mp: Mp, name: str, path: Path | None) -> None:
    """Store a secret under NAME, or replace it; gateways use the new one within a second.

    It is asked for without being shown, or read from --from-file or standard input; one line break at its end is left
    off. It is never an argument, which other programs of the machine could read.
    """
    from mercato_contracts.credentials import CredentialRequest

    stored = mp.client.put_credential(name, CredentialRequest(value=_read(name, path)))
    mp.console.show(
        stored.model_dump(mode="json"),
        lambda: mp.console.say(f"{stored.name} is stored; its fingerprint is {stored.fingerprint}."),
    )


@credentials.command("list")
@command
def list_credentials(mp: Mp) -> None:
    """List credentials without their secrets. Equal fingerprints mean the same secret."""
    found = mp.client.list_credentials()
    rows = [
        (item.name, item.fingerprint, f"{item.created_at:%Y-%m-%d %H:%M}", f"{item.changed_at:%Y-%m-%d %H:%M}",
         ", ".join(item.used_by) or "nothing")
        for item in found.items
    ]  # fmt: skip
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(
            ["name", "fingerprint", "stored", "changed", "used by"],
            rows,
            "No credentials. Store one with `mp credentials set NAME`.",
        ),
    )


@credentials.command("remove")
@click.argument("name")
@command
def remove_credential(mp: Mp, name: str) -> None:
    """Remove a secret; refused while a callable release uses it."""
    mp.client.remove_credential(name)
    mp.console.show({"name": name, "removed": True}, lambda: mp.console.say(f"{name} is removed."))


def _read(name: str, path: Path | None) -> str:
    if path is None and sys.stdin.isatty():
        asked: str = click.prompt(f"Secret of {name}", hide_input=True, err=True)
        return asked
    if path is None or str(path) == "-":
        raw = sys.stdin.buffer.read(_LONGEST + 1)
    else:
        with path.open("rb") as file:
            raw = file.read(_LONGEST + 1)
    if len(raw) > _LONGEST:
        raise MpError("The secret is too long.", "The limit is 4,096 characters.")
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError:
        # The error would show what was read.
        raise MpError("The secret is not ASCII text.", "Give only the secret, as its endpoint expects it.") from None
    return text.removesuffix("\n").removesuffix("\r")
