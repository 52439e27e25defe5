"""`mp score`: a round's scores, and the same scores computed again from what was published."""

from typing import TYPE_CHECKING

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import Exit, MpError

if TYPE_CHECKING:
    from mercato_contracts.desk import Reconciliation
    from mercato_contracts.scores import RoundScores


@click.group()
def score() -> None:
    """Scores of rounds, which anyone can recompute."""


@score.command("show")
@click.argument("round_id", metavar="ROUND")
@command
def show_score(mp: Mp, round_id: str) -> None:
    """Show the scores of ROUND (`rnd_…`, see `mp data list`) and of the baselines."""
    scores = mp.client.scores(round_id)[0]
    mp.console.show(scores.model_dump(mode="json"), lambda: _show(mp, scores))


def _show(mp: Mp, scores: "RoundScores") -> None:
    mp.console.fields(
        [
            ("round", scores.number),
            ("consensus", f"{scores.consensus_ic:+.4f}"),
            ("equal weights", f"{scores.equal_weight_ic:+.4f}"),
            ("best single", f"{scores.best_single_ic:+.4f}"),
        ]
    )
    mp.console.table(
        ["vendor", "deployment", "weight", "rank IC", "contribution", "unique", "churn", "deflated", "failed"],
        [
            (
                one.vendor, one.deployment, f"{one.weight / 1e9:.1%}",
                f"{one.rank_ic:+.4f}", f"{one.contribution:+.4f}",
                f"{one.uniqueness:.2f}", f"{one.churn:.2f}", f"{one.deflated_sharpe:.1%}", " ".join(one.gates),
            )
            for one in scores.deployments
        ],
        "No deployment scored every era of this round.",
    )  # fmt: skip


@score.command("verify")
@click.argument("round_id", metavar="ROUND")
@command
def verify_score(mp: Mp, round_id: str) -> None:
    """Recompute the scores of ROUND locally from its published inputs and compare every digit.

    Exit code 1 if anything differs.
    """
    import hashlib

    from mercato_contracts.scores import ScoreInputs, score_round

    published, exact = mp.client.scores(round_id)
    content = mp.client.score_inputs(round_id)
    digest = hashlib.sha256(content).hexdigest()
    if digest != published.inputs:
        raise MpError(
            f"The inputs have the digest {digest}; the scores were computed from {published.inputs}.",
            "Contact the operator.",
        )
    again = score_round(ScoreInputs.model_validate_json(content))
    same = again.model_dump_json().encode() == exact
    result = {"round": round_id, "inputs": digest, "equal": same, "deployments": len(again.deployments)}
    mp.console.show(result, lambda: mp.console.say(f"{len(again.deployments)} deployments, inputs {digest[:16]}…"))
    if not same:
        raise MpError(_difference(published, again), "Keep both files and contact the operator.", Exit.REFUSED)
    mp.console.note("Every digit is the same.")


@score.command("claim")
@click.argument("deployment")
@click.option("--eras", type=click.IntRange(20, 100_000), required=True, help="How many eras your backtest covered.")
@click.option("--mean-ic", type=click.FloatRange(-1, 1), required=True, help="Their mean rank IC.")
@click.option("--deviation", type=click.FloatRange(0, 1, min_open=True), required=True,
              help="The standard deviation of their rank ICs.")  # fmt: skip
@click.option("--source", required=True, help="A short description of the backtest.")
@command
def claim_backtest(mp: Mp, deployment: str, eras: int, mean_ic: float, deviation: float, source: str) -> None:
    """Publish the result of your backtest of DEPLOYMENT. The first claim is final; `mp score live` compares with it."""
    result = mp.client.claim_backtest(deployment, eras, mean_ic, deviation, source)
    mp.console.show(result.model_dump(mode="json"), lambda: _show_live(mp, result))


@score.command("live")
@click.argument("deployment")
@command
def show_live(mp: Mp, deployment: str) -> None:
    """Compare live results of DEPLOYMENT with the backtest that its vendor claimed."""
    result = mp.client.reconciliation(deployment)
    mp.console.show(result.model_dump(mode="json"), lambda: _show_live(mp, result))


_VERDICTS = {
    "as-claimed": "within two standard errors of the claim",
    "worse": "worse than claimed, by more than two standard errors",
    "better": "better than claimed, by more than two standard errors",
    "too-early": "too early: 20 live eras are needed",
    "unclaimed": "no claim was made",
}


def _show_live(mp: Mp, result: "Reconciliation") -> None:
    claimed = result.claimed
    mp.console.fields(
        [
            ("deployment", result.deployment),
            ("vendor", result.vendor),
            ("claimed", claimed and f"{claimed.mean_ic:+.4f} ± {claimed.deviation:.4f} over {claimed.eras} eras"),
            ("from", claimed and claimed.source),
            ("live", f"{result.live_mean_ic:+.4f} ± {result.live_deviation:.4f} over {result.live_eras} eras"),
            ("z", None if result.z is None else f"{result.z:+.2f}"),
            ("verdict", _VERDICTS[result.verdict]),
        ]
    )


def _difference(published: "RoundScores", again: "RoundScores") -> str:
    for result, found in zip(published.deployments, again.deployments, strict=False):
        for name, value in result.model_dump().items():
            if value != getattr(found, name) and name != "eras":
                return f"{result.deployment}: {name} was published as {value} and recomputes to {getattr(found, name)}."
    return "The published scores differ from the recomputed ones."
