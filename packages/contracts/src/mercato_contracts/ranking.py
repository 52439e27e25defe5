"""Statistics that come out the same everywhere: what the desk's scores are made of.

Every sum is `math.fsum`, which rounds once, whatever the order of its terms; so two machines that add the same numbers
get the same digits. A figure about something that does not vary is 0 by definition here, never NaN or infinite; what
varies is decided in one place, `varies`. Sums of squares are taken of values brought near 1 by a power of four, which
changes no digit of the result and leaves no overflow behind.
"""

import math
import sys
from collections.abc import Sequence
from statistics import NormalDist

_NORMAL = NormalDist()

Floats = Sequence[float]

_LEAST_UNITS = 64
_MOST_TRIALS = 2**50
"""Beyond it 1 - 1 / trials is 1 in floats."""


def mean(values: Floats) -> float:
    """The arithmetic mean; 0 of nothing."""
    if not values:
        return 0.0
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(x / len(values) for x in values)


def varies(values: Floats) -> bool:
    """Whether the values differ by more than rounding: by more than one unit in the last place of the largest for each
    of them, which is what a sum of them may be off by, and by more than 64, as few values may be differences of others
    (`1.1 - 1.0` is four units off). Values that are not finite never do.
    """
    if not values or not all(map(math.isfinite, values)):
        return False
    low, high = min(values), max(values)
    largest = max(abs(low), abs(high))
    # Divided before they are subtracted, so that the spread cannot overflow.
    return high > low and high / largest - low / largest > max(len(values), _LEAST_UNITS) * sys.float_info.epsilon


def deviation(values: Floats) -> float:
    """The standard deviation (of n - 1); 0 where nothing varies or there are fewer than 2."""
    if len(values) < 2 or not varies(values):
        return 0.0
    scaled, exponent = _scaled(values)
    return _unscaled(math.sqrt(math.fsum(x * x for x in _centre(scaled)) / (len(values) - 1)), exponent)


def rank_average(values: Floats) -> list[float]:
    """Ranks from 1; equal values share the mean of their ranks, and so do all where nothing varies."""
    if not varies(values):
        return [(1 + len(values)) / 2] * len(values)
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
    left, right = _centre(_scaled(one)[0]), _centre(_scaled(other)[0])
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
    return correlation([_power(x) for x in gaussian(scores)], [_power(y) for y in _centre(_scaled(targets)[0])])


def contribution(scores: Floats, consensus: Floats, targets: Floats) -> float:
    """Covariance with the target of what of the scores the consensus does not say already.

    Both are made normal by rank, the scores are orthogonalised to the consensus, targets in [0, 1] are spread to [0, 4]
    and centred. Source: Numerai's `correlation_contribution` (docs.numer.ai, "MMC").
    """
    own, common = gaussian(scores), gaussian(consensus)
    square = math.fsum(m * m for m in common)
    share = math.fsum(p * m for p, m in zip(own, common, strict=True)) / square if square else 0.0
    wide = [4 * y for y in targets] if all(0 <= y <= 1 for y in targets) else list(targets)
    scaled, exponent = _scaled(wide)
    return _unscaled(
        mean([(p - m * share) * y for p, m, y in zip(own, common, _centre(scaled), strict=True)]), exponent
    )


def _centre(values: Floats) -> list[float]:
    """Without their mean; exactly 0 where nothing varies."""
    if not varies(values):
        return [0.0] * len(values)
    middle = mean(values)
    return [x - middle for x in values]


def _scaled(values: Floats) -> tuple[list[float], int]:
    """The values times 2 to the power of minus an even number, the largest then between 1/4 and 1; and that number."""
    exponent = math.frexp(max(map(abs, values), default=0.0))[1]
    exponent += exponent % 2
    return [math.ldexp(x, -exponent) for x in values], exponent


def _unscaled(x: float, exponent: int) -> float:
    """x times 2 to the power of the exponent; the greatest number of its sign where that is beyond all."""
    try:
        return math.ldexp(x, exponent)
    except OverflowError:
        return math.copysign(sys.float_info.max, x)


def _power(x: float) -> float:
    # Multiplication and square root are rounded alike everywhere; a library's power function is not.
    return math.copysign(abs(x) * math.sqrt(abs(x)), x)


def sharpe(payoffs: Floats) -> float:
    """Mean over standard deviation (of n - 1), per observation; 0 where it does not vary or there are fewer than 2."""
    if len(payoffs) < 2 or not varies(payoffs):
        return 0.0
    scaled, _ = _scaled(payoffs)
    variance = math.fsum(x * x for x in _centre(scaled)) / (len(scaled) - 1)
    return mean(scaled) / math.sqrt(variance) if variance > 0 else 0.0


def deflated_sharpe(payoffs: Floats, *, trials: int, independent: float) -> float:
    """The probability that the true Sharpe ratio is above what the best of `trials` unskilled tries would have shown.

    `independent` is how many of the observations count as independent of each other (fewer than there are where their
    horizons overlap). Below two of them nothing is known and the answer is 0, as it is of payoffs that do not vary.

    Source: Bailey and López de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5), 2014,
    equations 1 and 2. The variance of the tries' Sharpe ratios is that of unskilled ones, 1 / (independent - 1).
    """
    if len(payoffs) < 2 or independent <= 2 or not varies(payoffs):
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
    trials = min(trials, _MOST_TRIALS)
    euler = 0.5772156649015329
    return (1 - euler) * _NORMAL.inv_cdf(1 - 1 / trials) + euler * _NORMAL.inv_cdf(1 - 1 / (trials * math.e))


def _shape(payoffs: Floats) -> tuple[float, float]:
    """Skewness and (not excess) kurtosis; those of a normal where nothing varies."""
    centred = _centre(_scaled(payoffs)[0])
    variance = mean([x * x for x in centred])
    if variance <= 0:
        return 0.0, 3.0
    third, fourth = mean([x * x * x for x in centred]), mean([x * x * x * x for x in centred])
    return third / (variance * math.sqrt(variance)), fourth / (variance * variance)
