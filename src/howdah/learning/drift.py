"""Has the world moved? Each input's reference sample against a window of what came in.

Numbers are compared by the two-sample Kolmogorov-Smirnov test, categories by the
chi-squared test of homogeneity; p-values are corrected for the number of columns by
Holm's method, which keeps the chance of any false alarm at the stated level without
assuming that the columns are independent. SciPy alone, so free of other licences.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from howdah.errors import Invalid
from howdah.learning.signature import Array, Field, Signature

# With fewer rows the tests answer "no drift" whatever happened, which would be a lie.
FEWEST_ROWS = 20


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    name: str
    test: str
    distance: float
    """KS: the largest gap between the two distribution functions. Chi-squared: Cramér's V."""
    p_value: float
    """Corrected for the number of columns."""
    drifted: bool


@dataclass(frozen=True, slots=True)
class DriftReport:
    rows: int
    reference_rows: int
    level: float
    columns: tuple[ColumnDrift, ...]

    @property
    def drifted(self) -> bool:
        return any(column.drifted for column in self.columns)


def compare(
    reference: Mapping[str, Array], window: Mapping[str, Array], signature: Signature, level: float = 0.01
) -> DriftReport:
    """The drift of every input; Invalid where either side has too few rows to say anything."""
    rows = {
        side: min(len(table[f.name]) for f in signature.inputs)
        for side, table in (("reference", reference), ("window", window))
    }
    for side, count in rows.items():
        if count < FEWEST_ROWS:
            raise Invalid(f"The {side} has {count} rows; drift cannot be judged on fewer than {FEWEST_ROWS}.")
    raw = [_test(field, reference[field.name], window[field.name]) for field in signature.inputs]
    corrected = holm([p for _, _, p in raw])
    columns = tuple(
        ColumnDrift(field.name, test, distance, p, p < level)
        for field, (test, distance, _), p in zip(signature.inputs, raw, corrected, strict=True)
    )
    return DriftReport(rows["window"], rows["reference"], level, columns)


def _test(field: Field, before: Array, now: Array) -> tuple[str, float, float]:
    if field.kind == "number":
        return _numbers(before.astype(float), now.astype(float))
    return _categories(before, now)


def _numbers(before: Array, now: Array) -> tuple[str, float, float]:
    kept_before, kept_now = before[~np.isnan(before)], now[~np.isnan(now)]
    # A column that went missing, or came back, has drifted as surely as one that moved.
    absence = _categories(np.isnan(before).astype(object), np.isnan(now).astype(object))
    if not len(kept_before) or not len(kept_now):
        return absence
    found = stats.ks_2samp(kept_before, kept_now)
    moved = ("kolmogorov_smirnov", float(found.statistic), float(found.pvalue))
    test, distance, p = min(moved, absence, key=lambda result: result[2])
    return test, distance, min(1.0, 2 * p)


def _categories(before: Array, now: Array) -> tuple[str, float, float]:
    sides = [pd.Series(side).astype(object).where(pd.notna(side), "").astype(str) for side in (before, now)]
    counts = pd.concat([side.value_counts() for side in sides], axis=1).fillna(0).to_numpy().T
    if counts.shape[1] < 2:
        return "chi_squared", 0.0, 1.0
    found = stats.chi2_contingency(counts, correction=False)
    return "chi_squared", float(np.sqrt(found.statistic / counts.sum())), float(found.pvalue)


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction: each p-value as it stands beside all the others."""
    order = np.argsort(p_values, kind="stable")
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected
