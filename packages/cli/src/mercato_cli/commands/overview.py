"""`mp overview`, `mp all-keys`, `mp settings`: what operators look at first."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.overview import Overview

_NANO = 1_000_000_000


@click.command()
@command
def overview(mp: Mp) -> None:
    """The marketplace at a glance: health, decisions that wait, money and calls of today, incidents."""
    found = mp.client.overview()
    mp.console.show(found.model_dump(mode="json"), lambda: _draw(mp, found))


@click.command("all-keys")
@click.option("--organisation", metavar="NAME", help="Only those of this organisation.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many at most.")
@command
def all_keys(mp: Mp, organisation: str | None, limit: int) -> None:
    """The keys of every organisation: who made them, when they were used last, what they cost this month."""
    page = mp.client.keys_of_all(organisation, limit)
    rows = [
        (
            each.id, each.organisation, each.name, each.created_by_name or each.created_by,
            "revoked" if each.revoked_at else "in force", str(each.last_used_at or "never")[:16], each.month_calls,
            _sums(each.month_nanos),
        )
        for each in page.items
    ]  # fmt: skip
    headers = ["key", "organisation", "name", "made by", "state", "last used", "calls", "this month"]
    mp.console.show(page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "There are no keys."))


@click.command()
@command
def settings(mp: Mp) -> None:
    """The settings that the control plane has read, each with its source; secrets are hidden."""
    found = mp.client.settings()
    rows = [(each.name, "" if each.value is None else each.value, each.source) for each in found.items]
    mp.console.show(
        found.model_dump(mode="json"), lambda: mp.console.table(["setting", "value", "source"], rows, "None.")
    )


def _draw(mp: Mp, found: "Overview") -> None:
    down = [f"{each.name} {each.state}" for each in found.services if each.state != "up"]
    queue, calls, last = found.approvals, found.calls, found.reconciliation
    pairs = [
        ("health", ", ".join(down) or "every service is up"),
        (
            "approvals",
            f"{queue.waiting} wait" + (f", the oldest for {_age(queue.oldest_seconds)}" * bool(queue.waiting)),
        ),
        ("calls today", f"{calls.calls:,}, {calls.failed:,} failed (yesterday until now {calls.calls_before:,})"),
        ("charged today", _sums({each.currency: each.charged_nanos for each in found.money}) or "nothing"),
        ("disputes", f"{found.open_disputes} wait for a person"),
        ("reconciliation", "none yet" if last is None else f"{last.day}: {'agrees' if last.agrees else 'DISAGREES'}"),
    ]
    if found.under_maintenance:
        pairs.append(("maintenance", "in force: nobody but operators changes anything"))
    mp.console.fields(pairs)
    if queue.oldest:
        waiting = [
            (each.submission_id, each.service, each.version, _age(each.waiting_seconds)) for each in queue.oldest
        ]
        mp.console.table(["submission", "service", "version", "waits for"], waiting, "")
    if found.incidents:
        rows = [(each.kind, each.severity, each.subject, str(each.since or "")[:19]) for each in found.incidents]
        mp.console.table(["incident", "severity", "about", "since"], rows, "")


def _age(seconds: int | None) -> str:
    hours, minutes = divmod((seconds or 0) // 60, 60)
    return f"{hours // 24} d {hours % 24} h" if hours >= 24 else f"{hours} h {minutes} min"


def _sums(nanos: dict[str, int]) -> str:
    return ", ".join(f"{value / _NANO:,.2f} {currency}" for currency, value in sorted(nanos.items()))
