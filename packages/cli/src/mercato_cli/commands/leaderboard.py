"""`mp leaderboard`: whose signals add most to the consensus."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command

if TYPE_CHECKING:
    from mercato_contracts.desk import LeaderboardRow


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
                    item.rank, item.vendor, item.deployment, item.rounds, _with_interval(item),
                    f"{item.rank_ic:+.4f}", f"{item.uniqueness:.2f}", f"{item.deflated_sharpe:.1%}",
                    f"{item.weight / 1e9:.1%}", "held" if item.is_held else "",
                )
                for item in items
            ],
            "No round has been scored yet.",
        ),
    )  # fmt: skip


def _with_interval(row: "LeaderboardRow") -> str:
    """The mean with half of its 95 % interval, once there are two rounds."""
    error = row.contribution_error
    return f"{row.contribution:+.4f}" + ("" if error is None else f" ±{1.96 * error:.4f}")
