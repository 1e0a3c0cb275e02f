"""Anchors: the few conditions under which the model would almost surely answer the same.

alibi's AnchorTabular behind our own shape. alibi is under the Business Source License;
`explanation.Shapley` is the free alternative. Categories become ordinal numbers for alibi
and are put back before the model sees them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from howdah.errors import Invalid
from howdah.learning.signature import Array, Signature

Arrays = Mapping[str, Array]


@dataclass(frozen=True, slots=True)
class Anchor:
    conditions: tuple[str, ...]
    precision: float
    """How often the model answers the same where the conditions hold."""
    coverage: float
    """How much of the reference sample the conditions cover."""


class Anchors:
    """For classifiers only: a number is never "the same answer"."""

    def __init__(
        self,
        predict: Callable[[Arrays], Mapping[str, Array]],
        reference: Arrays,
        signature: Signature,
        seed: int = 0,
        threshold: float = 0.95,
    ) -> None:
        from alibi.explainers import AnchorTabular

        self._predict = predict
        self._fields = signature.inputs
        self._target = signature.target
        self._classes = sorted(signature.classes)
        self._threshold = threshold
        self._seed = seed
        self._levels = {
            field.name: sorted({str(value) for value in reference[field.name]})
            for field in signature.inputs
            if field.kind == "category"
        }
        self._medians = {
            field.name: float(np.nanmedian(reference[field.name]))
            for field in signature.inputs
            if field.kind == "number"
        }
        places = {
            place: self._levels[f.name] for place, f in enumerate(self._fields) if f.name in self._levels
        }
        self._alibi = AnchorTabular(
            self._answer, [field.name for field in self._fields], categorical_names=places, seed=seed
        )
        self._alibi.fit(self._encode(reference))

    def explain(self, row: Arrays) -> Anchor:
        # alibi draws from numpy's global state: without this the same row would get another anchor.
        np.random.seed(self._seed)
        found = self._alibi.explain(self._encode(row)[0], threshold=self._threshold)
        return Anchor(tuple(found.anchor), float(found.precision), float(found.coverage))

    def _answer(self, matrix: Array) -> Array:
        labels = np.asarray(self._predict(self._decode(matrix))[self._target]).astype(str)
        return np.searchsorted(self._classes, labels)

    def _encode(self, table: Arrays) -> Array:
        columns = []
        for field in self._fields:
            values = np.asarray(table[field.name]).reshape(-1)
            if field.kind == "number":
                numbers = values.astype(float)
                columns.append(np.where(np.isnan(numbers), self._medians[field.name], numbers))
            else:
                columns.append(self._places(field.name, values))
        return np.stack(columns, axis=1)

    def _places(self, name: str, values: Array) -> Array:
        levels = self._levels[name]
        if unknown := {str(value) for value in values} - set(levels):
            raise Invalid(f"{name} is {min(unknown)!r}, which is not in the reference: no anchor can hold.")
        return np.array([float(levels.index(str(value))) for value in values])

    def _decode(self, matrix: Array) -> dict[str, Array]:
        table: dict[str, Array] = {}
        for place, field in enumerate(self._fields):
            if field.kind == "number":
                table[field.name] = matrix[:, place].astype(float)
            else:
                levels = np.array(self._levels[field.name], dtype=object)
                table[field.name] = levels[matrix[:, place].astype(int)]
        return table
