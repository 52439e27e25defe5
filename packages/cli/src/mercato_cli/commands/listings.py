"""`mp suggest`, `mp similar`, `mp compare`, `mp categories`, `mp vendors`, `mp measured`, `mp rankings`."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.names import split_name
from mercato_cli.prices import amount, lowest

if TYPE_CHECKING:
    from mercato_contracts.listings import ComparedNumber, ComparisonAnswer, MeasuredSeries, RankingAnswer

_RANKINGS = ("use", "growth", "rating", "speed", "availability")
_LIMIT = click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True, help="How many to show.")


@click.command()
@click.argument("typed", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 20), default=10, show_default=True, help="How many to show.")
@command
def suggest(mp: Mp, typed: tuple[str, ...], limit: int) -> None:
    """Complete the first letters of a word: tasks, vendors, tags and services."""
    found = mp.client.suggest(" ".join(typed), limit)
    rows = [(each.kind, each.name, each.text if each.kind == "service" else "", each.count) for each in found.items]
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(["kind", "name", "title", "calls or services"], rows, "Nothing begins like this."),
    )


@click.command()
@click.argument("service", metavar="VENDOR/NAME")
@_LIMIT
@command
def similar(mp: Mp, service: str, limit: int) -> None:
    """Find services that are like this one, and say why."""
    vendor, name, _ = split_name(service)
    found = mp.client.similar(vendor, name, limit)
    rows = [(each.listing.name, each.listing.title, lowest(each.listing.prices), each.because) for each in found.items]
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(["service", "title", "price", "because"], rows, "Nothing is similar yet."),
    )


@click.command()
@click.argument("services", metavar="VENDOR/NAME...", nargs=-1, required=True)
@click.option("--currency", type=click.Choice(["USD", "EUR"]), default="USD", show_default=True, help="Of the prices.")
@command
def compare(mp: Mp, services: tuple[str, ...], currency: str) -> None:
    """Put up to four services side by side: prices, terms and measured figures; * marks the best."""
    found = mp.client.compare(list(services), currency)
    mp.console.show(found.model_dump(mode="json"), lambda: _show_comparison(mp, found))


@click.command()
@command
def categories(mp: Mp) -> None:
    """List what services do, with the services of each task that are called most."""
    found = mp.client.categories()
    rows = [(each.task, each.services, ", ".join(one.name for one in each.top)) for each in found.items]
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(["task", "services", "called most"], rows, "No service is listed yet."),
    )


@click.command()
@click.argument("slug", metavar="VENDOR")
@command
def vendors(mp: Mp, slug: str) -> None:
    """Show a vendor as everybody sees it; `mp search --vendor` lists its services."""
    found = mp.client.vendor(slug)
    fields = [
        ("vendor", found.slug),
        ("name", found.name + (" (verified)" if found.verified else "")),
        ("since", str(found.since)[:10]),
        ("services", found.services),
        ("tasks", ", ".join(found.tasks)),
        ("calls in 30 days", found.calls),
        ("rating", "no review yet" if found.rating is None else f"{found.rating:.2f} of 5 ({found.reviews} reviews)"),
    ]
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.fields(fields))


@click.command()
@click.argument("service", metavar="VENDOR/NAME")
@click.option("--step", type=click.Choice(["hour", "day"]), default="day", show_default=True, help="Length of a step.")
@click.option("--since", metavar="TIME", help="From this moment on; left out, 30 days or two days back.")
@click.option("--until", metavar="TIME", help="Before this moment.")
@command
def measured(mp: Mp, service: str, step: str, since: str | None, until: str | None) -> None:
    """Show how a service did, measured at the gateways."""
    vendor, name, _ = split_name(service)
    found = mp.client.measured(vendor, name, {"step": step, "since": since, "until": until})
    mp.console.show(found.model_dump(mode="json"), lambda: _show_series(mp, found))


@click.command()
@click.argument("by", type=click.Choice(_RANKINGS), default="use")
@_LIMIT
@command
def rankings(mp: Mp, by: str, limit: int) -> None:
    """Rank services by use, growth, rating, speed or availability, and say by which rule."""
    found = mp.client.rankings(by, limit)
    mp.console.show(found.model_dump(mode="json"), lambda: _show_ranking(mp, found))


@click.command()
@click.option("--task", help="Only services for this task.")
@_LIMIT
@command
def trending(mp: Mp, task: str | None, limit: int) -> None:
    """List services that more organisations call now than before."""
    found = mp.client.trending(task, limit)
    rows = [
        (each.listing.name, each.listing.title, each.listing.task, f"{each.trend_millis / 1000:.1f}", each.consumers)
        for each in found.items
    ]
    headers = ["service", "title", "task", "trend", "organisations"]
    mp.console.show(found.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "Nothing rises yet."))


@click.command()
@_LIMIT
@command
def recommend(mp: Mp, limit: int) -> None:
    """Recommend services to your organisation, from what it and others call, and say why."""
    found = mp.client.recommend(limit)
    rows = [(each.listing.name, each.listing.title, lowest(each.listing.prices), each.because) for each in found.items]
    mp.console.show(
        found.model_dump(mode="json"),
        lambda: mp.console.table(["service", "title", "price", "because"], rows, "Too little is known yet."),
    )


def _show_ranking(mp: Mp, found: "RankingAnswer") -> None:
    rows = [(each.place, each.listing.name, each.listing.title, each.value, each.sample) for each in found.items]
    headers = ["place", "service", "title", found.unit, "sample"]
    mp.console.table(headers, rows, "Too little was measured yet.")
    mp.console.note(found.rule)
    mp.console.note(found.sample)


def _show_series(mp: Mp, found: "MeasuredSeries") -> None:
    rows = [
        (str(each.start)[:16], each.calls, _share(each.availability_bp), _ms(each.p50_us), _ms(each.p95_us))
        for each in found.steps
        if each.calls
    ]
    mp.console.table(["from (UTC)", "calls", "availability", "p50", "p95"], rows, "Nobody called it in this time.")


def _show_comparison(mp: Mp, found: "ComparisonAnswer") -> None:
    names = [each.listing.name for each in found.services]
    rows: list[tuple[str, ...]] = [
        ("task", *(each.listing.task for each in found.services)),
        ("protocol", *(each.listing.protocol for each in found.services)),
        ("licence", *(each.listing.licence for each in found.services)),
        ("version", *(each.listing.version for each in found.services)),
        ("verified", *("yes" if each.vendor_verified else "no" for each in found.services)),
    ]
    rows += [(line.name.replace("_", " "), *_cells(line, found)) for line in found.numbers]
    mp.console.table(["", *names], rows, "")


def _cells(line: "ComparedNumber", found: "ComparisonAnswer") -> list[str]:
    def cell(value: int | None) -> str:
        if value is None:
            return ""
        if line.unit == "nanos":
            return amount(value, found.currency)
        words = {"us": _ms(value), "bp": _share(value), "hundredths": f"{value / 100:.2f}"}
        return words.get(line.unit, str(value))

    return [cell(value) + (" *" if place in line.best else "") for place, value in enumerate(line.values)]


def _share(basis_points: int | None) -> str:
    return "" if basis_points is None else f"{basis_points / 100:.2f} %"


def _ms(microseconds: int | None) -> str:
    return "" if microseconds is None else f"{microseconds / 1000:.1f} ms"
