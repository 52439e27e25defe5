"""Which eras make a round, and where its training data ends (decision 0011)."""

from dataclasses import dataclass

from mercato.datasets.panel import Panel
from mercato.datasets.refusals import ErasNotOffered

MOST_ERAS = 260
"""The most eras of one round: a year."""

_LEAST_TRAINING_ERAS = 500


@dataclass(frozen=True, slots=True)
class RoundEras:
    """Numbers of eras, all inclusive; training begins with era 1."""

    first: int
    last: int
    train_last: int


def choose_eras(
    panel: Panel, first: int | None, count: int, last_before: int | None, first_unresolved: int | None
) -> RoundEras:
    """The eras of a new round. Raises `ErasNotOffered`.

    `last_before` is the last era of the previous round: an era is scored once. `first_unresolved` is the first era of
    the earliest round whose targets are under embargo: training data must not reveal them either.
    """
    begin = first if first is not None else _next_era(panel, last_before)
    last = begin + count - 1
    if not 1 <= count <= MOST_ERAS:
        raise ErasNotOffered(f"A round has 1 to {MOST_ERAS} eras.")
    if last_before is not None and begin <= last_before:
        raise ErasNotOffered(f"Eras up to {last_before} were used by earlier rounds.", first_free=last_before + 1)
    if last > panel.last_era_with_target:
        raise ErasNotOffered(
            f"The panel knows targets up to era {panel.last_era_with_target}, and this round would end with {last}.",
            last_possible=panel.last_era_with_target,
        )
    secret_from = begin if first_unresolved is None else min(begin, first_unresolved)
    # The target of era t is known `reach` eras later: a target from this era on would look into secret data.
    train_last = secret_from - 1 - panel.horizon.reach
    if train_last < _LEAST_TRAINING_ERAS:
        raise ErasNotOffered(f"A round needs {_LEAST_TRAINING_ERAS} eras to train on before it; choose later ones.")
    return RoundEras(begin, last, train_last)


def _next_era(panel: Panel, last_before: int | None) -> int:
    """The era after the previous round; for the first round, the start of the panel's last calendar year."""
    if last_before is not None:
        return last_before + 1
    year = panel.days[-1].year
    return next(era for era, day in enumerate(panel.days, start=1) if day.year == year)
