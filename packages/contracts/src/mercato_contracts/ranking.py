"""Statistics that come out the same everywhere: what the desk's scores are made of.

Every sum is `math.fsum`, which rounds once, whatever the order of its terms; so two machines that add the same numbers
get the same digits. A correlation with something constant is 0 by definition here, never NaN.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

_NORMAL = NormalDist()

Floats = Sequence[float]


def mean(values: Floats) -> float:
    """The arithmetic mean; 0 of nothing."""
    return math.fsum(values) / len(values) if values else 0.0


def rank_average(values: Floats) -> list[float]:
    """Ranks from 1; equal values share the mean of their ranks."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    begin = 0
    while begin < len(order):
        end = begin
        while end < len(order) and values[order[end]] == values[order[begin]]:
            end += 1
        for at in order[begin:end]:
            ranks[at] = (begin + 1 + end) / 2
        begin = end
    return ranks


def percent_rank(values: Floats) -> list[float]:
    """(rank - 1/2) / n, in (0, 1); ties are kept."""
    return [(rank - 0.5) / len(values) for rank in rank_average(values)]


def gaussian(values: Floats) -> list[float]:
    """The normal quantile of each percent rank. Source: Numerai's `gaussian(tie_kept_rank(x))`."""
    return [_NORMAL.inv_cdf(share) for share in percent_rank(values)]


def correlation(one: Floats, other: Floats) -> float:
    """Pearson's; 0 where either does not vary. Raises `ValueError` when their lengths differ."""
    if len(one) != len(other):
        raise ValueError(f"{len(one)} values against {len(other)}")
    left, right = _centre(one), _centre(other)
    scale = math.fsum(x * x for x in left) * math.fsum(y * y for y in right)
    if scale <= 0:
        return 0.0
    return max(-1.0, min(1.0, math.fsum(x * y for x, y in zip(left, right, strict=True)) / math.sqrt(scale)))


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's: Pearson's of the average ranks."""
    return correlation(rank_average(one), rank_average(other))


def tail_correlation(scores: Floats, targets: Floats) -> float:
    """Pearson's after both were made normal or centred and raised to the power 1.5, which stresses the tails.

    Source: Numerai's `numerai_corr` (docs.numer.ai, "CORR").
    """
    return correlation([_power(x) for x in gaussian(scores)], [_power(y) for y in _centre(targets)])


def contribution(scores: Floats, consensus: Floats, targets: Floats) -> float:
    """Covariance with the target of what of the scores the consensus does not say already.

    Both are made normal by rank, the scores are orthogonalised to the consensus, targets in [0, 1] are spread to [0, 4]
    and centred. Source: Numerai's `correlation_contribution` (docs.numer.ai, "MMC").
    """
    own, common = gaussian(scores), gaussian(consensus)
    square = math.fsum(m * m for m in common)
    share = math.fsum(p * m for p, m in zip(own, common, strict=True)) / square if square else 0.0
    wide = [4 * y for y in targets] if all(0 <= y <= 1 for y in targets) else list(targets)
    return mean([(p - m * share) * y for p, m, y in zip(own, common, _centre(wide), strict=True)])


def _centre(values: Floats) -> list[float]:
    middle = mean(values)
    return [x - middle for x in values]


def _power(x: float) -> float:
    # Multiplication and square root are rounded alike everywhere; a library's power function is not.
    return math.copysign(abs(x) * math.sqrt(abs(x)), x)


def sharpe(payoffs: Floats) -> float:
    """Mean over standard deviation (of n - 1), per observation; 0 where it does not vary or there are fewer than 2."""
    if len(payoffs) < 2:
        return 0.0
    variance = math.fsum(x * x for x in _centre(payoffs)) / (len(payoffs) - 1)
    return mean(payoffs) / math.sqrt(variance) if variance > 0 else 0.0


def deflated_sharpe(payoffs: Floats, *, trials: int, independent: float) -> float:
    """The probability that the true Sharpe ratio is above what the best of `trials` unskilled tries would have shown.

    `independent` is how many of the observations count as independent of each other (fewer than there are where their
    horizons overlap). Below two of them nothing is known and the answer is 0.

    Source: Bailey and López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5), 2014,
    equations 1 and 2. The variance of the tries' Sharpe ratios is that of unskilled ones, 1 / (independent - 1).
    """
    if len(payoffs) < 2 or independent <= 2:
        return 0.0
    skewness, kurtosis = _shape(payoffs)
    best = expected_best(trials) / math.sqrt(independent - 1)
    return sharpe_above(best, sharpe(payoffs), skewness=skewness, kurtosis=kurtosis, independent=independent)


def sharpe_above(best: float, found: float, *, skewness: float, kurtosis: float, independent: float) -> float:
    """The probability that the true Sharpe ratio exceeds `best` where `found` was observed; both per observation.

    `kurtosis` is 3 of a normal. The probabilistic Sharpe ratio, ibid., equation 2.
    """
    noise = 1 - skewness * found + (kurtosis - 1) / 4 * found * found
    if noise <= 0:
        return 0.0
    return _NORMAL.cdf((found - best) * math.sqrt(independent - 1) / math.sqrt(noise))


def expected_best(trials: int) -> float:
    """The expected largest of `trials` independent standard normals; 0 of one."""
    if trials < 2:
        return 0.0
    euler = 0.5772156649015329
    return (1 - euler) * _NORMAL.inv_cdf(1 - 1 / trials) + euler * _NORMAL.inv_cdf(1 - 1 / (trials * math.e))


def _shape(payoffs: Floats) -> tuple[float, float]:
    """Skewness and (not excess) kurtosis; those of a normal where nothing varies."""
    centred = _centre(payoffs)
    variance = mean([x * x for x in centred])
    if variance <= 0:
        return 0.0, 3.0
    third, fourth = mean([x * x * x for x in centred]), mean([x * x * x * x for x in centred])
    return third / (variance * math.sqrt(variance)), fourth / (variance * variance)
