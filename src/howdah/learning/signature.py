"""The names, kinds and shapes of what a model takes and gives."""

from dataclasses import dataclass
from typing import Any, Literal

from numpy.typing import NDArray

Array = NDArray[Any]
Task = Literal["regression", "classification", "forecast"]


@dataclass(frozen=True, slots=True)
class Field:
    """One input or output. `shape` is without the batch; () is one value a row."""

    name: str
    kind: Literal["number", "category"]
    shape: tuple[int, ...] = ()
    source: str = ""
    """An output's name inside the model file, where it differs from ours."""
    column: int | None = None
    """Which column of the source's matrix this output is; None for all of it."""
    columns: tuple[str, ...] = ()
    """For a window of days, what stands in each place of a day."""

    def pick(self, values: Array) -> Array:
        picked = values if self.column is None else values[:, self.column]
        return picked.reshape(len(picked), *self.shape)


@dataclass(frozen=True, slots=True)
class Signature:
    task: Task
    target: str
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    classes: tuple[str, ...] = ()
    """For classification, the labels in the order of the probabilities."""
