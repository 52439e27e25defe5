"""`mp sla`, `mp alerts`, `mp status`: what is promised of services, what they do, and what went wrong."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.names import split_name

if TYPE_CHECKING:
    from mercato_contracts.service_levels import ServiceLevelView, ServiceStatusView

_DAYS_SHOWN = 14


@click.group()
def sla() -> None:
    """Promised and measured service levels."""


@sla.command("show")
@click.argument("service", metavar="VENDOR/NAME")
@command
def show_sla(mp: Mp, service: str) -> None:
    """Show what a service promises and what was measured, over five minutes to thirty days."""
    vendor, name, _ = split_name(service)
    found = mp.client.service_level(vendor, name)
    mp.console.show(found.model_dump(mode="json"), lambda: _show_level(mp, found))


@click.group()
def alerts() -> None:
    """Alerts about broken service levels of your services."""


@alerts.command("list")
@click.option("--open", "only_open", is_flag=True, help="Only open alerts.")
@click.option("--everyone", is_flag=True, help="Include all vendors (operators only).")
@click.option(
    "--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="The maximum number of results."
)
@command
def list_alerts(mp: Mp, only_open: bool, everyone: bool, limit: int) -> None:
    """List alerts, newest first."""
    page = mp.client.alerts({"only_open": only_open, "everyone": everyone, "limit": limit})
    rows = [
        (
            alert.id,
            alert.service_id,
            alert.objective,
            alert.severity,
            f"{alert.burn_hundredths / 100:.1f}x",
            f"{alert.bad} of {alert.calls}",
            _minute(alert.opened_at),
            _minute(alert.resolved_at) if alert.resolved_at else "still open",
        )
        for alert in page.items
    ]
    headers = ["id", "service", "objective", "severity", "burn", "bad calls", "opened", "resolved"]
    mp.console.show(
        page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "No alerts: all promises are kept.")
    )


@click.command()
@click.argument("service", metavar="[VENDOR/NAME]", required=False)
@command
def status(mp: Mp, service: str | None) -> None:
    """Show the state of all services, or of one service by day."""
    if service is None:
        listed = mp.client.status()
        rows = [(f"{item.vendor}/{item.name}", item.state, item.title) for item in listed]
        mp.console.show(
            {"items": [item.model_dump(mode="json") for item in listed]},
            lambda: mp.console.table(["service", "now", "title"], rows, "No service is listed."),
        )
        return
    vendor, name, _ = split_name(service)
    found = mp.client.service_status(vendor, name)
    mp.console.show(found.model_dump(mode="json"), lambda: _show_status(mp, found))


def _show_level(mp: Mp, found: "ServiceLevelView") -> None:
    mp.console.fields(
        [
            ("service", f"{found.vendor}/{found.name}"),
            ("promised availability", _share(found.availability_bp) if found.availability_bp is not None else "none"),
            ("promised p95", f"{found.p95_latency_ms} ms" if found.p95_latency_ms is not None else "none"),
            ("error budget left", _share(found.budget_left_bp) if found.budget_left_bp is not None else ""),
            ("open alerts", ", ".join(f"{alert.objective} {alert.severity}" for alert in found.alerts)),
        ]
    )
    rows = [
        (
            window.window,
            "" if window.calls is None else window.calls,
            "" if window.failed is None else window.failed,
            _share(window.availability_bp),
            "no answers" if window.p95_us is None else f"{window.p95_us / 1000:.1f} ms",
        )
        for window in found.windows
    ]
    mp.console.table(["window", "calls", "failed", "availability", "p95"], rows, "")


def _show_status(mp: Mp, found: "ServiceStatusView") -> None:
    mp.console.fields(
        [
            ("service", f"{found.vendor}/{found.name}"),
            ("now", found.state),
            ("90 days", _share(found.availability_bp)),
        ]
    )
    for incident in found.incidents:
        end = f"until {_minute(incident.resolved_at)}" if incident.resolved_at else "still open"
        mp.console.say(f"{incident.objective} {incident.severity}: from {_minute(incident.opened_at)} {end}")
    rows = [(day.day, _share(day.availability_bp)) for day in reversed(found.days[-_DAYS_SHOWN:])]
    mp.console.table(["day", "availability"], rows, "")


def _share(basis_points: int | None) -> str:
    return "no calls" if basis_points is None else f"{basis_points / 100:.2f} %"


def _minute(at: object) -> str:
    return str(at)[:16]
