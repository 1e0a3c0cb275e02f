"""Why this answer? What an explainer is, and the one that is always there: Shapley values.

A Shapley value is an input's fair share of the difference between this row's answer and
the average answer over a background sample. Few inputs are computed exactly, over all
coalitions; more are sampled over permutations and their mirror images. Either way the
shares add up to the difference exactly, which callers may rely on. Works for any model,
asks only for answers, and needs numpy alone, so it is free of other licences. Of a window of
days, each of its columns, over all its days, is one input.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Protocol

import numpy as np

from howdah.learning.signature import Array, Field, Signature

Arrays = Mapping[str, Array]
Predict = Callable[[Arrays], Array]
"""Rows in, one number a row out: the prediction, or the probability of the class in question."""

BACKGROUND_ROWS = 50
# 2**9 coalitions × 50 background rows are 25,600 answers; beyond, sampling is as good and cheaper.
EXACT_INPUTS = 9
PERMUTATIONS = 20


@dataclass(frozen=True, slots=True)
class Explanation:
    """One row's explanation, as it is filed under the prediction's ID."""

    method: str
    prediction: float
    base: float
    """What the model answers on average over the background."""
    shares: dict[str, float]
    """Each input's share of `prediction - base`, most telling first."""


class Explainer(Protocol):
    def explain(self, row: Arrays) -> Explanation:
        """The explanation of one row; the same row gets the same explanation."""
        ...


class Shapley:
    def __init__(self, predict: Predict, background: Arrays, signature: Signature, seed: int = 0) -> None:
        self._predict = predict
        self._places = [place for field in signature.inputs for place in _places(field)]
        self._names = [name for name, _, _ in self._places]
        generator = np.random.default_rng(seed)
        fields = [field.name for field in signature.inputs]
        rows = len(background[fields[0]])
        chosen = np.sort(generator.permutation(rows)[:BACKGROUND_ROWS])
        # Text as objects: a row's longer word would be cut to the background's longest otherwise.
        self._background = {
            name: values.astype(object) if values.dtype.kind in "US" else values
            for name, values in ((name, background[name][chosen]) for name in fields)
        }
        self._permutations = [generator.permutation(len(self._names)) for _ in range(PERMUTATIONS)]

    def explain(self, row: Arrays) -> Explanation:
        exact = len(self._names) <= EXACT_INPUTS
        shares = self._exact(row) if exact else self._sampled(row)
        base, prediction = self._answers(row, [frozenset(), frozenset(range(len(self._names)))])
        order = sorted(range(len(self._names)), key=lambda place: -abs(shares[place]))
        return Explanation(
            method="shapley exact" if exact else "shapley permutations",
            prediction=float(prediction),
            base=float(base),
            shares={self._names[place]: float(shares[place]) for place in order},
        )

    def _answers(self, row: Arrays, coalitions: list[frozenset[int]]) -> Array:
        """The mean answer for each coalition: its inputs from the row, the others from the background."""
        size = len(next(iter(self._background.values())))
        table = {
            name: np.tile(values, (len(coalitions), *[1] * (values.ndim - 1)))
            for name, values in self._background.items()
        }
        for place, (_, field, column) in enumerate(self._places):
            taken = np.repeat([place in coalition for coalition in coalitions], size)
            own = np.asarray(row[field]).reshape(-1, *table[field].shape[1:])[0]
            if column is None:
                table[field][taken] = own
            else:
                table[field][taken, ..., column] = own[..., column]
        answers = np.asarray(self._predict(table), dtype=float).reshape(len(coalitions), size)
        return np.asarray(answers.mean(axis=1))

    def _exact(self, row: Arrays) -> Array:
        count = len(self._names)
        coalitions = [frozenset(c) for size in range(count + 1) for c in combinations(range(count), size)]
        value = dict(zip(coalitions, self._answers(row, coalitions), strict=True))
        shares = np.zeros(count)
        for coalition in coalitions:
            weight = 1 / (count * comb(count - 1, len(coalition))) if len(coalition) < count else 0.0
            for place in set(range(count)) - coalition:
                shares[place] += weight * (value[coalition | {place}] - value[coalition])
        return shares

    def _sampled(self, row: Arrays) -> Array:
        count = len(self._names)
        walks = [walk for drawn in self._permutations for walk in (drawn, drawn[::-1])]
        coalitions = [frozenset(walk[:steps].tolist()) for walk in walks for steps in range(count + 1)]
        values = self._answers(row, coalitions).reshape(len(walks), count + 1)
        shares = np.zeros(count)
        for walk, gains in zip(walks, np.diff(values, axis=1), strict=True):
            shares[walk] += gains / len(walks)
        return shares


def _places(field: Field) -> list[tuple[str, str, int | None]]:
    """What is shared out: the input itself, or each column of a window; (name, field, column)."""
    if not field.columns:
        return [(field.name, field.name, None)]
    return [(name, field.name, column) for column, name in enumerate(field.columns)]


def answer_of(predict: Callable[[Arrays], Mapping[str, Array]], signature: Signature, row: Arrays) -> Predict:
    """The number to explain: the prediction, or the probability of the class that this row got."""
    if signature.task != "classification":
        return lambda rows: predict(rows)[signature.target]
    column = int(predict(row)["probabilities"][0].argmax())
    return lambda rows: predict(rows)["probabilities"][:, column]
