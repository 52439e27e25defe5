"""`mp canary`: a new release on a share of the calls, until it is promoted or rolled back."""

from typing import TYPE_CHECKING, Any

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError
from mercato_cli.names import split_name

if TYPE_CHECKING:
    from mercato_contracts.publishing import CanaryFigures, CanaryView

_REASON = click.option("--reason", required=True, help="The reason; kept with the verdict.")


@click.group()
def canary() -> None:
    """Try a new release on a share of the calls; the marketplace promotes it or rolls it back."""


@canary.command("start")
@click.argument("service", metavar="VENDOR/NAME@VERSION")
@click.option("--percent", type=click.IntRange(1, 99), help="The share of calls that name no exact version.")
@click.option("--min-calls", type=click.IntRange(10), help="Calls that each release needs before a verdict.")
@click.option("--min-minutes", type=click.IntRange(0), help="The earliest promotion after its start.")
@click.option("--max-error-points", type=click.IntRange(0, 10_000),
              help="How far its error rate may exceed the stable release's, in hundredths of a percent.")  # fmt: skip
@click.option(
    "--max-p95-percent",
    type=click.IntRange(100, 10_000),
    help="The highest accepted p95, in percent of the stable release's.",
)
@command
def start_canary(mp: Mp, service: str, **terms: int | None) -> None:
    """Start a canary: VERSION, the newest, takes a share of the calls."""
    from mercato_contracts.publishing import CanaryRequest

    vendor, name, version = split_name(service)
    if not version:
        raise MpError("The version is missing.", "Name it: `mp canary start vendor/name@1.2.0`.")
    given: dict[str, Any] = {field: value for field, value in terms.items() if value is not None}
    request = CanaryRequest.model_validate({"version": version.removeprefix("@"), **given})
    begun = mp.client.start_canary(vendor, name, request)
    mp.console.show(
        begun.model_dump(mode="json"),
        lambda: mp.console.say(f"{vendor}/{name} {begun.version} takes {begun.percent} % of the calls."),
    )


@canary.command("show")
@click.argument("service", metavar="VENDOR/NAME")
@command
def show_canaries(mp: Mp, service: str) -> None:
    """List a service's canaries, newest first, with figures and reason of each verdict."""
    vendor, name, _ = split_name(service)
    found = mp.client.list_canaries(vendor, name)
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in found]},
        lambda: mp.console.table(
            ["version", "share", "state", "canary", "stable", "reason"],
            [(each.version, f"{each.percent} %", each.state, _text_of(each.canary), _text_of(each.stable), each.reason)
             for each in found],
            "No canary yet. Start one with `mp canary start`.",
        ),
    )  # fmt: skip


@canary.command("promote")
@click.argument("service", metavar="VENDOR/NAME")
@_REASON
@command
def promote_canary(mp: Mp, service: str, reason: str) -> None:
    """Promote the canary: it takes all calls now."""
    vendor, name, _ = split_name(service)
    _show_end(mp, mp.client.end_canary(vendor, name, "promote", reason))


@canary.command("abort")
@click.argument("service", metavar="VENDOR/NAME")
@_REASON
@command
def abort_canary(mp: Mp, service: str, reason: str) -> None:
    """Roll the canary back now; it only gets calls that name its version."""
    vendor, name, _ = split_name(service)
    _show_end(mp, mp.client.end_canary(vendor, name, "abort", reason))


def _show_end(mp: Mp, ended: "CanaryView") -> None:
    mp.console.show(ended.model_dump(mode="json"), lambda: mp.console.say(f"{ended.version} is {ended.state}."))


def _text_of(figures: "CanaryFigures | None") -> str:
    if figures is None:
        return "-"
    p95 = "" if figures.p95_us is None else f", p95 {figures.p95_us / 1000:.1f} ms"
    return f"{figures.failed} of {figures.calls} failed{p95}"
