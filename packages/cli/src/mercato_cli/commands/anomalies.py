"""`mp anomalies`: hours of usage that were unusual, and what is normal after all."""

import click

from mercato_cli.command import Mp, command


@click.group()
def anomalies() -> None:
    """Hours in which usage was unusual, beside the same hours of six weeks before."""


@anomalies.command("list")
@click.option("--as-vendor", is_flag=True, help="Of your services, instead of your own calls.")
@click.option("--everyone", is_flag=True, help="Of all organisations (operators).")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many at most.")
@command
def list_anomalies(mp: Mp, as_vendor: bool, everyone: bool, limit: int) -> None:
    """The newest first, each with the reason."""
    side = "marketplace" if everyone else "vendor" if as_vendor else "consumer"
    page = mp.client.anomalies({"side": side, "limit": limit})
    rows = [
        (one.id, one.hour.strftime("%Y-%m-%d %H:%M"), one.name or one.scope, one.sentence,
         "normal" if one.normal_since else "") for one in page.items
    ]  # fmt: skip
    headers = ["id", "hour", "of", "why", ""]
    mp.console.show(page.model_dump(mode="json"), lambda: mp.console.table(headers, rows, "Nothing was unusual."))


@anomalies.command("normal")
@click.argument("anomaly_id", metavar="ANOMALY")
@command
def call_normal(mp: Mp, anomaly_id: str) -> None:
    """Mark ANOMALY as normal: the same amount raises no alert for 90 days."""
    done = mp.client.call_normal(anomaly_id)
    mp.console.show(done.model_dump(mode="json"), lambda: click.echo("As much again is no news for 90 days."))
