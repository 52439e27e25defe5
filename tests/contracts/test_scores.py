"""Scores of a round: against an independent oracle, and the same digits in whatever order things come."""

import math
import random
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numerai_tools import scoring
from numerai_tools import signals as numerai_signals

from mercato_contracts import ranking
from mercato_contracts.consensus import NANO
from mercato_contracts.scores import RoundScores, ScoreInputs, combine, score_round

# Steps of a thousandth: with ties, as real signals have them, and never so close that a rank hangs on rounding.
steps = st.integers(-1000, 1000).map(lambda step: step / 1000)
columns = st.integers(5, 60).flatmap(
    lambda n: st.tuples(*[st.lists(steps, min_size=n, max_size=n).filter(lambda row: len(set(row)) > 2)] * 3)
)


def _series(values: Any) -> "pd.Series[float]":
    return pd.Series(values, index=[f"n{at:03d}" for at in range(len(values))], name="signal")


class TestAgainstNumerai:
    @given(columns)
    def test_rank_and_tail_correlation_and_contribution_agree(self, given: Any) -> None:
        scores, consensus, raw = given
        targets = ranking.percent_rank(raw)
        said, true = _series(scores), _series(targets)
        oracle = scoring.spearman_correlation(true, said)
        assert ranking.rank_correlation(scores, targets) == pytest.approx(oracle, abs=1e-9)
        oracle = scoring.correlation_contribution(said.to_frame(), _series(consensus), true)["signal"]
        assert ranking.contribution(scores, consensus, targets) == pytest.approx(oracle, abs=1e-9)

    @pytest.mark.parametrize("size", [10, 20, 57, 200])
    def test_tail_correlation_agrees(self, size: int) -> None:
        chance = random.Random(size)
        # Numerai's own function refuses targets that the power changes too much; ranks of returns are none of them.
        targets = ranking.percent_rank([chance.random() for _ in range(size)])
        scores = [chance.uniform(-1, 1) for _ in range(size)]
        oracle = scoring.numerai_corr(_series(scores).to_frame(), _series(targets))["signal"]
        assert ranking.tail_correlation(scores, targets) == pytest.approx(oracle, abs=1e-9)

    def test_churn_and_turnover_agree(self) -> None:
        inputs = _inputs(models=1, eras=2)
        score = score_round(inputs).deployments[0]
        rows = [_named(inputs, at) for at in (0, 1)]
        assert score.churn == pytest.approx(numerai_signals.churn(*rows), abs=1e-9)
        weights = [scoring.weight_normalize(scoring.center(row.rank())) for row in rows]
        assert score.turnover == pytest.approx(numerai_signals.turnover(*weights), abs=1e-9)

    def test_a_constant_signal_scores_nothing_instead_of_nan(self) -> None:
        targets = [0.1, 0.5, 0.9]
        assert ranking.rank_correlation([0.3] * 3, targets) == 0.0
        assert ranking.tail_correlation([0.3] * 3, targets) == 0.0
        assert ranking.contribution([0.3] * 3, [1, 2, 3], targets) == 0.0


class TestDeflatedSharpe:
    def test_the_example_of_the_paper_comes_out(self) -> None:
        """Annual Sharpe ratio 2.5 from 5 years of days, 100 trials of variance 1/2: 0.9004 (Bailey, López de Prado)."""
        best = math.sqrt(0.5 / 250) * ranking.expected_best(100)
        assert best == pytest.approx(0.1132, abs=5e-5)
        found = 2.5 / math.sqrt(250)
        answer = ranking.sharpe_above(best, found, skewness=-3, kurtosis=10, independent=1250)
        assert answer == pytest.approx(0.9004, abs=5e-5)

    def test_the_expected_best_is_near_what_simulation_finds(self) -> None:
        draws = np.random.default_rng(7).standard_normal((4000, 50)).max(axis=1)
        assert ranking.expected_best(50) == pytest.approx(draws.mean(), abs=0.03)

    def test_more_trials_and_overlapping_horizons_make_it_less_believable(self) -> None:
        payoffs = [0.05 + 0.2 * NormalDist().inv_cdf((at * 37 % 100 + 0.5) / 100) for at in range(100)]
        seen = [ranking.deflated_sharpe(payoffs, trials=n, independent=100) for n in (1, 2, 10, 100)]
        assert seen == sorted(seen, reverse=True)
        assert seen[0] > 0.95 > seen[-1]
        assert ranking.deflated_sharpe(payoffs, trials=1, independent=20) < seen[0]

    def test_unskilled_vendors_who_try_often_are_rarely_believed(self) -> None:
        chance = np.random.default_rng(11)
        believed = 0
        for _ in range(200):
            tries = chance.standard_normal((30, 120)) * 0.2
            best = max(tries.tolist(), key=ranking.sharpe)
            believed += ranking.deflated_sharpe(best, trials=30, independent=120) > 0.95
        assert believed <= 10 + 10  # 5 percent of 200, and three standard deviations more


