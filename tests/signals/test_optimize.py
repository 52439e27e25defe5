"""Portfolios: limits that hold, conflicts that are named, parts that sum to the whole."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mercato.signals.attribution import attribute
from mercato.signals.optimize import optimize
from mercato.signals.refusals import PortfolioInfeasible, PortfolioInputUnusable
from mercato_contracts.consensus import NANO
from mercato_contracts.optimizer import OptimizerInferenceRequest, OptimizerInferenceResponse

NAMES = [f"N{at}" for at in range(8)]
ROUND = "rnd_" + "0" * 32
NEAR = 20  # billionths: eight roundings, and the solver's own
SOLVED = NANO // 100_000


def _asked(objective: str = "mean-variance", held: Any = None, **constraints: Any) -> OptimizerInferenceRequest:
    draws = np.random.default_rng(5)
    market = draws.standard_normal((250, 1)) * 0.008
    returns = market + draws.standard_normal((250, 8)) * np.linspace(0.005, 0.03, 8)
    scores = [0.9, -0.8, 0.5, -0.4, 0.3, -0.2, 0.1, 0.0]
    return OptimizerInferenceRequest.model_validate(
        {"round": ROUND, "era": 9, "objective": objective, "names": NAMES, "scores": scores,
         "returns": returns.tolist(), "held": held or {}, "constraints": constraints}
    )  # fmt: skip


def _sums(body: OptimizerInferenceResponse) -> tuple[int, int, int]:
    values = list(body.positions.values())
    return sum(abs(v) for v in values), sum(values), max(abs(v) for v in values)


OBJECTIVES = ["mean-variance", "hrp", "min-cvar"]


class TestFigures:
    @pytest.mark.parametrize("objective", OBJECTIVES)
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"returns": [[0.0] * 8] * 9}, "N0 never moves"),
            ({"returns": [[0.1] * 8] * 9}, "N0 never moves"),
            ({"returns": [[5e-324] * 8, [0.0] * 8, [0.0] * 8]}, "N0 never moves"),
            ({"returns": [[1e308] * 8, [-1e308] * 8, [0.0] * 8]}, "no market has"),
            ({"returns": [[1e200] * 8, [-0.5] * 8, [0.0] * 8]}, "no market has"),
            ({"returns": [[0.1] * 8, [-1.5] * 8, [0.0] * 8]}, "no market has"),
            ({"scores": [1e308, -1e308] * 4}, "score of N0"),
        ],
    )
    def test_what_no_market_has_is_refused_by_name(self, objective: str, change: dict[str, Any], words: str) -> None:
        asked = OptimizerInferenceRequest.model_validate(_asked(objective).model_dump() | change)
        with pytest.raises(PortfolioInputUnusable, match=words):
            optimize(asked)


class TestLimits:
    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_gross_net_and_per_name_hold_for_every_objective(self, objective: str) -> None:
        answer = optimize(_asked(objective, gross=NANO, net_least=0, net_most=0, per_name=NANO // 4))
        gross, net, largest = _sums(answer)
        assert gross <= NANO + SOLVED
        assert abs(net) <= SOLVED
        assert largest <= NANO // 4 + SOLVED
        assert gross > NANO // 10
        assert answer.expected > 0 < answer.risk

    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_long_only_and_fully_invested(self, objective: str) -> None:
        answer = optimize(_asked(objective, long_only=True, gross=NANO, net_least=NANO, net_most=NANO))
        assert min(answer.positions.values()) >= -SOLVED
        assert abs(_sums(answer)[1] - NANO) <= SOLVED
        assert {"gross", "net"} <= set(answer.binding)

    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_turnover_counts_from_what_is_held(self, objective: str) -> None:
        held = {"N0": -NANO // 4, "N1": NANO // 4}
        answer = optimize(_asked(objective, held, gross=NANO, turnover=NANO // 10))
        changed = sum(abs(answer.positions[name] - held.get(name, 0)) for name in NAMES)
        assert changed <= NANO // 10 + SOLVED
        assert "turnover" in answer.binding

    def test_a_sector_is_bounded_both_ways(self) -> None:
        sector = {"sector": "energy", "names": ["N0", "N2", "N4"], "least": -NANO // 20, "most": NANO // 20}
        answer = optimize(_asked(gross=NANO, net_least=0, net_most=0, sectors=[sector]))
        assert abs(sum(answer.positions[name] for name in ("N0", "N2", "N4"))) <= NANO // 20 + SOLVED
        assert "sector" in answer.binding

    def test_higher_scores_get_more_and_more_aversion_to_the_market_is_not_needed(self) -> None:
        answer = optimize(_asked(gross=NANO, net_least=0, net_most=0))
        assert answer.positions["N0"] > 0 > answer.positions["N1"]

    def test_cvar_is_lower_where_it_is_what_is_minimised(self) -> None:
        limits: dict[str, Any] = {"long_only": True, "gross": NANO, "net_least": NANO, "net_most": NANO}
        asked = _asked("min-cvar", **limits)
        other = optimize(_asked("mean-variance", **limits))
        returns = np.array(asked.returns)
        days = np.sort(returns @ np.array([other.positions[name] / NANO for name in NAMES]))
        assert optimize(asked).risk < -days[: len(days) // 20].mean()


class TestInfeasible:
    def test_the_least_conflicting_set_is_named_with_what_each_must_give(self) -> None:
        with pytest.raises(PortfolioInfeasible) as refused:
            optimize(_asked(gross=NANO, net_least=NANO, net_most=NANO, per_name=NANO // 10, turnover=3 * NANO))
        assert refused.value.facts["conflict"] == ["net", "per_name"]
        gaps = list(refused.value.facts["relax_by"].values())
        # Eight names of a tenth each hold 80 %: net must give 20 %, or each name 2.5 %.
        assert gaps == pytest.approx([NANO // 5, NANO // 40], abs=1000)

    @pytest.mark.parametrize("objective", OBJECTIVES)
    def test_a_turnover_too_small_to_reach_the_net_is_explained(self, objective: str) -> None:
        with pytest.raises(PortfolioInfeasible) as refused:
            optimize(_asked(objective, gross=2 * NANO, net_least=NANO, net_most=NANO, turnover=NANO // 2))
        assert sorted(refused.value.facts["conflict"]) == ["net", "turnover"]
        assert "turnover at most 50.00%" in refused.value.detail

    def test_a_sector_that_must_hold_more_than_the_whole_is_explained(self) -> None:
        sector = {"sector": "energy", "names": ["N0"], "least": NANO // 2, "most": NANO}
        with pytest.raises(PortfolioInfeasible) as refused:
            optimize(_asked(gross=NANO, per_name=NANO // 4, sectors=[sector]))
        assert sorted(refused.value.facts["conflict"]) == ["per_name", "sector"]


whole_of = st.dictionaries(st.sampled_from(NAMES), st.integers(-NANO, NANO), min_size=1)


class TestAttribution:
    @given(st.integers(1, 5), whole_of, st.randoms(use_true_random=False))
    def test_parts_sum_to_the_whole_exactly_whatever_coalitions_hold(self, count: int, whole: Any, chance: Any) -> None:
        players = [f"v{at}" for at in range(count)]
        _, parts = attribute(
            players, whole, lambda _: {name: chance.randint(-NANO, NANO) for name in NAMES}, dict.fromkeys(players, 1)
        )
        for name, position in whole.items():
            assert sum(parts[player][name] for player in players) == position

    def test_shapley_gives_what_each_adds_and_nothing_to_who_adds_nothing(self) -> None:
        """The textbook glove game: one left glove, two right ones, a pair is worth 600."""

        def worth(coalition: frozenset[str]) -> dict[str, int]:
            return {"N0": 600 if "left" in coalition and coalition & {"right", "other"} else 0}

        method, parts = attribute(
            ["left", "right", "other", "idle"], {"N0": 600}, worth, dict.fromkeys(["left", "right", "other", "idle"], 1)
        )
        assert method == "shapley"
        assert [parts[one]["N0"] for one in ("left", "right", "other", "idle")] == [400, 100, 100, 0]

    def test_more_than_ten_are_left_out_one_at_a_time_and_still_sum_exactly(self) -> None:
        players = [f"v{at:02d}" for at in range(12)]
        asked: list[frozenset[str]] = []

        def positions(coalition: frozenset[str]) -> dict[str, int]:
            asked.append(coalition)
            return {"N0": len(coalition) ** 2 * 1000, "N1": -7}

        whole = {"N0": 144_000, "N1": -7, "N2": 5}
        method, parts = attribute(players, whole, positions, {player: at + 1 for at, player in enumerate(players)})
        assert method == "leave-one-out"
        assert len(asked) == 12
        for name, position in whole.items():
            assert sum(part[name] for part in parts.values()) == position

    def test_of_one_vendor_all_is_its_own(self) -> None:
        whole = {"N0": 3, "N1": -3}
        assert attribute(["v"], whole, lambda _: {}, {"v": 1})[1] == {"v": whole}
