"""`mp validate`: the marketplace's verdict before anything is sent."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.publish import document_of, read_text
from mercato_cli.errors import Exit, MpError
from mercato_cli.progress import Progress

if TYPE_CHECKING:
    from mercato_checks.openapi import Document
    from mercato_cli.validating.report import Phase, Report
    from mercato_contracts.manifest import ServiceManifest

_SIGNS = {"passed": "ok", "warned": "ok, with advice", "failed": "FAILED", "skipped": "skipped"}
_ARTIFACTS = ("models/model.txt", "models/model.onnx")


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("."))
@click.option(
    "--artifact", type=click.Path(path_type=Path), help="The trained model. Default: the one in models/, if any."
)
@click.option(
    "--data", type=click.Path(path_type=Path), help="A round's folder with train.parquet. Default: found under data/."
)
@click.option("--released", metavar="VERSION", help="The last release, to compare with.")
@click.option("--released-openapi", type=click.Path(path_type=Path), help="The last release's OpenAPI document.")
@click.option("--run/--no-run", default=True, show_default=True, help="Also run the handler and call it.")
@click.option("--train/--no-train", default=True, show_default=True, help="Also train on shuffled targets.")
@click.option("--memory", type=click.IntRange(16), default=2048, show_default=True, metavar="MIB",
              help="The memory that the running service may use.")  # fmt: skip
@command
def validate(
    mp: Mp,
    folder: Path,
    artifact: Path | None,
    data: Path | None,
    released: str | None,
    released_openapi: Path | None,
    run: bool,
    train: bool,
    memory: int,
) -> None:
    """Check the project in FOLDER as the marketplace will, without sending anything.

    Phases 2 to 5 are the marketplace's own, with its codes (`mp explain CODE`). 6 and 7 run the handler here and call
    it; for signals: the same answer twice and in any order, nothing from the future, inference under 100 ms. With a
    train.py and a round's data the model is also trained on shuffled targets: a score there is a leak. Exit code 1 with
    errors.
    """
    from mercato_cli.validating.report import Report

    report = Report()
    if not folder.is_dir():
        raise MpError(f"{folder} is not a folder.", "Create one with `mp init`.")
    manifest, document = _files(mp, folder, report, released, released_openapi)
    if manifest is not None and run and report.accepted:
        found = artifact or next((folder / each for each in _ARTIFACTS if (folder / each).is_file()), None)
        _live(mp, folder, report, found, manifest, document, memory)
        if (folder / "train.py").is_file():
            _training(mp, folder, report, data, wanted=train)
    mp.console.show(report.to_json(), lambda: _conclude(mp, report))
    if not report.accepted:
        raise SystemExit(int(Exit.REFUSED))


def _files(
    mp: Mp, folder: Path, report: "Report", released: str | None, released_openapi: Path | None
) -> "tuple[ServiceManifest | None, Document | None]":
    from mercato_cli.validating.content import Content, check_content

    text = read_text(folder / "service.yaml")
    path = document_of(folder / "service.yaml", text)
    content = Content(
        folder=folder,
        manifest=text,
        document=None if path is None else read_text(path),
        released=released,
        released_document=None if released_openapi is None else read_text(released_openapi),
    )
    manifest, document = None, None
    for phase, manifest, document in check_content(content):  # noqa: B007  (the last ones count)
        _add(mp, report, phase)
    return manifest, document


def _live(
    mp: Mp,
    folder: Path,
    report: "Report",
    artifact: Path | None,
    manifest: "ServiceManifest",
    document: "Document | None",
    memory: int,
) -> None:
    from mercato_cli.validating.live import check_live

    with Progress(mp.console, "calling the handler"):
        phases = check_live(folder, artifact, manifest, document, memory)
    for phase in phases:
        _add(mp, report, phase)


def _training(mp: Mp, folder: Path, report: "Report", data: Path | None, *, wanted: bool) -> None:
    from mercato_cli.validating.training import check_training

    with Progress(mp.console, "training on shuffled targets"):
        phase = check_training(folder, data, wanted=wanted)
    _add(mp, report, phase)


def _add(mp: Mp, report: "Report", phase: "Phase") -> None:
    report.phases.append(phase)
    summary = phase.skipped or ", ".join(f"{name} {_short(value)}" for name, value in phase.facts.items())
    mp.console.note(f"{phase.number:>2} {phase.name:<14} {_SIGNS[phase.outcome]:<15} {summary}".rstrip())
    for finding in phase.findings:
        where = f"{finding.where}: " if finding.where else ""
        mp.console.note(f"   {finding.level:<7} {where}{finding.message} ({finding.code})")
        if finding.level != "info":
            mp.console.note(f"           -> {finding.fix}")


def _short(value: Any) -> str:
    return {True: "yes", False: "no", None: "none"}[value] if value is None or isinstance(value, bool) else str(value)


def _conclude(mp: Mp, report: "Report") -> None:
    if report.accepted:
        mp.console.say("Valid: nothing prevents a release.")
        return
    failed = ", ".join(f"{phase.number} ({phase.name})" for phase in report.phases if phase.outcome == "failed")
    mp.console.say(f"Not valid: {failed} failed. Fix the findings and run `mp validate` again.")