def _inputs(models: int = 3, eras: int = 4, size: int = 20, seed: int = 1, **change: Any) -> ScoreInputs:
    chance = random.Random(seed)
    names = [f"s{at:02d}" for at in range(size)]
    truth, answer = [], [[] for _ in range(models)]  # type: ignore[var-annotated]
    for era in range(1, eras + 1):
        ids = [f"n{era}x{at}" for at in range(size)]
        order = chance.sample(range(size), size)
        targets = ranking.percent_rank([chance.random() for _ in range(size)])
        truth.append({"era": era, "ids": ids, "names": [names[at] for at in order], "targets": targets})
        for model in range(models):
            scores = {one: round(chance.uniform(-1, 1), 6) for one in ids}
            answer[model].append({"era": era, "place": era, "scores": scores})
    signals = [
        {"deployment": f"dep_{at:032x}", "vendor": f"v{at}", "weight": 0, "trials": at + 1, "eras": answer[at],
         "history": [chance.gauss(0.02 * at, 0.2) for _ in range(30)]}
        for at in range(models)
    ]  # fmt: skip
    signals[0]["weight"] = NANO
    given = {"spec": {}, "round": "rnd_" + "0" * 32, "number": 1, "eras": truth, "signals": signals}
    return ScoreInputs.model_validate(given | change)


def _named(inputs: ScoreInputs, at: int) -> "pd.Series[float]":
    era, answer = inputs.eras[at], inputs.signals[0].eras[at].scores
    return pd.Series({name: answer[one] for name, one in zip(era.names, era.ids, strict=True)}).sort_index()


def _figures(scores: RoundScores) -> dict[str, Any]:
    """All but the digest of the inputs' bytes, whatever order deployments and eras stand in."""
    answer = scores.model_dump(exclude={"inputs"})
    for one in answer["deployments"]:
        one["eras"].sort(key=lambda era: era["era"])
    return answer | {"deployments": sorted(answer["deployments"], key=lambda one: one["deployment"])}


class TestDigits:
    @given(st.randoms(use_true_random=False))
    def test_the_order_of_ids_and_deployments_changes_no_digit(self, chance: random.Random) -> None:
        inputs = _inputs()
        answer = inputs.model_dump()
        for era in answer["eras"]:
            order = chance.sample(range(len(era["ids"])), len(era["ids"]))
            for field in ("ids", "names", "targets"):
                era[field] = [era[field][at] for at in order]
        chance.shuffle(answer["signals"])
        assert _figures(score_round(ScoreInputs.model_validate(answer))) == _figures(score_round(inputs))

    def test_inputs_survive_their_own_bytes_and_name_themselves(self) -> None:
        inputs = _inputs()
        again = ScoreInputs.model_validate_json(inputs.to_bytes())
        assert again.to_bytes() == inputs.to_bytes()
        assert score_round(again) == score_round(inputs)

    def test_one_changed_score_changes_figures_and_digest(self) -> None:
        inputs = _inputs()
        answer = inputs.model_dump()
        era = answer["signals"][1]["eras"][2]["scores"]
        high, low = max(era, key=era.get), min(era, key=era.get)
        era[high], era[low] = era[low], era[high]
        changed, before = score_round(ScoreInputs.model_validate(answer)), score_round(inputs)
        assert changed.inputs != before.inputs
        assert changed.deployments[1].rank_ic != before.deployments[1].rank_ic
        assert changed.deployments[0].rank_ic == before.deployments[0].rank_ic


class TestRound:
    def test_the_best_single_is_who_led_before_and_not_who_turned_out_best(self) -> None:
        inputs = _inputs(models=4, seed=3)
        scores = score_round(inputs)
        leader = max(inputs.signals, key=lambda one: ranking.mean(one.history))
        expected = {one.deployment: one.rank_ic for one in scores.deployments}
        assert scores.best_single_ic == expected[leader.deployment]

    def test_a_copy_is_not_unique_and_one_of_the_same_vendor_does_not_count(self) -> None:
        answer = _inputs(models=2).model_dump()
        copy = {**answer["signals"][0], "deployment": "dep_" + "f" * 32}
        own = score_round(ScoreInputs.model_validate(answer | {"signals": [*answer["signals"], copy]}))
        foreign = score_round(
            ScoreInputs.model_validate(answer | {"signals": [*answer["signals"], copy | {"vendor": "copycat"}]})
        )
        assert own.deployments[0].uniqueness > 0.5
        assert foreign.deployments[0].uniqueness == 0.0

    def test_gates_name_what_failed(self) -> None:
        answer = _inputs(models=2).model_dump()
        answer["spec"] = {"churn_most": 0.1, "turnover_most": 0.1}
        for era in answer["signals"][1]["eras"]:
            era["scores"] = dict.fromkeys(era["scores"], 0.5)
        wild, flat = score_round(ScoreInputs.model_validate(answer)).deployments
        assert wild.gates == ["churn", "turnover"]
        assert "constant" in flat.gates

    def test_a_signal_that_lacks_an_id_is_not_scored_at_all(self) -> None:
        answer = _inputs().model_dump()
        answer["signals"][0]["eras"][0]["scores"].popitem()
        with pytest.raises(ValueError, match="one score for each id"):
            ScoreInputs.model_validate(answer)

    def test_the_consensus_of_one_signal_ranks_as_it_does(self) -> None:
        signal = [0.3, -0.2, 0.9, 0.0]
        both = combine([signal, [0.0, 1.0, -1.0, 0.5]], [NANO, 0])
        assert ranking.rank_average(both) == ranking.rank_average(signal)
        assert max(map(abs, both)) == 1.0
