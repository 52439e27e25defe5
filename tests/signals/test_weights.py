"""Weights of the consensus: exact sums, caps that hold, clones that gain nothing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mercato.signals.apportion import apportion, round_to_sum
from mercato.signals.weights import Candidate, Weights, WeightSpec, decide_weights, effective_models, find_clusters
from mercato_contracts.consensus import NANO

SPEC = WeightSpec()
NAMES, ERAS = 20, 6


def _candidates(vendors: list[int], skills: list[float], eras: int = 60) -> list[Candidate]:
    return [
        Candidate(f"dep_{at:032x}", f"v{vendor}", [skill] * eras)
        for at, (vendor, skill) in enumerate(zip(vendors, skills, strict=True))
    ]


def _related(models: int, seed: int) -> np.ndarray:
    """Some of them close to others, by steps from nothing to almost the same."""
    chance = np.random.default_rng(seed)
    scores = chance.uniform(-1, 1, (models, ERAS, NAMES))
    for at in range(1, models):
        if chance.uniform() < 0.7:
            near = chance.choice([0.1, 0.25, 0.5, 0.8, 0.95])
            scores[at] = near * scores[int(chance.integers(at))] + (1 - near) * scores[at]
    return scores


def _unrelated(models: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (models, ERAS, NAMES))


worlds = st.integers(1, 9).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 4), min_size=n, max_size=n),
        st.lists(st.floats(-0.1, 0.2), min_size=n, max_size=n),
        st.integers(0, 1000),
    )
)


class TestApportion:
    @given(st.integers(0, 10**12), st.lists(st.floats(0, 1e6), min_size=1, max_size=30))
    def test_parts_sum_exactly_and_each_is_within_one_of_its_due(self, total: int, shares: list[float]) -> None:
        parts = apportion(total, shares)
        whole = sum(shares)
        if whole:
            assert sum(parts) == total
            assert all(abs(p - total * s / whole) <= 1 + 1e-3 for p, s in zip(parts, shares, strict=True))

    def test_the_largest_remainder_goes_first_and_ties_to_the_earlier(self) -> None:
        assert apportion(10, [1, 1, 1]) == [4, 3, 3]
        assert round_to_sum([-1.5, 0.7, 1.2], 0) == [-2, 1, 1]

    def test_what_cannot_be_shared_is_refused(self) -> None:
        with pytest.raises(ValueError, match="not negative"):
            apportion(1, [1, -1])
        with pytest.raises(ValueError, match="too far"):
            round_to_sum([0.0], 5)


class TestWeights:
    @settings(deadline=None)
    @given(worlds)
    def test_they_sum_to_one_exactly_and_hold_the_caps_where_they_can_be_held(
        self, world: tuple[list[int], list[float], int]
    ) -> None:
        vendors, skills, seed = world
        weights = decide_weights(_candidates(vendors, skills), _unrelated(len(vendors), seed), SPEC)
        assert sum(weights.nanos) == NANO
        owners = set(vendors)
        capacity = sum(min(SPEC.vendor_cap, SPEC.cluster_cap * vendors.count(v)) for v in owners)
        if capacity >= 1:
            assert max(weights.nanos) <= SPEC.cluster_cap * NANO + len(vendors)
            for vendor in owners:
                held = sum(n for n, v in zip(weights.nanos, vendors, strict=True) if v == vendor)
                assert held <= SPEC.vendor_cap * NANO + len(vendors)

    @settings(deadline=None)
    @given(worlds, st.integers(1, 6), st.data())
    def test_splitting_a_signal_into_clones_never_raises_what_they_get(
        self, world: tuple[list[int], list[float], int], clones: int, data: st.DataObject
    ) -> None:
        vendors, skills, seed = world
        scores = _related(len(vendors), seed)
        chosen = data.draw(st.integers(0, len(vendors) - 1))
        # Under the vendor's own name, under other vendors', or under new ones.
        names = data.draw(st.lists(st.integers(0, 12), min_size=clones, max_size=clones))
        before = decide_weights(_candidates(vendors, skills), scores, SPEC)
        after = decide_weights(
            _candidates(vendors + names, skills + [skills[chosen]] * clones),
            np.concatenate([scores, np.repeat(scores[chosen : chosen + 1], clones, axis=0)]),
            SPEC,
        )
        together = after.nanos[chosen] + sum(after.nanos[len(vendors) :])
        assert together <= before.nanos[chosen] + len(vendors) + clones
        assert sum(after.nanos) == NANO

    def test_without_evidence_they_are_equal_and_with_ever_more_they_follow_skill(self) -> None:
        skills = [0.06, 0.03, 0.01, 0.0, 0.0]
        vendors = list(range(5))

        def after(eras: int) -> Weights:
            return decide_weights(_candidates(vendors, skills, eras), _unrelated(5), WeightSpec(trailing_eras=10**6))

        few, more, many = after(5), after(500), after(500_000)
        assert max(few.nanos) - min(few.nanos) < 0.005 * NANO
        assert few.nanos[0] < more.nanos[0] <= many.nanos[0]
        assert many.nanos[0] == pytest.approx(0.3 * NANO, abs=5)  # its cap
        assert many.reasons[0] == "cluster-cap"
        # Three skilled ones hold at most 30 % each, so the caps leave this much to those without skill.
        assert many.nanos[3:] == pytest.approx([0.05 * NANO] * 2, abs=5)

    def test_new_held_and_silent_ones_have_none_and_the_reason_is_told(self) -> None:
        known = _candidates([0, 1, 2, 3], [0.02] * 4)
        seen = [*known, Candidate("dep_new", "v9", [0.5] * 4), Candidate("dep_held", "v8", [0.5] * 60, "held")]
        weights = decide_weights(seen, _unrelated(6), SPEC)
        assert weights.nanos[4:] == [0, 0]
        assert weights.reasons[4:] == ["shadow", "held"]

    def test_where_nobody_may_have_any_all_are_zero(self) -> None:
        weights = decide_weights([Candidate("dep_new", "v", [])], _unrelated(1), SPEC)
        assert (weights.nanos, weights.reasons, weights.effective_models) == ([0], ["shadow"], 0.0)

    def test_a_vendor_of_many_models_holds_its_cap_together(self) -> None:
        weights = decide_weights(_candidates([0, 0, 0, 0, 1, 2, 3], [0.02] * 7), _unrelated(7), SPEC)
        assert sum(weights.nanos[:4]) == pytest.approx(0.4 * NANO, abs=10)
        assert set(weights.reasons[:4]) == {"vendor-cap"}


class TestClusters:
    def test_what_is_alike_through_others_is_one_cluster(self) -> None:
        correlations = np.array([[1, 0.9, 0.1, 0], [0.9, 1, 0.85, 0], [0.1, 0.85, 1, 0], [0, 0, 0, 1.0]])
        assert find_clusters(correlations, 0.8) == [0, 0, 0, 1]

    def test_the_effective_number_is_the_participation_ratio_of_the_eigenvalues(self) -> None:
        draws = np.random.default_rng(3).standard_normal((6, 50)) + np.random.default_rng(4).standard_normal(50)
        correlations = np.asarray(np.corrcoef(draws), dtype=np.float64).reshape(6, 6)
        values = np.linalg.eigvalsh(correlations)
        assert effective_models(correlations) == pytest.approx(values.sum() ** 2 / np.square(values).sum())
        assert effective_models(np.eye(5)) == 5
        assert effective_models(np.ones((5, 5))) == pytest.approx(1)
