"""The weights of a consensus: from equal towards realised skill, capped, so that clones gain nothing.

1. Signals that correlate by `alike` or more stand in one cluster (and so does what is alike through others). Everything
   that follows first decides for clusters, whose number and skill a clone does not change.
2. A cluster's raw share is `(1 - trust) / clusters + trust * skill / sum of skills`, where skill is the mean trailing
   rank IC of its members, not below 0, and `trust = n / (n + doubt)` with n independent eras observed. `doubt` is the
   ratio of the variance of one era's rank IC to the variance of true skill between signals: the linear Bayes estimate
   of a mean (Efron and Morris, "Stein's Estimation Rule and Its Competitors", JASA 68, 1973).
3. Caps hold per cluster and per owner, the vendor of a cluster's oldest member; what is cut goes to the others in
   proportion. Where there are too few to hold them, both caps are raised by the same factor, as little as needed.
4. Inside a cluster equal shares go to its parts at 0.9, inside those to their parts at 0.95 and so on up to 0.999: what
   is closer shares with each other before it takes from others. Signals that correlate by 0.999 are one and the same;
   what they hold together does not depend on how many they are, and counts against the cap of the oldest one's vendor.
   As far as shares lift a vendor over its cap, they go to the oldest of the cluster, or of those that are the same.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mercato.signals.apportion import apportion
from mercato_contracts.consensus import NANO, WeightReason
from mercato_contracts.ranking import gaussian, mean

Floats = npt.NDArray[np.float64]

_SAME = 0.999
"""Signals with at least this correlation are the same signal."""
_LADDER = (0.9, 0.95, 0.99, _SAME)


@dataclass(frozen=True, slots=True)
class WeightSpec:
    """How weights are made; `cluster_cap` is not above `vendor_cap`, both shares of 1."""

    version: str = "consensus/1"
    horizon_days: int = 5
    doubt: float = 150.0
    """Independent eras at which skill counts as much as equal weights: (0.25 / 0.02) squared, for about 20 names."""
    alike: float = 0.8
    vendor_cap: float = 0.4
    cluster_cap: float = 0.3
    shadow_eras: int = 5
    """A signal with fewer scored eras has no weight."""
    trailing_eras: int = 500

    def __post_init__(self) -> None:
        if not 0 < self.cluster_cap <= self.vendor_cap <= 1:
            raise ValueError("0 < cluster_cap <= vendor_cap <= 1")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A signal that may be part of the consensus; candidates are handed over oldest first.

    `skill` are its rank ICs by era, oldest first. `barred` is why it can have no weight, where there is a reason.
    """

    deployment: str
    vendor: str
    skill: Sequence[float]
    barred: WeightReason | None = None


@dataclass(frozen=True, slots=True)
class Weights:
    """Weights in the order of the candidates; `nanos` sum to `NANO`, or to 0 if nobody may have any."""

    nanos: list[int]
    clusters: list[int]
    reasons: list[WeightReason]
    effective_models: float


def decide_weights(candidates: Sequence[Candidate], scores: Floats, spec: WeightSpec) -> Weights:
    """The weights of these candidates. `scores`: models by eras by ids, of the round that they are for."""
    correlations = correlate(scores)
    clusters = find_clusters(correlations, spec.alike)
    reasons = [_bar(candidate, spec) for candidate in candidates]
    active = [at for at, reason in enumerate(reasons) if reason == "skill"]
    if not active:
        return Weights([0] * len(candidates), clusters, reasons, 0.0)
    # Clusters are formed among eligible candidates: a barred one in between joins nobody.
    shares, caps = _share([candidates[at] for at in active], correlations[np.ix_(active, active)], spec)
    nanos = apportion(NANO, shares)
    weights = Weights([0] * len(candidates), clusters, reasons, effective_models(correlations[np.ix_(active, active)]))
    for at, nano, cap in zip(active, nanos, caps, strict=True):
        weights.nanos[at] = nano
        weights.reasons[at] = cap
    return weights


