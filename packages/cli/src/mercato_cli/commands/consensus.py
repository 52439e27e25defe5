"""`mp consensus`: what many signals became, whose weight is how much, and what it has to beat."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

import click

from mercato_cli.command import Mp, command
from mercato_cli.errors import MpError

if TYPE_CHECKING:
    from mercato_contracts.consensus import ConsensusInferenceResponse
    from mercato_contracts.desk import RoundDesk
    from mercato_contracts.scores import RoundScores

Entry = TypeVar("Entry")


@click.group()
def consensus() -> None:
    """The consensus of a round's signals."""


@consensus.command("show")
@click.argument("round_id", metavar="ROUND")
@click.option("--era", type=int, help="The scores of this era too, name by name.")
@command
def show_consensus(mp: Mp, round_id: str, era: int | None) -> None:
    """The weights of ROUND (`rnd_…`), beside what the consensus has to beat: equal weights and the best signal so far.

    Published when the round is resolved; operators see it earlier.
    """
    desk = mp.client.round_desk(round_id)
    by_era = {write.consensus.era: write.consensus for write in desk.consensus}
    of_era = None if era is None else pick_era(by_era, era, round_id)
    scores = find_scores(mp, round_id)
    mp.console.show(_as_json(desk, scores, of_era), lambda: _show(mp, desk, scores, of_era))


def pick_era(by_era: Mapping[int, Entry], era: int | None, round_id: str) -> Entry:
    """The one of this era, or of the last. Raises `MpError`."""
    if not by_era:
        raise MpError(f"There is nothing for {round_id} yet.", "Look again in a minute.")
    wanted = max(by_era) if era is None else era
    if wanted not in by_era:
        raise MpError(f"{round_id} has no era {wanted}.", f"It has eras {min(by_era)} to {max(by_era)}.")
    return by_era[wanted]


def find_scores(mp: Mp, round_id: str) -> "RoundScores | None":
    """The round's scores, if it was scored already."""
    try:
        return mp.client.scores(round_id)[0]
    except MpError as error:
        if error.problem.get("code") == "scores_not_found":
            return None
        raise


def _as_json(
    desk: "RoundDesk", scores: "RoundScores | None", of_era: "ConsensusInferenceResponse | None"
) -> dict[str, object]:
    first = desk.consensus[0].consensus
    chosen = [write for write in desk.consensus if of_era is None or write.consensus.era == of_era.era]
    return {
        "round": desk.round,
        "weights": [weight.model_dump(mode="json") for weight in first.weights],
        "effective_models": first.effective_models,
        "best_single": first.best_single,
        "rank_ic": _rank_ics(desk, scores),
        "eras": [write.model_dump(mode="json") for write in chosen],
    }


def _rank_ics(desk: "RoundDesk", scores: "RoundScores | None") -> dict[str, float | None] | None:
    if scores is None:
        return None
    best = desk.consensus[0].consensus.best_single
    return {
        "consensus": scores.consensus_ic,
        "equal_weight": scores.equal_weight_ic,
        "best_single": _singles(desk, scores).get(best or ""),
    }


def _singles(desk: "RoundDesk", scores: "RoundScores | None") -> dict[str, float]:
    """The rank IC of each deployment, by the id that it has in `desk`."""
    if scores is None:
        return {}
    ids = {stand_in: deployment for deployment, stand_in in desk.stand_ins.items()}
    return {ids.get(one.deployment, one.deployment): one.rank_ic for one in scores.deployments}


def _show(
    mp: Mp,
    desk: "RoundDesk",
    scores: "RoundScores | None",
    of_era: "ConsensusInferenceResponse | None",
) -> None:
    first, last = desk.consensus[0].consensus, desk.consensus[-1].consensus
    vendors = {weight.deployment: weight.vendor for weight in first.weights}
    best = first.best_single
    mp.console.fields(
        [
            ("round", first.round),
            ("eras", f"{first.era} to {last.era}"),
            ("method", first.spec),
            ("independent models", f"{first.effective_models:.2f} of {sum(one.weight > 0 for one in first.weights)}"),
            ("best signal so far", best and f"{best} of {vendors.get(best, '?')}"),
        ]
    )
    ics = _rank_ics(desk, scores)
    if ics is not None:
        mp.console.fields([(f"rank IC of {_NAMES[name]}", _signed(ic)) for name, ic in ics.items()])
    single = _singles(desk, scores)
    mp.console.table(
        ["vendor", "deployment", "weight", "cluster", "decided by", "rank IC"],
        [
            (one.vendor, one.deployment, f"{one.weight / 1e9:.2%}", one.cluster, _REASONS[one.reason],
             _signed(single.get(one.deployment)))
            for one in sorted(first.weights, key=lambda one: (-one.weight, one.vendor, one.deployment))
        ],
        "No signals were written to this round.",
    )  # fmt: skip
    if of_era is not None:
        mp.console.say(f"era {of_era.era}, the highest first")
        order = sorted(of_era.scores, key=lambda one: -of_era.scores[one])
        rows = [(one, f"{of_era.scores[one]:+.4f}", f"{of_era.equal_weight[one]:+.4f}") for one in order]
        mp.console.table(["id", "consensus", "equal weights"], rows, "No scores.")


_NAMES = {
    "consensus": "the consensus",
    "equal_weight": "equal weights",
    "best_single": "the best signal so far",
}
_REASONS = {
    "skill": "skill",
    "vendor-cap": "the cap of a vendor",
    "cluster-cap": "the cap of a cluster",
    "shadow": "new: in shadow",
    "held": "held back",
    "silent": "not every era written",
}


def _signed(ic: float | None) -> str | None:
    return None if ic is None else f"{ic:+.4f}"
