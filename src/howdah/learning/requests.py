"""What a deployed model was asked, row by row, out of the inference log's Parquet files.

One request may hold many rows. Requests are read as the V2 protocol spells them, which is how
those of gRPC are logged too; one that lacks an input, for instance because the log leaves the
column out, or that speaks another protocol, is counted and not guessed at.
"""

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pyarrow import parquet

from howdah.learning.signature import Array, Field, Signature

COLUMNS = ["kind", "status", "model_commit", "request"]
ANSWERED = 200


@dataclass(frozen=True, slots=True)
class Asked:
    rows: dict[str, Array]
    """The inputs as the model takes them; missing is NaN or ""."""
    count: int
    paths: tuple[Path, ...]
    """The files that were read for it."""
    unread: int
    """Requests that could not be read."""


def read(paths: Iterable[Path], signature: Signature, model: str, most: int) -> Asked:
    """The first `most` rows that the model of commit `model` answered, in the order of the files.

    What other models answered is left out, and so is what a shadow or a challenger was asked for
    the same request. Reads no file beyond the one that holds the last of these rows.
    """
    parts: list[dict[str, Array]] = []
    met: list[Path] = []
    count = unread = 0
    for path in paths:
        if count >= most:
            break
        met.append(path)
        # Whole, since a lazy input is a pipe, in which Parquet's reader cannot go back.
        table = parquet.read_table(io.BytesIO(path.read_bytes()), columns=COLUMNS)
        for record in table.to_pylist():
            told = (record["kind"], record["status"], record["model_commit"])
            if told != ("prediction", ANSWERED, model):
                continue
            if (rows := _rows(record["request"], signature.inputs)) is None:
                unread += 1
                continue
            parts.append(rows)
            count += len(rows[signature.inputs[0].name])
    whole = {
        field.name: np.concatenate([part[field.name] for part in parts])[:most] if parts else np.empty(0)
        for field in signature.inputs
    }
    return Asked(whole, min(count, most), tuple(met), unread)


def _rows(request: str, inputs: Sequence[Field]) -> dict[str, Array] | None:
    try:
        tensors = {tensor["name"]: tensor["data"] for tensor in json.loads(request)["inputs"]}
        rows = {field.name: _typed(tensors[field.name], field) for field in inputs}
    except (KeyError, TypeError, ValueError):
        return None
    lengths = {len(values) for values in rows.values()}
    return rows if len(lengths) == 1 and lengths != {0} else None


def _typed(data: object, field: Field) -> Array:
    cells = np.array(data, dtype=object).reshape(-1).tolist()
    if field.kind == "number":
        return np.array([np.nan if cell is None else float(cell) for cell in cells])
    return np.array(["" if cell is None else str(cell) for cell in cells], dtype=object)