def correlate(scores: Floats) -> Floats:
    """Correlations of models (models by eras by ids), each era made normal by rank. A constant model: 0 with others."""
    models = len(scores)
    rows = np.array([[gaussian(era.tolist()) for era in model] for model in scores], dtype=float).reshape(models, -1)
    rows -= rows.mean(axis=1, keepdims=True)
    norms = np.linalg.norm(rows, axis=1)
    rows /= np.where(norms > 0, norms, 1.0)[:, None]
    found: Floats = np.clip(rows @ rows.T, -1, 1)
    np.fill_diagonal(found, 1.0)
    return found


def find_clusters(correlations: Floats, alike: float) -> list[int]:
    """The number of each model's cluster, counted in the order of their first members."""
    clusters = [-1] * len(correlations)
    found = 0
    for start in range(len(clusters)):
        if clusters[start] >= 0:
            continue
        reached = [start]
        clusters[start] = found
        while reached:
            at = reached.pop()
            for other in range(len(clusters)):
                if clusters[other] < 0 and correlations[at, other] >= alike:
                    clusters[other] = found
                    reached.append(other)
        found += 1
    return clusters


def effective_models(correlations: Floats) -> float:
    """The participation ratio of the eigenvalues: (their sum)² / the sum of their squares; n for n unrelated models.

    For a correlation matrix that is n² / the sum of its squared entries.
    """
    return float(len(correlations) ** 2 / np.square(correlations).sum()) if len(correlations) else 0.0


def _bar(candidate: Candidate, spec: WeightSpec) -> WeightReason:
    if candidate.barred is not None:
        return candidate.barred
    return "shadow" if len(candidate.skill) < spec.shadow_eras else "skill"


def _share(
    candidates: Sequence[Candidate], correlations: Floats, spec: WeightSpec
) -> tuple[list[float], list[WeightReason]]:
    clusters = _parts(range(len(candidates)), correlations, spec.alike)
    families = [_parts(inside, correlations, _SAME) for inside in clusters]
    owners = [candidates[inside[0]].vendor for inside in clusters]
    raw = _raw_shares(
        [_Cluster([[candidates[at].skill for at in family] for family in inside]) for inside in families], spec
    )
    totals, cluster_cap, vendor_cap = _cap(raw, owners, spec)
    # First between families, whose number a clone does not change …
    every = [family for inside in families for family in inside]
    spread: list[float] = [0.0] * len(candidates)
    owned: list[float] = [0.0] * len(candidates)
    for inside, total in zip(clusters, totals, strict=True):
        owned[inside[0]] = total
        _split(inside, total, correlations, _LADDER, spread)
    eldest = [family[0] for family in every]
    vendors = [candidates[at].vendor for at in eldest]
    held = _mixed(vendors, [spread[at] for at in eldest], [owned[at] for at in eldest], vendor_cap)
    # … then inside them, where one's gain is another's loss.
    equal, first = [0.0] * len(candidates), [0.0] * len(candidates)
    for family, total in zip(every, held, strict=True):
        first[family[0]] = total
        for at in family:
            equal[at] = total / len(family)
    shares = _mixed([candidate.vendor for candidate in candidates], equal, first, vendor_cap)
    reasons: list[WeightReason] = ["skill"] * len(candidates)
    for inside, total, one_raw, owner in zip(clusters, totals, raw, owners, strict=True):
        for at in inside:
            reasons[at] = _reason(total, one_raw, _of(owner, owners, totals), cluster_cap, vendor_cap)
    return shares, reasons


def _parts(members: Sequence[int], correlations: Floats, alike: float) -> list[list[int]]:
    """The clusters of these members at this threshold, each in their order."""
    found = find_clusters(correlations[np.ix_(members, members)], alike)
    parts: list[list[int]] = [[] for _ in range(max(found) + 1)]
    for at, part in zip(members, found, strict=True):
        parts[part].append(at)
    return parts


def _split(
    members: Sequence[int], total: float, correlations: Floats, ladder: Sequence[float], spread: list[float]
) -> None:
    """Write into `spread` what each family's eldest gets of `total`: equal parts at each step of the ladder."""
    if not ladder:
        spread[members[0]] = total
        return
    parts = _parts(members, correlations, ladder[0])
    for part in parts:
        _split(part, total / len(parts), correlations, ladder[1:], spread)


