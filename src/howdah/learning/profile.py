"""What a table holds: distributions, missing values, duplicates, column by column."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from howdah.errors import Invalid
from howdah.learning.schema import Column, Schema
from howdah.learning.signature import Array

BINS = 20
MOST_LEVELS = 20


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    name: str
    kind: str
    missing: int
    distinct: int
    figures: dict[str, float]
    """For numbers: mean, deviation, least, quartiles, greatest."""
    counts: dict[str, int]
    """For numbers rows by bin, for anything else rows by value, most frequent first."""


@dataclass(frozen=True, slots=True)
class Profile:
    rows: int
    duplicates: int
    """Rows equal to an earlier one in every column."""
    columns: tuple[ColumnProfile, ...]


def profile(rows: pd.DataFrame, schema: Schema) -> Profile:
    """Of rows typed by the schema; Invalid where there are none."""
    if rows.empty:
        raise Invalid("There are no rows to profile.")
    columns = tuple(_column(rows[column.name], column) for column in schema.columns)
    return Profile(len(rows), int(rows.duplicated().sum()), columns)


def _column(values: pd.Series, column: Column) -> ColumnProfile:
    present = values.dropna()
    numeric = column.kind == "number" and len(present) > 0
    figures = _figures(present.to_numpy(dtype=float)) if numeric else {}
    counts = _bins(present.to_numpy(dtype=float)) if numeric else _levels(present)
    missing = len(values) - len(present)
    return ColumnProfile(column.name, column.kind, missing, int(present.nunique()), figures, counts)


def _figures(numbers: Array) -> dict[str, float]:
    quartiles = np.quantile(numbers, [0.25, 0.5, 0.75])
    named = zip(("lower_quartile", "median", "upper_quartile"), quartiles, strict=True)
    return {
        "mean": float(numbers.mean()),
        "deviation": float(numbers.std()),
        "least": float(numbers.min()),
        **{name: float(value) for name, value in named},
        "greatest": float(numbers.max()),
    }


def _bins(numbers: Array) -> dict[str, int]:
    counts, edges = np.histogram(numbers, bins=min(BINS, max(1, len(np.unique(numbers)))))
    return {
        f"{low:.4g} to {high:.4g}": int(n) for low, high, n in zip(edges, edges[1:], counts, strict=False)
    }


def _levels(values: pd.Series) -> dict[str, int]:
    counts = values.astype(str).value_counts().sort_index().sort_values(ascending=False, kind="stable")
    kept = {str(level): int(count) for level, count in counts.head(MOST_LEVELS).items()}
    if rest := int(counts.iloc[MOST_LEVELS:].sum()):
        kept[f"({len(counts) - MOST_LEVELS} other values)"] = rest
    return kept
