"""Attributes positions to signals; the parts sum to the position exactly.

Up to `EXACT` vendors by Shapley's value over coalitions of their signals (Shapley, "A Value for n-Person Games", 1953):
a part is what a vendor adds on average over all orders in which they could have joined. Above that by leaving one out
at a time.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from mercato.signals.apportion import round_to_sum

EXACT = 10

Positions = Mapping[str, int]
"""Billionths of the capital by name."""

Coalition = frozenset[str]
Method = Literal["shapley", "leave-one-out"]


def attribute(
    players: Sequence[str],
    whole: Positions,
    positions_of: Callable[[Coalition], Positions],
    shares: Mapping[str, int],
) -> tuple[Method, dict[str, dict[str, int]]]:
    """By player, its part of each position of `whole`.

    `positions_of` gives what a coalition alone would hold; it is called for every coalition but the empty one, which
    holds nothing, and the full one, which holds `whole`. `shares` are the players' weights in the consensus; they
    divide what leaving one out does not explain.
    """
    if len(players) <= EXACT:
        return "shapley", _round(players, whole, _shapley(players, whole, positions_of))
    return "leave-one-out", _round(players, whole, _leave_one_out(players, whole, positions_of, shares))


def _shapley(
    players: Sequence[str], whole: Positions, positions_of: Callable[[Coalition], Positions]
) -> dict[str, dict[str, float]]:
    held: dict[Coalition, Positions] = {frozenset(): {}, frozenset(players): whole}
    for size in range(1, len(players)):
        for members in itertools.combinations(players, size):
            held[frozenset(members)] = positions_of(frozenset(members))
    count = len(players)
    parts: dict[str, dict[str, float]] = {}
    for player in players:
        others = [one for one in players if one != player]
        terms: dict[str, list[float]] = {name: [] for name in whole}
        for size in range(count):
            odds = 1 / (count * math.comb(count - 1, size))
            for members in itertools.combinations(others, size):
                without, with_it = held[frozenset(members)], held[frozenset(members) | {player}]
                for name, values in terms.items():
                    values.append(odds * (with_it.get(name, 0) - without.get(name, 0)))
        parts[player] = {name: math.fsum(values) for name, values in terms.items()}
    return parts


def _leave_one_out(
    players: Sequence[str],
    whole: Positions,
    positions_of: Callable[[Coalition], Positions],
    shares: Mapping[str, int],
) -> dict[str, dict[str, float]]:
    everybody, all_shares = frozenset(players), sum(shares[player] for player in players)
    rest = {player: positions_of(everybody - {player}) for player in players}
    parts: dict[str, dict[str, float]] = {player: {} for player in players}
    for name, position in whole.items():
        adds = {player: float(position - rest[player].get(name, 0)) for player in players}
        unexplained = position - math.fsum(adds.values())
        for player in players:
            parts[player][name] = adds[player] + unexplained * shares[player] / all_shares
    return parts


def _round(
    players: Sequence[str], whole: Positions, parts: Mapping[str, Mapping[str, float]]
) -> dict[str, dict[str, int]]:
    rounded: dict[str, dict[str, int]] = {player: {} for player in players}
    for name, position in whole.items() if players else ():
        values = round_to_sum([parts[player][name] for player in players], position)
        for player, value in zip(players, values, strict=True):
            rounded[player][name] = value
    return rounded
