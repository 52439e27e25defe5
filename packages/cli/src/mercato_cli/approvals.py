"""`mp approvals`: what waits for an operator's decision, and the decision."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.publishing import Decision, WaitingView


@click.group()
def approvals() -> None:
    """Releases that wait for people, as the operator sees them."""


@approvals.command("list")
@command
def list_approvals(mp: Mp) -> None:
    """What waits, the oldest first, and why."""
    waiting = mp.client.list_approvals()
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in waiting]},
        lambda: mp.console.table(
            ["submission", "service", "version", "why"],
            [(w.submission.id, w.submission.service, w.submission.version, w.approval.reason) for w in waiting],
            "Nothing waits.",
        ),
    )


@approvals.command("approve")
@click.argument("submission_id")
@click.option("--reason", required=True, help="What you looked at; kept for good.")
@command
def approve(mp: Mp, submission_id: str, reason: str) -> None:
    """Let a release go live; `list` shows its SUBMISSION_ID."""
    _decide(mp, submission_id, "approve", reason)


@approvals.command("reject")
@click.argument("submission_id")
@click.option("--reason", required=True, help="What the vendor must mend; they read it.")
@command
def reject(mp: Mp, submission_id: str, reason: str) -> None:
    """Refuse a release."""
    _decide(mp, submission_id, "reject", reason)


def _decide(mp: Mp, submission_id: str, decision: "Decision", reason: str) -> None:
    decided = mp.client.decide(submission_id, decision, reason)
    mp.console.show(decided.model_dump(mode="json"), lambda: mp.console.say(_sentence(decided)))


def _sentence(decided: "WaitingView") -> str:
    what = f"{decided.submission.service} {decided.submission.version}"
    missing = decided.approval.required_people - len(decided.approval.votes)
    if decided.approval.state == "pending":
        return f"Noted. {what} waits for {missing} more."
    return f"{what} is {decided.approval.state}."
