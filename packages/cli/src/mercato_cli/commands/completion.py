"""`mp completion`: the shell completes commands, options and values."""

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError

_PLACES = {
    "bash": "~/.local/share/bash-completion/completions/mp",
    "zsh": "~/.zfunc/_mp",
    "fish": "~/.config/fish/completions/mp.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_PLACES)))
@command
def completion(mp: Mp, shell: str) -> None:
    """Print the completion script of SHELL; keep it where your shell looks for such files."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise MpError(f"{shell} is not supported.", "Choose bash, zsh or fish.")
    script = kind(click.get_current_context().find_root().command, {}, "mp", "_MP_COMPLETE").source()
    mp.console.show({"shell": shell, "script": script}, lambda: mp.console.print(script))
    mp.console.note(f"Keep it: `mp completion {shell} > {_PLACES[shell]}`.")
