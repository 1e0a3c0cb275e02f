"""A bundle's reference sample as arrays, read with nothing but csv and numpy.

Explainers and detectors compare against it, inside servers that need not hold pandas. For a
table it is a sample of the rows learned from; for a forecast every day learned from, a series
after the other, from which the windows are cut as they were for training.
"""

import csv
from itertools import groupby
from pathlib import Path

import numpy as np

from howdah.errors import Corrupt
from howdah.learning.signature import Array, Field, Signature

MOST_WINDOWS = 1000


def read(folder: Path, signature: Signature) -> dict[str, Array]:
    """The inputs as the model takes them; missing is NaN or "". Of windows at most MOST_WINDOWS, evenly."""
    with (folder / "reference.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    try:
        if signature.task == "forecast":
            (window,) = signature.inputs
            return {window.name: _windows(rows, window)}
        return {field.name: typed([row[field.name] for row in rows], field) for field in signature.inputs}
    except (KeyError, ValueError) as error:
        raise Corrupt(f"reference.csv of {folder.name} does not fit the model's inputs: {error}.") from error


def typed(cells: list[str], field: Field) -> Array:
    if field.kind == "number":
        return np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    return np.array(cells, dtype=object)


def _windows(rows: list[dict[str, str]], field: Field) -> Array:
    length = field.shape[0]
    cut = []
    for _, days in groupby(rows, key=lambda row: row["series"]):
        values = np.array([[float(day[name]) for name in field.columns] for day in days])
        if len(values) >= length:
            runs = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)
            cut.append(runs.transpose(0, 2, 1))
    if not cut:
        raise ValueError(f"no series is {length} days long")
    whole = np.concatenate(cut)
    chosen = np.linspace(0, len(whole) - 1, min(MOST_WINDOWS, len(whole))).astype(int)
    return np.ascontiguousarray(whole[chosen])
