"""`mp data`: data rounds, and their files on this machine."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError
from mercato_cli.progress import Progress

if TYPE_CHECKING:
    from mercato_cli.download import Downloader
    from mercato_contracts.datasets import DatasetDetail, DatasetView, FileGrant, RoundDetail, RoundFileView

MANIFEST = "round.json"
"""Written last, so that a folder with it is whole."""

_ROUND = click.option(
    "--round",
    "number",
    metavar="NUMBER",
    default="current",
    show_default=True,
    help="A round's number, or the open one.",
)


@click.group()
def data() -> None:
    """Datasets and their rounds: list them, and download verified files."""


@data.command("list")
@click.argument("dataset", required=False)
@command
def list_data(mp: Mp, dataset: str | None) -> None:
    """List the datasets that you may use, or the rounds of DATASET, newest first."""
    if dataset is None:
        items = mp.client.list_datasets()
        mp.console.show(
            {"items": [each.model_dump(mode="json") for each in items]},
            lambda: mp.console.table(
                ["dataset", "eras", "from", "to", "rounds", "open", "title"],
                [_row(each) for each in items],
                "There are no datasets yet; an operator builds one with `mercato data build`.",
            ),
        )
        return
    rounds = mp.client.list_rounds(dataset)
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in rounds]},
        lambda: mp.console.table(
            ["round", "state", "eras", "trains to", "closes", "embargo until"],
            [
                (r.number, r.state, f"{r.first_era}-{r.last_era}", r.train_last_era, f"{r.closes_at:%Y-%m-%d %H:%M}",
                 f"{r.embargo_until:%Y-%m-%d %H:%M}")
                for r in rounds
            ],
            "There are no rounds yet; an operator opens one with `mercato data open`.",
        ),
    )  # fmt: skip


@data.command()
@click.argument("dataset")
@click.option(
    "--round", "number", metavar="NUMBER", help="Show this round instead of the dataset; `current` is the open one."
)
@command
def info(mp: Mp, dataset: str, number: str | None) -> None:
    """Describe DATASET with its card, or one of its rounds with files and history."""
    if number is None:
        detail = mp.client.dataset(dataset)
        mp.console.show(detail.model_dump(mode="json"), lambda: _show_dataset(mp, detail))
        return
    found = mp.client.round(dataset, number)
    mp.console.show(found.model_dump(mode="json"), lambda: _show_round(mp, found))


@data.command()
@click.argument("dataset")
@_ROUND
@click.option("--file", "names", multiple=True, metavar="NAME", help="Only this file; may be given several times.")
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), help="The target folder. Default: DATASET/round-NUMBER."
)
@command
def pull(mp: Mp, dataset: str, number: str, names: tuple[str, ...], to: Path | None) -> None:
    """Download a round's files of DATASET, verify them, and resume interrupted downloads.

    A file gets its name once it is complete, and `round.json` is written last. Run it again after an interruption:
    complete files are not downloaded again.
    """
    from mercato_cli.download import Downloader

    found = mp.client.round(dataset, number)
    folder = to or Path(found.dataset) / f"round-{found.number}"
    wanted = _choose(found, names)
    if not names:
        _forget_manifest(folder)
    downloader = Downloader(mp.profile.url, timeout=mp.timeout)
    fetched = [_pull_one(mp, downloader, found, file, folder) for file in wanted]
    if not names:
        _write_manifest(folder, found, wanted)
    content = {"round": found.id, "folder": str(folder), "files": fetched}
    mp.console.show(content, lambda: mp.console.say(f"Round {found.number} of {found.dataset} is in {folder}."))


def _pull_one(
    mp: Mp, downloader: "Downloader", found: "RoundDetail", file: "RoundFileView", folder: Path
) -> dict[str, object]:
    target = folder / file.name

    def grant() -> "FileGrant":
        return mp.client.file_grant(found.id, file.name)

    with Progress(mp.console, file.name, total=file.bytes, unit="bytes") as progress:
        is_new = downloader.fetch(grant(), grant, target, progress)
    mp.console.note(f"{file.name:<18} {file.bytes:>12,} bytes  {'checked' if is_new else 'already here'}")
    return {"name": file.name, "path": str(target), "bytes": file.bytes, "sha256": file.sha256, "downloaded": is_new}


def _choose(found: "RoundDetail", names: tuple[str, ...]) -> list["RoundFileView"]:
    if not names:
        return [file for file in found.files if file.is_available]
    known = {file.name: file for file in found.files}
    for name in names:
        if name not in known:
            raise MpError(f"Round {found.number} has no file {name}.", f"It has {', '.join(known)}.")
    return [known[name] for name in dict.fromkeys(names)]


def _forget_manifest(folder: Path) -> None:
    """It says that all is here, which is not known until the end."""
    try:
        (folder / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise MpError(f"{folder} cannot be written: {error.strerror}.", "Choose another folder with --to.") from None


def _write_manifest(folder: Path, found: "RoundDetail", files: list["RoundFileView"]) -> None:
    content = found.model_dump(mode="json", exclude={"transitions"})
    content["files"] = [file.model_dump(mode="json") for file in files]
    draft = folder / f".{MANIFEST}.{os.getpid()}"
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(folder / MANIFEST)


def _row(each: "DatasetView") -> tuple[object, ...]:
    name = f"{each.name} (private)" if each.is_private else each.name
    return (name, each.eras, each.first_day, each.last_day, each.rounds, each.open_round, each.title)


def _show_dataset(mp: Mp, detail: "DatasetDetail") -> None:
    mp.console.fields([
        ("dataset", detail.name), ("open round", detail.open_round), ("rounds", detail.rounds),
        ("features", ", ".join(detail.features)), ("panel", detail.panel_sha256),
    ])  # fmt: skip
    mp.console.say("")
    mp.console.say(detail.card)


def _show_round(mp: Mp, found: "RoundDetail") -> None:
    mp.console.fields([
        ("round", f"{found.number} of {found.dataset} ({found.id})"), ("state", found.state),
        ("eras", f"{found.first_era} to {found.last_era}"),
        ("training data", f"eras 1 to {found.train_last_era}; what follows is purged"),
        ("target", f"rank of the return over {found.horizon_days} days from {found.lag_days} day later on"),
        ("closes", found.closes_at), ("embargo until", found.embargo_until), ("scores", found.scores_sha256),
    ])  # fmt: skip
    mp.console.say("")
    mp.console.table(
        ["file", "bytes", "rows", "SHA-256", "available"],
        [(f.name, f.bytes, f.rows, f.sha256, "yes" if f.is_available else "when resolved") for f in found.files],
        "No files.",
    )
    mp.console.say("")
    mp.console.table(
        ["state", "at", "by", "reason"], [(t.state, t.at, t.by, t.reason) for t in found.transitions], "No history."
    )
