"""Whole shares with an exact sum, by largest remainders (Hamilton's method)."""

import math
from collections.abc import Sequence


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Split `total` into whole parts proportional to `shares`, which sum to `total` exactly; each is within one of its
    exact share. Ties go to the earlier one. If all shares are zero, all parts are 0. Raises `ValueError` for a negative
    share.
    """
    if any(share < 0 or not math.isfinite(share) for share in shares):
        raise ValueError("shares are finite and not negative")
    whole = math.fsum(shares)
    if whole == 0:
        return [0] * len(shares)
    return round_to_sum([total * (share / whole) for share in shares], total)


def round_to_sum(values: Sequence[float], total: int) -> list[int]:
    """Each value rounded down or up so that they sum to `total`, which must lie within their number of their sum.

    Those with the largest remainders go up first; values may be negative. Raises `ValueError` when it cannot be.
    """
    floors = [math.floor(value) for value in values]
    missing = total - sum(floors)
    turns, extra = divmod(missing, len(values)) if values else (0, missing)
    if not values and total:
        raise ValueError(f"nothing sums to {total}")
    if abs(turns) > 1:
        raise ValueError(f"{total} lies too far from the sum of the values")
    order = sorted(range(len(values)), key=lambda at: (floors[at] - values[at], at))
    parts = [floor + turns for floor in floors]
    for at in order[:extra]:
        parts[at] += 1
    return parts
