"""`mp services`: the catalogue, and what it says about one service."""

from typing import TYPE_CHECKING, Literal

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError
from mercato_cli.names import split_name
from mercato_cli.prices import cheapest_first, included_in, price_of

if TYPE_CHECKING:
    from mercato_contracts.publishing import ReleaseDiffView, ServiceView

_RELEASES_SHOWN = 5
_REASON = click.option("--reason", required=True, help="Consumers read it.")
_STATUS = {"live": "live", "held": "held", "not_deployed": "not deployed"}


@click.group()
def services() -> None:
    """Services of the catalogue."""


@services.command("list")
@click.option("--vendor", help="Only those of this vendor.")
@command
def list_services(mp: Mp, vendor: str | None) -> None:
    """List all services by name."""
    found = sorted(mp.client.list_services(), key=lambda each: each.name)
    shown = [each for each in found if vendor in (None, each.vendor)]
    rows = [
        (each.name, each.version, each.task, _STATUS[each.status], ", ".join(each.plans), each.summary or each.title)
        for each in shown
    ]
    mp.console.show(
        {"items": [each.model_dump(mode="json") for each in shown]},
        lambda: mp.console.table(
            ["service", "version", "task", "status", "plans", "what it does"],
            rows,
            "No service is listed yet. Publish one with `mp publish`." if vendor is None else
            f"{vendor} lists no service. See all with `mp services list`.",
        ),
    )  # fmt: skip


@services.command("show")
@click.argument("service", metavar="VENDOR/NAME")
@command
def show_service(mp: Mp, service: str) -> None:
    """Show a service with its plans, releases and operations."""
    vendor, name, _ = split_name(service)
    found = mp.client.service(vendor, name)
    mp.console.show(found.model_dump(mode="json"), lambda: _show(mp, found))


@services.command("diff")
@click.argument("service", metavar="VENDOR/NAME")
@click.argument("first", metavar="VERSION", required=False)
@click.argument("second", metavar="VERSION", required=False)
@command
def diff_releases(mp: Mp, service: str, first: str | None, second: str | None) -> None:
    """Show what changed between two releases, and which callers it breaks.

    With one VERSION: since the release before it. With none: the latest release.
    """
    vendor, name, _ = split_name(service)
    if first is None or second is None:
        first, second = _neighbours(mp.client.service(vendor, name), first)
    found = mp.client.diff_releases(vendor, name, first, second)
    mp.console.show(found.model_dump(mode="json"), lambda: _show_diff(mp, found))


@services.command("deprecate")
@click.argument("service", metavar="VENDOR/NAME@VERSION")
@_REASON
@command
def deprecate_release(mp: Mp, service: str, reason: str) -> None:
    """Deprecate a release of yours: calls go on, and the catalogue shows the reason."""
    _end(mp, service, "deprecate", reason)


@services.command("yank")
@click.argument("service", metavar="VENDOR/NAME@VERSION")
@_REASON
@command
def yank_release(mp: Mp, service: str, reason: str) -> None:
    """Yank a release of yours for good: no call reaches it any more."""
    _end(mp, service, "yank", reason)


@services.command("withdraw")
@click.argument("service", metavar="VENDOR/NAME")
@command
def withdraw_service(mp: Mp, service: str) -> None:
    """Take a service of yours from the catalogue; a new release lists it again."""
    vendor, name, _ = split_name(service)
    mp.client.withdraw_service(vendor, name)
    mp.console.show(
        {"service": f"{vendor}/{name}", "status": "withdrawn"}, lambda: mp.console.say(f"{vendor}/{name} is withdrawn.")
    )


def _end(mp: Mp, service: str, ending: Literal["deprecate", "yank"], reason: str) -> None:
    vendor, name, version = split_name(service)
    if not version:
        raise MpError("The version is missing.", f"Name it: `mp services {ending} vendor/name@1.2.0`.")
    ended = mp.client.end_release(vendor, name, version.removeprefix("@"), ending, reason)
    mp.console.show(
        ended.model_dump(mode="json"), lambda: mp.console.say(f"{vendor}/{name} {ended.version} is {ended.status}.")
    )


def _neighbours(service: "ServiceView", version: str | None) -> tuple[str, str]:
    versions = [release.version for release in service.releases]
    later = version or service.latest_version
    below = versions[versions.index(later) + 1 :] if later in versions else []
    if not below:
        raise MpError(f"There is no release before {later}.", "Name two versions; `mp services show` lists them.")
    return below[0], later


def _show_diff(mp: Mp, found: "ReleaseDiffView") -> None:
    console = mp.console
    console.say(f"{found.service}: {found.earlier} to {found.later}")
    if not found.complete:
        console.note("The documents could not be compared completely, so the release is treated as breaking.")
    enough = "is high enough" if found.keeps_semver else "is lower than that"
    console.say(f"It needs at least a {found.bump} version, {found.least}; {found.later} {enough}.")
    rows = [(change.weight, change.message, change.where, change.rule) for change in found.changes]
    console.table(["weight", "what changed", "where", "rule"], rows, "Nothing that callers see has changed.")


def _show(mp: Mp, found: "ServiceView") -> None:
    console = mp.console
    console.fields(
        [
            ("service", f"{found.vendor}/{found.name}"),
            ("title", found.title),
            ("summary", found.summary),
            ("vendor", found.vendor_name + (" (verified)" if found.vendor_verified else "")),
            ("protocol", f"{found.protocol}, for {found.task}"),
            ("licence", found.licence),
            ("seen by", "its vendor and those it names" if found.visibility == "private" else "everybody"),
            ("tags", ", ".join(found.tags)),
            ("context", found.context_window),
        ]
    )
    console.say("")
    plans = [(plan.name, price_of(plan), included_in(plan), plan.title) for plan in cheapest_first(found.plans)]
    console.table(["plan", "price", "included", ""], plans, "No plan is open.")
    console.say("")
    releases = [
        (release.version, release.status, str(release.released_at)[:10], release.status_reason)
        for release in found.releases[:_RELEASES_SHOWN]
    ]
    console.table(["release", "status", "since", ""], releases, "No release.")
    operations = found.releases[0].operations if found.releases else []
    if operations:
        console.say("")
        console.table(
            ["operation", "path", ""], [(each.method, each.path, each.summary) for each in operations], "No operation."
        )
