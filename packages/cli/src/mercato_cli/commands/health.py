"""`mp health`: how the marketplace's own services are doing."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.health import GaugeView

_GIB = 1024**3


@click.group()
def health() -> None:
    """The marketplace's own services, each probed every 30 seconds by another process."""


@health.command("show")
@command
def show_health(mp: Mp) -> None:
    """Every service as it was probed last; exit code 1 unless all are up."""
    found = mp.client.health()
    rows = [
        (each.name, each.state, _ms(each.latency_ms), each.version, str(each.since or "")[:19], each.detail)
        for each in found.services
    ]
    depths = [(each.name, gauge.name, _value(gauge)) for each in found.services for gauge in each.gauges]

    def draw() -> None:
        mp.console.table(["service", "state", "answers in", "version", "since", "why"], rows, "None.")
        if depths:
            mp.console.table(["service", "figure", "value"], depths, "None.")

    mp.console.show(found.model_dump(mode="json"), draw)
    if found.state != "up":
        raise SystemExit(1)


@health.command("history")
@click.argument("service")
@click.option(
    "--step",
    type=click.Choice(["quarter", "hour", "day"]),
    default="hour",
    show_default=True,
    help="How long each row is.",
)
@click.option("--since", metavar="TIME", help="Not before this time (RFC 3339); a day ago when left out.")
@command
def show_history(mp: Mp, service: str, step: str, since: str | None) -> None:
    """How SERVICE did over time; 90 days are kept."""
    found = mp.client.health_history(service, step, since)
    rows = [
        (str(span.start)[:16], span.probes, span.failed, _ms(span.latency_ms), _ms(span.latency_max_ms))
        for span in found.spans
    ]
    headers = ["from", "probes", "failed", "mean", "slowest"]
    mp.console.show(
        found.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "It was not probed in this time.")
    )


@health.command("changes")
@click.option("--service", metavar="NAME", help="Only this one.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many at most.")
@command
def list_changes(mp: Mp, service: str | None, limit: int) -> None:
    """What went down and came back, the newest first."""
    page = mp.client.health_changes(service, limit)
    rows = [(str(each.at)[:19], each.service, each.before, each.state, each.detail) for each in page.items]
    headers = ["when", "service", "was", "is", "why"]
    mp.console.show(page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "Nothing went down."))


def _ms(value: int | None) -> str:
    return "" if value is None else f"{value} ms"


def _value(gauge: "GaugeView") -> str:
    amount = f"{gauge.value / _GIB:.1f} GiB" if gauge.unit == "bytes" else f"{gauge.value} {gauge.unit}"
    return f"{amount} (old)" if gauge.stale else amount
