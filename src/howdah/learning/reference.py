"""A bundle's reference sample as arrays, read with nothing but csv and numpy.

Explainers and detectors compare against it, inside servers that need not hold pandas.
"""

import csv
from pathlib import Path

import numpy as np

from howdah.errors import Corrupt
from howdah.learning.signature import Array, Field, Signature


def read(folder: Path, signature: Signature) -> dict[str, Array]:
    """The inputs' columns of reference.csv, typed by the signature; missing is NaN or ""."""
    with (folder / "reference.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    try:
        return {field.name: typed([row[field.name] for row in rows], field) for field in signature.inputs}
    except (KeyError, ValueError) as error:
        raise Corrupt(f"reference.csv of {folder.name} does not fit the model's inputs: {error}.") from error


def typed(cells: list[str], field: Field) -> Array:
    if field.kind == "number":
        return np.array([float(cell) if cell else np.nan for cell in cells], dtype=np.float64)
    return np.array(cells, dtype=object)
