"""`mp workflows`, `mp queues`: the marketplace's durable work, for operators."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.workflows import WorkflowView

_REASON = click.option("--reason", required=True, help="Why; it is in the audit log.")
_STATES = click.Choice(["waiting", "running", "done", "failed", "cancelled"])


@click.group()
def workflows() -> None:
    """Work that outlives a crash: submissions under way, training runs, rounds that are settled."""


@workflows.command("list")
@click.option("--state", type=_STATES, help="Only these.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many at most.")
@command
def list_workflows(mp: Mp, state: str | None, limit: int) -> None:
    """The newest workflows."""
    page = mp.client.workflows(state, limit)
    rows = [
        (each.id, each.state, each.steps, str(each.started_at)[:19], str(each.changed_at)[:19], each.error)
        for each in page.items
    ]
    headers = ["workflow", "state", "steps", "started", "changed", "error"]
    mp.console.show(page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "None."))


@workflows.command("retry")
@click.argument("workflow")
@_REASON
@command
def retry(mp: Mp, workflow: str, reason: str) -> None:
    """Resume WORKFLOW, which failed or was cancelled, after the last completed step."""
    _show(mp, mp.client.order_workflow(workflow, "retry", reason))


@workflows.command("cancel")
@click.argument("workflow")
@_REASON
@command
def cancel(mp: Mp, workflow: str, reason: str) -> None:
    """End WORKFLOW at its next step; what it works on stays as it is."""
    _show(mp, mp.client.order_workflow(workflow, "cancel", reason))


@click.command()
@command
def queues(mp: Mp) -> None:
    """What waits to be done: news, workflows, messages of webhooks."""
    found = mp.client.queues()
    rows = [
        (each.name, each.waiting, "" if each.oldest_seconds is None else f"{each.oldest_seconds} s", "old" * each.stale)
        for each in found.items
    ]
    headers = ["queue", "waiting", "oldest", ""]
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "Nothing is known yet."))


def _show(mp: Mp, found: "WorkflowView") -> None:
    pairs = [("workflow", found.id), ("state before", found.state), ("steps", found.steps)]
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.fields(pairs))
    mp.console.note("The worker will do it; `mp workflows list` shows the result.")
