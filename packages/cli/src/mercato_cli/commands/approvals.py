"""`mp approvals`: what waits for an operator's decision, what was found, and the decision."""

import time
from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.commands.publish import SIGNS, finding_text
from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    from mercato_contracts.publishing import ApprovalDetail, Decision, EvidenceView, SubmissionView, WaitingView

_CHECKS_SECONDS = 120.0
_RELEASE_SECONDS = 20.0
_LOOK_SECONDS = 0.3


@click.group()
def approvals() -> None:
    """Releases that wait for an operator's decision."""


@approvals.command("list")
@click.option(
    "--state", type=click.Choice(["pending", "decided", "approved", "rejected"]), default="pending", show_default=True,
    help="Those that wait, or those that people decided.",
)  # fmt: skip
@click.option("--search", "words", default="", help="Words of the service, version, rule or reason.")
@click.option("--mine", is_flag=True, help="Only those that you claimed, or decided on.")
@command
def list_approvals(mp: Mp, state: str, words: str, mine: bool) -> None:
    """List releases that wait for a decision, oldest first, or that were decided, newest first."""
    found = mp.client.list_approvals(state, words, mine=mine)
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(
            ["submission", "service", "version", "since", "due", "claimed by", "findings", "why"],
            [
                (w.submission.id, f"{w.submission.vendor}/{w.submission.service}", w.submission.version,
                 w.approval.created_at, w.due_at, w.claim.name if w.claim else "", _counts(w.phases),
                 w.approval.reason)
                for w in found
            ],
            "No release waits for a decision." if state == "pending" else "No such decision.",
        ),
    )  # fmt: skip
    if found:
        mp.console.note("Read one with `mp approvals show SUBMISSION`.")


@approvals.command("show")
@click.argument("submission_id")
@command
def show_approval(mp: Mp, submission_id: str) -> None:
    """Show a submission: its vendor, what each phase found and measured, and all decisions."""
    found = mp.client.submission(submission_id)
    detail = _detail(mp, found)
    more = detail.model_dump(mode="json", include={"claim", "comments", "due_at", "waiting_seconds"}) if detail else {}
    mp.console.show({**found.model_dump(mode="json"), **more}, lambda: _show(mp, found, detail))


@approvals.command("claim")
@click.argument("submission_id")
@click.option("--take-over", is_flag=True, help="Claim it although another person has claimed it.")
@command
def claim_approval(mp: Mp, submission_id: str, take_over: bool) -> None:
    """Claim a release: nobody else decides while you look at it."""
    found = mp.client.claim_approval(submission_id, take_over=take_over)
    _say(mp, found, "You have claimed {}.")


@approvals.command("let-go")
@click.argument("submission_id")
@command
def let_approval_go(mp: Mp, submission_id: str) -> None:
    """Let go of a release that you claimed."""
    _say(mp, mp.client.let_approval_go(submission_id), "Nobody has claimed {}.")


@approvals.command("comment")
@click.argument("submission_id")
@click.argument("text")
@command
def comment_on_approval(mp: Mp, submission_id: str, text: str) -> None:
    """Say something about a release to the other operators; the vendor does not see it."""
    _say(mp, mp.client.comment_on_approval(submission_id, text), "Your comment on {} is recorded.")


@approvals.command("approve")
@click.argument("submission_id")
@click.option("--reason", required=True, help="What you checked; kept permanently.")
@click.option("--digest", help="What you looked at, as `show` has it: other content is refused.")
@command
def approve(mp: Mp, submission_id: str, reason: str, digest: str | None) -> None:
    """Approve a release; `list` shows its SUBMISSION_ID."""
    _decide(mp, submission_id, "approve", reason, digest)


@approvals.command("reject")
@click.argument("submission_id")
@click.option("--reason", required=True, help="What the vendor must correct; shown to the vendor.")
@command
def reject(mp: Mp, submission_id: str, reason: str) -> None:
    """Reject a release."""
    _decide(mp, submission_id, "reject", reason)


def _detail(mp: Mp, found: "SubmissionView") -> "ApprovalDetail | None":
    """What operators see beside it; a vendor reads its own submission without."""
    if found.approval is None:
        return None
    try:
        return mp.client.approval(found.id)
    except MpError as error:
        if error.problem.get("code") != "not_allowed":
            raise
        return None


def _say(mp: Mp, found: "ApprovalDetail", sentence: str) -> None:
    what = f"{found.submission.vendor}/{found.submission.service} {found.submission.version}"
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.say(sentence.format(what)))


def _decide(mp: Mp, submission_id: str, decision: "Decision", reason: str, digest: str | None = None) -> None:
    decided = _await_and_decide(mp, submission_id, decision, reason, digest)
    is_live = decided.approval.state == "approved" and _await_release(mp, submission_id)
    mp.console.show(decided.model_dump(mode="json"), lambda: mp.console.say(_sentence(decided, is_live=is_live)))


def _await_and_decide(
    mp: Mp, submission_id: str, decision: "Decision", reason: str, digest: str | None
) -> "WaitingView":
    """The decision; where the checks still run it is taken once they are done, if they leave anything to decide."""
    from mercato_cli.progress import Progress

    deadline = time.monotonic() + _CHECKS_SECONDS
    with Progress(mp.console, "its checks are running"):
        while True:
            try:
                return mp.client.decide(submission_id, decision, reason, digest)
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


def _show(mp: Mp, found: "SubmissionView", detail: "ApprovalDetail | None") -> None:
    approval = found.approval
    names = detail.people if detail else {}
    mp.console.fields(
        [
            ("submission", found.id),
            ("service", f"{found.vendor}/{found.service} {found.version}"),
            ("vendor", found.vendor),
            ("state", found.state),
            ("submitted", f"{found.created_at:%Y-%m-%d %H:%M} UTC by {names.get(found.created_by, found.created_by)}"),
            ("why approval", approval and approval.reason),
            ("approvals needed", approval and approval.required_people),
            ("digest", found.digest),
            ("due", detail and f"{detail.due_at:%Y-%m-%d %H:%M} UTC"),
            (
                "claimed by",
                detail and detail.claim and f"{detail.claim.name} since {detail.claim.at:%Y-%m-%d %H:%M} UTC",
            ),
            *(
                (f"{vote.decision} by", f"{names.get(vote.person, vote.person)}: {vote.reason}")
                for vote in (approval.votes if approval else [])
            ),
        ]
    )
    for comment in detail.comments if detail else []:
        mp.console.say(f"{comment.at:%Y-%m-%d %H:%M} {comment.name}: {comment.text}")
    for phase in found.phases:
        mp.console.say("")
        mp.console.say(f"{phase.phase} {phase.name}: {SIGNS[phase.outcome]}")
        mp.console.fields([(f"  {name}", names.get(text, text)) for name, text in map(_fact, phase.facts.items())])
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
