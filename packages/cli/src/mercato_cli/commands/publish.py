"""`mp publish`: hand a version in and see it through its ten phases."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    from mercato_contracts.publishing import EvidenceView, FindingView, SubmissionSummary, SubmissionView

MANIFEST = "service.yaml"
_MAX_FILE_BYTES = 15 * 1024 * 1024
_LOOK_SECONDS = 0.3
SIGNS = {"passed": "ok", "warned": "ok, with advice", "failed": "FAILED", "waiting": "waits for a person"}


@click.command()
@click.argument("project", type=click.Path(path_type=Path), default=Path("."))
@click.option(
    "--openapi", type=click.Path(path_type=Path), help="The OpenAPI document, if not the one in the manifest."
)
@click.option("--wait/--no-wait", default=True, show_default=True, help="Until it is released or refused.")
@click.option("--wait-seconds", type=click.FloatRange(0), default=600, show_default=True, metavar="SECONDS",
              help="How long to wait; then exit code 5.")  # fmt: skip
@command
def publish(mp: Mp, project: Path, openapi: Path | None, wait: bool, wait_seconds: float) -> None:
    """Publish the version that PROJECT describes: its service.yaml, or the folder that holds it.

    Shows each phase as it passes and each finding with the field and the remedy. The same content again is the same
    submission: nothing happens twice.
    """
    submitted = submit(mp, manifest_of(project), openapi)
    if not wait:
        mp.console.show(submitted.model_dump(mode="json"), lambda: mp.console.say(submitted.id))
        return
    ended = follow(mp, submitted.id, time.monotonic() + wait_seconds)
    mp.console.show(ended.model_dump(mode="json"), lambda: conclude(mp, ended))
    if ended.state == "refused":
        raise SystemExit(int(Exit.REFUSED))


def submit(mp: Mp, manifest: Path, openapi: Path | None, *, endpoint: str | None = None) -> "SubmissionSummary":
    """Hand the version in, with `endpoint` in place of the manifest's own address where it is given."""
    from mercato_contracts.publishing import SubmitRequest

    text = read_text(manifest)
    check_is_manifest(manifest, text)
    document = openapi or document_of(manifest, text)
    if endpoint is not None:
        text = _at(text, endpoint)
    submitted = mp.client.submit(
        SubmitRequest(manifest=text, openapi=None if document is None else read_text(document))
    )
    mp.console.note(f"{submitted.service} {submitted.version} is submission {submitted.id}.")
    return submitted


def manifest_of(project: Path) -> Path:
    """The manifest of a project: the file itself, or `service.yaml` in its folder. Raises `MpError`."""
    manifest = project / MANIFEST if project.is_dir() else project
    if not manifest.exists():
        where = f"{project} has no {MANIFEST}" if project.is_dir() else f"There is no {project}"
        raise MpError(f"{where}.", "Name the project's folder, or start one with `mp init`.")
    return manifest


def check_is_manifest(path: Path, text: str) -> None:
    """Raises `MpError` for an OpenAPI document that was named in the place of the manifest."""
    import yaml

    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    if isinstance(read, dict) and not {"openapi", "swagger"}.isdisjoint(read) and {"paths", "info"} & read.keys():
        beside = path.parent / MANIFEST
        hint = f"Publish {beside}, which names it." if beside.exists() else f"Publish the {MANIFEST} that names it."
        raise MpError(f"{path} is an OpenAPI document, not a service's manifest.", hint)


def _at(manifest: str, endpoint: str) -> str:
    """The manifest with this address of its endpoint; one that cannot be read is left to the marketplace to refuse."""
    import yaml

    try:
        read = yaml.safe_load(manifest)
    except (yaml.YAMLError, ValueError, RecursionError):
        return manifest
    if not isinstance(read, dict):
        return manifest
    own = read.get("endpoint")
    read["endpoint"] = {**(own if isinstance(own, dict) else {}), "url": endpoint}
    return yaml.safe_dump(read, sort_keys=False, allow_unicode=True)


def follow(mp: Mp, submission_id: str, deadline: float) -> "SubmissionView":
    """The submission once it has ended. Shows what is new on the way."""
    shown: dict[int, str] = {}
    has_announced_wait = False
    while True:
        now = mp.client.submission(submission_id)
        for evidence in now.phases:
            if shown.get(evidence.phase) != evidence.outcome:
                shown[evidence.phase] = evidence.outcome
                _show_phase(mp, evidence)
        if now.state in ("released", "refused"):
            return now
        if now.state == "waiting" and not has_announced_wait:
            has_announced_wait = True
            # On standard error also with --json: a silent wait of hours looks like a hang.
            mp.console.tell(_waits(now))
        if time.monotonic() > deadline:
            raise MpError(
                f"{now.service} {now.version} is not decided yet ({now.state}).",
                "Run `mp publish` again with the same files to look on.",
                Exit.WAITING,
            )
        time.sleep(_LOOK_SECONDS)


def _waits(now: "SubmissionView") -> str:
    reason = now.approval.reason.rstrip(".") if now.approval is not None else ""
    why = f" ({reason})" if reason else ""
    return (
        f"{now.service} {now.version} waits for a person of the marketplace{why}: "
        f"`mp approvals show {now.id}` and `mp approvals approve {now.id}` are theirs. Ctrl-C stops only the waiting."
    )


def _show_phase(mp: Mp, evidence: "EvidenceView") -> None:
    seconds = (evidence.ended_at - evidence.started_at).total_seconds()
    sign = SIGNS[evidence.outcome]
    mp.console.note(f"{evidence.phase:>2}/10 {evidence.name:<14} {sign:<18} {seconds:6.2f} s")
    for finding in evidence.findings:
        mp.console.note(finding_text(finding))


def finding_text(finding: "FindingView") -> str:
    """A finding with its place, its code and what to do, for people."""
    where = f"{finding.where}: " if finding.where else ""
    remedy = f"\n         -> {finding.fix}" if finding.fix else ""
    return f"      {finding.level:<7} {where}{finding.message} ({finding.code}){remedy}"


def conclude(mp: Mp, ended: "SubmissionView") -> None:
    """How it ended, for people."""
    if ended.state == "released":
        mp.console.say(f"{ended.service} {ended.version} is released.")
        return
    failed = [f"{phase.phase} ({phase.name})" for phase in ended.phases if phase.outcome == "failed"]
    reason = ended.approval.reason if ended.approval is not None and ended.approval.state == "rejected" else ""
    why = f"phase {', '.join(failed)} failed" if failed else reason or "it was rejected"
    mp.console.say(f"{ended.service} {ended.version} is refused: {why}. Correct it and run `mp publish` again.")


def document_of(manifest: Path, text: str) -> Path | None:
    """The document that the manifest names; a manifest that cannot be read is left to the marketplace to refuse."""
    import yaml

    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
    named = read.get("openapi") if isinstance(read, dict) else None
    return manifest.parent / named if isinstance(named, str) and named else None


def read_text(path: Path) -> str:
    """A text file of at most 15 MiB. Raises `MpError`."""
    try:
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise MpError(f"{path} has more than 15 MiB.", "Publish a smaller document.")
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        if isinstance(error, UnicodeDecodeError):
            raise MpError(f"{path} is not UTF-8 text.", "Save it as UTF-8.") from None
        reason = getattr(error, "strerror", None) or error
        raise MpError(f"{path} cannot be read: {reason}.", "Name the right file.") from None