def _mixed(vendors: Sequence[str], spread: Sequence[float], owned: Sequence[float], cap: float) -> list[float]:
    """`spread`, moved towards `owned` just far enough that no vendor exceeds `cap`.

    This always succeeds, because `owned` alone respects the cap.
    """
    pull = 0.0
    for vendor in set(vendors):
        mine = [at for at, one in enumerate(vendors) if one == vendor]
        wide, own = math.fsum(spread[at] for at in mine), math.fsum(owned[at] for at in mine)
        if wide > cap + 1e-12 and wide > own:
            pull = max(pull, min(1.0, (wide - cap) / (wide - own)))
    return [(1 - pull) * share + pull * own for share, own in zip(spread, owned, strict=True)]


def _reason(total: float, raw: float, of_owner: float, cluster_cap: float, vendor_cap: float) -> WeightReason:
    if total >= raw - 1e-12:
        return "skill"
    return "cluster-cap" if total >= cluster_cap - 1e-9 or of_owner < vendor_cap - 1e-9 else "vendor-cap"


def _of(owner: str, owners: Sequence[str], totals: Sequence[float]) -> float:
    return sum(total for one, total in zip(owners, totals, strict=True) if one == owner)


_Skill: TypeAlias = Sequence[float]
"""One model's rank ICs, oldest first."""
_Family: TypeAlias = Sequence[_Skill]
"""Models that are nearly the same."""


@dataclass(frozen=True, slots=True)
class _Cluster:
    """Models that are alike, in families."""

    families: Sequence[_Family]

    def mean_over(self, measure: Callable[[Sequence[float]], float]) -> float:
        """The mean over families of the mean over their models; a clone in a family does not change it much."""
        return mean([mean([measure(skill) for skill in family]) for family in self.families])


def _raw_shares(clusters: Sequence[_Cluster], spec: WeightSpec) -> list[float]:
    """By cluster, from the last `trailing_eras` rank ICs of its models."""

    def recent(skill: Sequence[float]) -> Sequence[float]:
        return skill[-spec.trailing_eras :]

    means = [max(0.0, cluster.mean_over(lambda skill: mean(recent(skill)))) for cluster in clusters]
    whole = sum(means)
    shares = []
    for cluster, skill in zip(clusters, means, strict=True):
        independent = cluster.mean_over(lambda skill: len(recent(skill))) / spec.horizon_days
        trust = independent / (independent + spec.doubt) if whole > 0 else 0.0
        shares.append((1 - trust) / len(clusters) + (trust * skill / whole if whole > 0 else 0.0))
    total = sum(shares)
    return [share / total for share in shares]


def _cap(raw: Sequence[float], owners: Sequence[str], spec: WeightSpec) -> tuple[list[float], float, float]:
    """Shares within both caps, and the caps that could be held."""
    loosening = _least(lambda by: sum(_filled(raw, owners, by * spec.cluster_cap, by * spec.vendor_cap, 1e12)) - 1, 1.0)
    cluster_cap, vendor_cap = min(1.0, loosening * spec.cluster_cap), min(1.0, loosening * spec.vendor_cap)
    level = _least(lambda by: sum(_filled(raw, owners, cluster_cap, vendor_cap, by)) - 1, 1.0)
    totals = _filled(raw, owners, cluster_cap, vendor_cap, level)
    whole = sum(totals)
    return [total / whole for total in totals], cluster_cap, vendor_cap


def _filled(
    raw: Sequence[float], owners: Sequence[str], cluster_cap: float, vendor_cap: float, level: float
) -> list[float]:
    """Raw shares lifted by `level`, cut at the cluster's cap and then, in proportion, at the owner's."""
    cut = [min(level * share, cluster_cap) for share in raw]
    held = {owner: _of(owner, owners, cut) for owner in set(owners)}
    return [
        share * min(1.0, vendor_cap / held[owner]) if held[owner] else 0.0
        for share, owner in zip(cut, owners, strict=True)
    ]


def _least(short: Callable[[float], float], begin: float) -> float:
    """The least value from `begin` on at which a rising function reaches 0, within 1e-12."""
    if short(begin) >= -1e-12:
        return begin
    low, high = begin, begin * 2
    while short(high) < -1e-12 and high < 1e12:
        low, high = high, high * 2
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (low, middle) if short(middle) >= -1e-12 else (middle, high)
    return high
