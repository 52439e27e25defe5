"""Where a model's cosines lie. Two texts that have nothing to do with each other have 0.06 with one model and 0.5 with
another, and floors and weights were chosen with one.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from mercato.discovery.ports import AS_IS, CosineScale, Embedder

_LEAST_APART = 0.05
"""A model by which related texts are no nearer to each other than any two tells nothing that could be put to scale."""


@dataclass(frozen=True, slots=True)
class Reference:
    """Questions with the listing that answers each, on subjects that have nothing in common, and the mean cosines of
    those that belong together and of all others by the `models` that floors and weights were chosen with.
    """

    models: frozenset[str]
    related: float
    unrelated: float
    pairs: tuple[tuple[str, str], ...]


class ScaleOf:
    """The scale of one embedder, measured when it is first asked for, by two calls of a few dozen texts."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._scale = AS_IS if embedder.name in read_reference().models else None

    async def read(self) -> CosineScale:
        """Raises what `embed` raises."""
        if self._scale is None:
            self._scale = await measure_scale(self._embedder)
        return self._scale


async def measure_scale(embedder: Embedder) -> CosineScale:
    """What puts the means of related and of unrelated pairs where those of the reference lie. Raises what `embed`
    raises.
    """
    reference = read_reference()
    questions, answers = zip(*reference.pairs, strict=True)
    cosines = np.stack(await embedder.embed(questions)) @ np.stack(await embedder.embed(answers)).T
    belong = np.eye(len(questions), dtype=bool)
    related, unrelated = float(cosines[belong].mean()), float(cosines[~belong].mean())
    if related - unrelated < _LEAST_APART:
        return AS_IS
    factor = (reference.related - reference.unrelated) / (related - unrelated)
    return CosineScale(factor, reference.unrelated - factor * unrelated)


@cache
def read_reference() -> Reference:
    """Of `pairs.json`."""
    facts: dict[str, Any] = json.loads((Path(__file__).parent / "pairs.json").read_text("utf-8"))
    pairs = tuple((question, answer) for question, answer in facts["pairs"])
    return Reference(frozenset(facts["models"]), facts["related"], facts["unrelated"], pairs)
