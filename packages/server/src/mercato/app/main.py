"""The `mercato` command: run the marketplace, prepare its database, look after it."""

from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError

from mercato.adapters.postgres_place import PostgresNotStarted
from mercato.app.bootstrap import bootstrap
from mercato.app.data import data
from mercato.app.doctor import doctor
from mercato.app.migrate import migrate
from mercato.app.reconcile import reconcile
from mercato.app.serve import serve
from mercato.app.settings import Settings
from mercato.app.up import up


class _Mercato(click.Group):
    """Turns what a person can mend into one line."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except PostgresNotStarted as error:
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


for _command in (up, serve, migrate, bootstrap, doctor, reconcile, data):
    main.add_command(_command)

if __name__ == "__main__":
    main(prog_name="mercato")
