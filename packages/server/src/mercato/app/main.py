"""The `mercato` command: run the marketplace, prepare its database, look after it."""

import importlib
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from mercato.adapters.keys_unusable import KeysUnusable
from mercato.adapters.postgres_place import PostgresNotStarted
from mercato.app.settings import Settings

_COMMANDS = (
    "backup", "bootstrap", "data", "doctor", "migrate", "prepare", "privacy", "reconcile", "registry", "restore",
    "search", "secrets", "serve", "up",
)  # fmt: skip
"""Each is a function of that name in the module of that name, imported when it is asked for: `mercato up` and the
parents of other processes stay, and should hold no more than they need."""


class _Mercato(click.Group):
    """Shows what a person can put right in one line."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _COMMANDS:
            return None
        command = getattr(importlib.import_module(f"mercato.app.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except (PostgresNotStarted, KeysUnusable) as error:
            raise click.ClickException(str(error).strip()) from None


def _read(state: Path | None) -> Settings:
    try:
        return Settings() if state is None else Settings(state=state)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise click.ClickException(f"a setting is wrong: {wrong} (see docs/reference/settings.md)") from None


@click.group(cls=_Mercato, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--state", type=click.Path(path_type=Path, file_okay=False), help="The folder of everything that lasts.")
@click.version_option(package_name="mercato-server")
@click.pass_context
def main(context: click.Context, state: Path | None) -> None:
    """Run a marketplace for AI models and services.

    Settings come from the environment (MERCATO_… and DATABASE_URL); options win over them.
    """
    context.obj = _read(state)


if __name__ == "__main__":
    main(prog_name="mercato")
