"""`mercato restore`: a state folder again from what `mercato backup` wrote."""

import json
import shutil
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.adapters.sealed_archive import ArchiveNotOpened, NoRoom, naming_full_disk, read_archive
from mercato.adapters.unpacking import unpack
from mercato.app.backup import OBJECTS, SECRETS, SPOOLS
from mercato.app.settings import Settings
from mercato.app.up import only_one

_PARTS = (SPOOLS, SECRETS, OBJECTS)
_DATA = "postgres/data"
"""What makes a server of the folder `postgres`; the folder alone is what a start or a restore left that failed."""


@click.command()
@click.argument("file", type=click.Path(exists=True, path_type=Path, dir_okay=False))
@click.option("--key", type=click.Path(exists=True, path_type=Path, dir_okay=False), required=True,
              help="The file of the key that `mercato backup --make-key` made.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def restore(settings: Settings, file: Path, key: Path, as_json: bool) -> None:
    """Restore FILE into an empty state folder; nothing is ever written over.

    Then do the erasures of people again, before anybody is let in: `mercato privacy replay`. Usage that a gateway still
    has in a spool of its own is shipped when it starts, and counts once.
    """
    with only_one(settings.state):
        report = put_back(settings, file, key)
    if as_json:
        click.echo(json.dumps(report))
        return
    click.echo(f"restored to {report['at']}, {report['age_seconds']:.0f} s ago, in {report['seconds']:.1f} s")
    click.echo("Next: `mercato privacy replay`, then `mercato up`, then `mercato reconcile` for the last days.")


def put_back(settings: Settings, file: Path, key: Path) -> dict[str, Any]:
    """All of it or nothing, so that it can be tried again; says what came back. Raises `ClickException`."""
    if settings.database_url is not None:
        raise click.ClickException("DATABASE_URL is set: this restores the embedded database; unset it")
    began, draft = time.monotonic(), settings.state / ".restoring"
    if draft.exists():  # a restore was killed
        _remove(settings.state, draft)
    present = [name for name in (*_PARTS, _DATA) if (settings.state / name).exists()]
    if present:
        raise click.ClickException(
            f"{settings.state} has {', '.join(present)} already: move it away, or name an empty folder with --state"
        )
    try:
        with naming_full_disk(settings.state):
            draft.mkdir(mode=0o700)
            end = _unpack(file, key, draft)
            _place(settings.state, draft)
    except (ArchiveNotOpened, NoRoom, tarfile.TarError) as error:
        raise click.ClickException(f"nothing was restored from {file}: {error}") from None
    finally:
        _remove(settings.state, draft)
    age = (datetime.now(UTC) - datetime.fromisoformat(end["at"])).total_seconds()
    return {**end, "age_seconds": age, "seconds": time.monotonic() - began}


def _place(state: Path, draft: Path) -> None:
    """The database comes last: where it is, all of it is there."""
    for name in _PARTS:
        if (draft / name).exists():
            (draft / name).chmod(0o700)
            (draft / name).rename(state / name)
    with (draft / "postgres.tar").open("rb") as data:
        EmbeddedPostgres(state / "postgres", lambda text: click.echo(text, err=True)).put_back(data)


def _remove(state: Path, draft: Path) -> None:
    """The draft, and what was placed before the database: it began without either, so all of that is its own."""
    if not (state / _DATA).exists():
        for name in _PARTS:
            shutil.rmtree(state / name, ignore_errors=True)
    shutil.rmtree(draft, ignore_errors=True)


def _unpack(file: Path, key: Path, draft: Path) -> dict[str, Any]:
    with file.open("rb") as source, read_archive(source, key, draft) as archive:
        unpack(archive, draft)
    try:
        end: dict[str, Any] = json.loads((draft / "end.json").read_text())
    except FileNotFoundError:
        raise ArchiveNotOpened("its end is missing, so the backup was not finished: restore an older one") from None
    return end
