"""`mercato backup`: database, spools, objects and secrets of the state folder in one encrypted file."""

import io
import json
import os
import tarfile
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from mercato.adapters.postgres_embedded import EmbeddedPostgres
from mercato.adapters.sealed_archive import BadRecipient, NoRoom, make_key, naming_full_disk, write_archive
from mercato.app.records import require_schema
from mercato.app.settings import Settings
from mercato.edge.version import SERVER_VERSION

SPOOLS, SECRETS, OBJECTS = "gateway", "secrets", "objects"
LAST = "last.json"
_SUFFIX = ".tar.age"


@click.command()
@click.option("--to", "folder", type=click.Path(path_type=Path, file_okay=False),
              help="The folder of the backups; backups/ of the state folder when not given.")  # fmt: skip
@click.option("--recipient", help="The recipient it is encrypted for (age1…); MERCATO_BACKUP_RECIPIENT when not given.")
@click.option("--keep", type=click.IntRange(1), help="Keep only this many of the newest backups.")
@click.option("--make-key", type=click.Path(path_type=Path, dir_okay=False),
              help="Make a key in this file, print its public half, and end.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_obj
def backup(
    settings: Settings,
    folder: Path | None,
    recipient: str | None,
    keep: int | None,
    make_key: Path | None,
    as_json: bool,
) -> None:
    """Back up the embedded database, spools, objects and secrets, while the marketplace runs.

    The file can be opened with the key alone, which belongs on another machine. What calls used until this moment is in
    it: spools are copied first, then the database as of one moment, then files. A database named by DATABASE_URL has
    backups of its own (pgBackRest), and a bucket has its versions.
    """
    if make_key is not None:
        _make_key(make_key)
        return
    report = make_backup(settings, folder or settings.state / "backups", recipient or settings.backup_recipient, keep)
    if as_json:
        click.echo(json.dumps(report))
    else:
        click.echo(f"{report['file']}: {_mib(report['bytes'])} in {report['seconds']:.1f} s")
        click.echo(
            f"database {_mib(report['database_bytes'])}, {report['objects']} files, {report['spools']} of spools"
        )


def _make_key(path: Path) -> None:
    try:
        public = make_key(path)
    except FileExistsError:
        raise click.ClickException(f"{path} exists, and a key is never written over: name another file") from None
    click.echo(public)
    click.echo(f"Keep {path} on another machine: without it no backup can be read.", err=True)


def make_backup(settings: Settings, folder: Path, recipient: str | None, keep: int | None = None) -> dict[str, Any]:
    """One backup; says where it is, how large its parts are and how long it took."""
    if settings.database_url is not None:
        raise click.ClickException(
            "DATABASE_URL names a server of its own: back it up with pgBackRest (docs/production.md), "
            "and the state folder's secrets and spools as files"
        )
    if not recipient:
        raise click.ClickException(
            "nobody could open it: make a key with `mercato backup --make-key FILE`, then set MERCATO_BACKUP_RECIPIENT "
            "to the public key that it prints"
        )
    began, at = time.monotonic(), datetime.now(UTC)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise click.ClickException(f"{folder} cannot be made: {error.strerror}") from None
    name = f"mercato-{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z{_SUFFIX}"
    draft = folder / f".{name}.draft"
    try:
        counts = _write_whole(settings, draft, recipient, at)
        draft.rename(folder / name)
    except BadRecipient as error:
        raise click.ClickException(f"{error}: give the line age1… that `mercato backup --make-key` printed") from None
    except NoRoom as error:
        raise click.ClickException(str(error)) from None
    finally:
        draft.unlink(missing_ok=True)
    size = (folder / name).stat().st_size
    note = {"at": at.isoformat(), "bytes": size, "file": str(folder / name)}
    _note(settings.state / "backups", note)
    if keep is not None:
        for old in sorted(folder.glob(f"mercato-*{_SUFFIX}"))[:-keep]:
            old.unlink()
    return {**note, **counts, "seconds": time.monotonic() - began}


def _write_whole(settings: Settings, draft: Path, recipient: str, at: datetime) -> dict[str, int]:
    with (
        naming_full_disk(draft.parent),
        os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file,
    ):
        counts = _write(settings, file, recipient, at)
        file.flush()
        os.fsync(file.fileno())
    return counts


def _write(settings: Settings, file: Any, recipient: str, at: datetime) -> dict[str, int]:
    server = EmbeddedPostgres(settings.state / "postgres")
    url = server.start()
    try:
        require_schema(url)
        with (
            write_archive(file, recipient, settings.state) as archive,
            tempfile.TemporaryFile(dir=settings.state) as data,
        ):
            # This order: usage that is shipped between two of these steps is then in both, and counts once.
            spools = _add_folder(archive, settings.state, SPOOLS)
            secrets = _add_folder(archive, settings.state, SECRETS)
            server.copy_to(data)
            size = data.tell()
            data.seek(0)
            entry = tarfile.TarInfo("postgres.tar")
            entry.size = size
            archive.addfile(entry, data)
            objects = 0 if settings.bucket else _add_folder(archive, settings.state, OBJECTS)
            counts = {"database_bytes": size, "spools": spools, "secrets": secrets, "objects": objects}
            _add_text(archive, "end.json", {"at": at.isoformat(), "version": SERVER_VERSION, **counts})
    finally:
        server.stop()
    return counts


def _add_folder(archive: tarfile.TarFile, state: Path, name: str) -> int:
    """How many files; what ends or grows meanwhile is taken as far as it is there."""
    count = 0
    for path in sorted((state / name).rglob("*")):
        if path.is_symlink() or not path.is_file() or path.name == "lock":
            continue
        try:
            with path.open("rb") as file:
                entry = tarfile.TarInfo(str(path.relative_to(state)))
                entry.size, entry.mode = os.fstat(file.fileno()).st_size, 0o600
                entry.mtime = int(os.fstat(file.fileno()).st_mtime)
                archive.addfile(entry, file)
        except FileNotFoundError:
            continue  # a spool that was shipped, or a file that was erased
        count += 1
    return count


def _add_text(archive: tarfile.TarFile, name: str, value: dict[str, Any]) -> None:
    text = json.dumps(value).encode()
    entry = tarfile.TarInfo(name)
    entry.size = len(text)
    archive.addfile(entry, io.BytesIO(text))


def _note(folder: Path, note: dict[str, Any]) -> None:
    """For the metric of its age."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{LAST}"
    draft.write_text(json.dumps(note))
    draft.replace(folder / LAST)


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"
