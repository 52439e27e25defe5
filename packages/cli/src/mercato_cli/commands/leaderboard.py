"""`mp leaderboard`: whose signals add most to the consensus."""

import click

from mercato_cli.command import Mp, command


@click.command()
@command
def leaderboard(mp: Mp) -> None:
    """Rank deployments by what they add to the consensus over all scored rounds."""
    items = mp.client.leaderboard()
    mp.console.show(
        {"items": [item.model_dump(mode="json") for item in items]},
        lambda: mp.console.table(
            ["", "vendor", "deployment", "rounds", "contribution", "rank IC", "unique", "deflated", "weight", ""],
            [
                (
                    item.rank, item.vendor, item.deployment, item.rounds, f"{item.contribution:+.4f}",
                    f"{item.rank_ic:+.4f}", f"{item.uniqueness:.2f}", f"{item.deflated_sharpe:.1%}",
                    f"{item.weight / 1e9:.1%}", "held" if item.is_held else "",
                )
                for item in items
            ],
            "No round has been scored yet.",
        ),
    )  # fmt: skip
