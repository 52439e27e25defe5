"""`mp approvals`: what waits for an operator's decision, what was found, and the decision."""

import time
from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.publish import SIGNS, finding_text
from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    from mercato_contracts.publishing import Decision, EvidenceView, SubmissionView, WaitingView

_CHECKS_SECONDS = 120.0
_RELEASE_SECONDS = 20.0
_LOOK_SECONDS = 0.3


@click.group()
def approvals() -> None:
    """Releases that wait for an operator's decision."""


@approvals.command("list")
@command
def list_approvals(mp: Mp) -> None:
    """List releases that wait for a decision, oldest first, and why."""
    waiting = mp.client.list_approvals()
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in waiting]},
        lambda: mp.console.table(
            ["submission", "service", "version", "since", "findings", "why"],
            [
                (w.submission.id, f"{w.submission.vendor}/{w.submission.service}", w.submission.version,
                 w.approval.created_at, _counts(w.phases), w.approval.reason)
                for w in waiting
            ],
            "No release waits for a decision.",
        ),
    )  # fmt: skip
    if waiting:
        mp.console.note("Read one with `mp approvals show SUBMISSION`.")


@approvals.command("show")
@click.argument("submission_id")
@command
def show_approval(mp: Mp, submission_id: str) -> None:
    """Show a submission: its vendor, what each phase found and measured, and all decisions."""
    found = mp.client.submission(submission_id)
    mp.console.show(found.model_dump(mode="json"), lambda: _show(mp, found))


@approvals.command("approve")
@click.argument("submission_id")
@click.option("--reason", required=True, help="What you checked; kept permanently.")
@command
def approve(mp: Mp, submission_id: str, reason: str) -> None:
    """Approve a release; `list` shows its SUBMISSION_ID."""
    _decide(mp, submission_id, "approve", reason)


@approvals.command("reject")
@click.argument("submission_id")
@click.option("--reason", required=True, help="What the vendor must correct; shown to the vendor.")
@command
def reject(mp: Mp, submission_id: str, reason: str) -> None:
    """Reject a release."""
    _decide(mp, submission_id, "reject", reason)


def _decide(mp: Mp, submission_id: str, decision: "Decision", reason: str) -> None:
    decided = _await_and_decide(mp, submission_id, decision, reason)
    is_live = decided.approval.state == "approved" and _await_release(mp, submission_id)
    mp.console.show(decided.model_dump(mode="json"), lambda: mp.console.say(_sentence(decided, is_live=is_live)))


def _await_and_decide(mp: Mp, submission_id: str, decision: "Decision", reason: str) -> "WaitingView":
    """The decision; where the checks still run it is taken once they are done, if they leave anything to decide."""
    from mercato_cli.progress import Progress

    deadline = time.monotonic() + _CHECKS_SECONDS
    with Progress(mp.console, "its checks are running"):
        while True:
            try:
                return mp.client.decide(submission_id, decision, reason)
            except MpError as error:
                if error.problem.get("code") != "approval_not_found" or time.monotonic() > deadline:
                    raise
                state = mp.client.submission(submission_id).state
                if state not in ("received", "checking", "waiting"):
                    raise MpError(f"It is already {state}.", "See `mp approvals show`.", Exit.REFUSED) from None
            time.sleep(_LOOK_SECONDS)


def _await_release(mp: Mp, submission_id: str) -> bool:
    """Whether the approved release is live within some seconds, so that it can be used by the next command."""
    deadline = time.monotonic() + _RELEASE_SECONDS
    while (state := mp.client.submission(submission_id).state) != "released":
        if state == "refused" or time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _sentence(decided: "WaitingView", *, is_live: bool) -> str:
    what = f"{decided.submission.vendor}/{decided.submission.service} {decided.submission.version}"
    missing = decided.approval.required_people - len(decided.approval.votes)
    if decided.approval.state == "pending":
        return f"Your approval is recorded. {what} needs {missing} more."
    return f"{what} is {decided.approval.state}{' and live' if is_live else ''}."


def _counts(phases: "list[EvidenceView]") -> str:
    """How many errors and warnings there are, such as `2 warnings`."""
    levels = [finding.level for phase in phases for finding in phase.findings]
    counts = [(levels.count(level), level) for level in ("error", "warning")]
    return ", ".join(f"{count} {level}{'s' if count > 1 else ''}" for count, level in counts if count) or "none"


def _show(mp: Mp, found: "SubmissionView") -> None:
    approval = found.approval
    mp.console.fields(
        [
            ("submission", found.id),
            ("service", f"{found.vendor}/{found.service} {found.version}"),
            ("vendor", found.vendor),
            ("state", found.state),
            ("submitted", f"{found.created_at:%Y-%m-%d %H:%M} UTC by {found.created_by}"),
            ("why approval", approval and approval.reason),
            ("approvals needed", approval and approval.required_people),
            *(
                (f"{vote.decision} by", f"{vote.person}: {vote.reason}")
                for vote in (approval.votes if approval else [])
            ),
        ]
    )
    for phase in found.phases:
        mp.console.say("")
        mp.console.say(f"{phase.phase} {phase.name}: {SIGNS[phase.outcome]}")
        mp.console.fields([(f"  {name}", text) for name, text in map(_fact, phase.facts.items())])
        for finding in phase.findings:
            mp.console.say(finding_text(finding))
    if found.state == "waiting":
        mp.console.note(f'Decide with `mp approvals approve {found.id} --reason "…"`, or `reject`.')


def _fact(item: tuple[str, Any]) -> tuple[str, str]:
    """Name and value of a fact; times in milliseconds."""
    name, value = item
    if name.endswith("_us") and isinstance(value, int):
        return name.removesuffix("_us").replace("_", " "), f"{value / 1000:.1f} ms"
    return name.replace("_", " "), _figure(value)


def _figure(value: Any) -> str:
    """A fact of a phase on one line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(" ".join(_fact(each)) for each in value.items())
    if isinstance(value, list):
        return "; ".join(_figure(each) for each in value)
    return "" if value is None else str(value)
