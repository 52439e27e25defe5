"""In which order hits stand."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True, slots=True)
class Found:
    """What each way of searching says, by key: text scores (BM25) and cosines."""

    exact: Collection[int]
    text: Mapping[int, float]
    cosine: Mapping[int, float]


class Ranking(Protocol):
    """Scores everything that was found; higher is better."""

    def score(self, found: Found) -> dict[int, float]: ...


class TextOnly:
    """The words decide alone."""

    def score(self, found: Found) -> dict[int, float]:
        return dict(found.text)


class VectorsOnly:
    """The meaning decides alone."""

    def score(self, found: Found) -> dict[int, float]:
        return dict(found.cosine)


class Weighted:
    """`share` of the cosine and the rest of the text score, measured by the best text score of this query.

    Chosen by `make bench-discovery`: it is ahead of words alone and of vectors alone on six of seven shared judged sets
    (behind vectors by 0.004 on the seventh, of 15 queries) and on our own. Their mean nDCG@10 is 0.477; words have
    0.387, vectors 0.431, reciprocal rank fusion 0.467.
    """

    def __init__(self, share: float = 0.85) -> None:
        self._share = share

    def score(self, found: Found) -> dict[int, float]:
        best, rest = max(found.text.values(), default=0.0) or 1.0, 1 - self._share
        scores = {key: self._share * max(0.0, cosine) for key, cosine in found.cosine.items()}
        for key, score in found.text.items():
            scores[key] = scores.get(key, 0.0) + rest * score / best
        return scores


class ReciprocalRanks:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009), kept as the peer that the bench compares with."""

    def __init__(self, flatness: int = 10, vector_weight: float = 2.0) -> None:
        self._flatness = flatness
        self._vector_weight = vector_weight

    def score(self, found: Found) -> dict[int, float]:
        scores: dict[int, float] = {}
        for weight, way in ((1.0, found.text), (self._vector_weight, found.cosine)):
            for key, rank in ranks(way).items():
                scores[key] = scores.get(key, 0.0) + weight / (self._flatness + rank)
        return scores


def ranks(scores: Mapping[int, float]) -> dict[int, int]:
    """The place of each key, the best first, from 1; equal scores stand in the order of their keys."""
    keys = np.fromiter(scores, np.uint64, len(scores))
    falling = -np.fromiter(scores.values(), np.float64, len(scores))
    order = keys[np.lexsort((keys, falling))].tolist()
    return dict(zip(order, range(1, len(order) + 1), strict=True))
