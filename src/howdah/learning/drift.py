"""Has the world moved? Each input's reference sample against a window of what came in.

Numbers are compared by the two-sample Kolmogorov-Smirnov test, categories by the
chi-squared test of homogeneity (by permutation where a level is rare); p-values are
corrected for the number of columns by Holm's method, which keeps the chance of any false
alarm at the stated level without assuming that the columns are independent. Days of prices are no
independent rows and have a test of their own, `compare_days`. SciPy alone, so free of other licences.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from howdah.errors import Invalid
from howdah.learning.signature import Array, Field, Signature

# With fewer rows the tests answer "no drift" whatever happened, which would be a lie.
FEWEST_ROWS = 20
# The textbook's bound for the chi-squared distribution to hold.
FEWEST_EXPECTED = 5
DEALS = 20_000
SIDES: tuple[Literal["left", "right"], ...] = ("left", "right")


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
    reference: Mapping[str, Array],
    window: Mapping[str, Array],
    signature: Signature,
    level: float = 0.01,
    leave_out: Sequence[str] = (),
) -> DriftReport:
    """The drift of every input but those left out; Invalid where a side has too few rows to tell."""
    rows = {
        side: min(len(table[f.name]) for f in signature.inputs)
        for side, table in (("reference", reference), ("window", window))
    }
    for side, count in rows.items():
        if count < FEWEST_ROWS:
            raise Invalid(f"The {side} has {count} rows; drift cannot be judged on fewer than {FEWEST_ROWS}.")
    pairs = [
        (name, kind, before, now)
        for field in signature.inputs
        if field.name not in leave_out
        for name, kind, before, now in _columns(field, reference[field.name], window[field.name])
    ]
    raw = [
        _numbers(before, now) if kind == "number" else _categories(before, now)
        for _, kind, before, now in pairs
    ]
    return DriftReport(
        rows["window"], rows["reference"], level, _corrected([p[0] for p in pairs], raw, level)
    )


def compare_days(
    reference: Mapping[str, Array], window: Mapping[str, Array], level: float = 0.01
) -> DriftReport:
    """The drift of a stretch of days against the past, by the past's own stretches of as many days.

    Each name has a matrix: a row a day, in order, a column a series, NaN where it has no such day.
    Days that follow one another are alike and series move together, so the p-value of a test that
    takes them for independent rows would cry wolf. Here it is the share of the past's stretches,
    this one counted in, that lie as far from the whole past as this one does. Invalid where the
    past has too few stretches for any distance to reach `level`.
    """
    names, length = list(window), len(next(iter(window.values())))
    days = len(next(iter(reference.values())))
    needed = ceil(len(names) / level) + length
    if days < needed:
        raise Invalid(
            f"The reference has {days} days; drift of {length} days in {len(names)} features cannot be "
            f"judged at level {level:g} on fewer than {needed}."
        )
    raw = [("kolmogorov_smirnov_by_days", *_stretch(reference[name], window[name])) for name in names]
    return DriftReport(length, days, level, _corrected(names, raw, level))


def _stretch(past: Array, now: Array) -> tuple[float, float]:
    """How far `now` lies from the whole past, and the share of stretches that lie as far."""
    pool = np.sort(past[~np.isnan(past)])
    distance = _distance(now, pool)
    count = len(past) - len(now) + 1
    as_far = sum(_distance(past[at : at + len(now)], pool) >= distance for at in range(count))
    return distance, (1 + as_far) / (1 + count)


def _distance(stretch: Array, pool: Array) -> float:
    """The largest gap between the stretch's distribution function and that of the sorted pool."""
    values = np.sort(stretch[~np.isnan(stretch)])
    if not len(values):
        return 1.0
    return max(
        float(
            np.abs(
                np.searchsorted(values, values, side) / len(values)
                - np.searchsorted(pool, values, side) / len(pool)
            ).max()
        )
        for side in SIDES
    )


def _columns(field: Field, before: Array, now: Array) -> Iterator[tuple[str, str, Array, Array]]:
    """The input itself, or each column of a window of days as it was on its last day."""
    if not field.columns:
        yield field.name, field.kind, before, now
        return
    for place, name in enumerate(field.columns):
        yield name, field.kind, before[:, -1, place], now[:, -1, place]


def _corrected(
    names: Sequence[str], raw: Sequence[tuple[str, float, float]], level: float
) -> tuple[ColumnDrift, ...]:
    corrected = holm([p for _, _, p in raw])
    return tuple(
        ColumnDrift(name, test, distance, p, p < level)
        for name, (test, distance, _), p in zip(names, raw, corrected, strict=True)
    )


def _numbers(before: Array, now: Array) -> tuple[str, float, float]:
    # As models take them: 0.1 of a file and 0.1 of a model would else differ in every row.
    before, now = before.astype(np.float32), now.astype(np.float32)
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
    distance, p = float(np.sqrt(found.statistic / counts.sum())), float(found.pvalue)
    if found.expected_freq.min() < FEWEST_EXPECTED:
        p = _by_dealing(counts.astype(int), float(found.statistic))
    return "chi_squared", distance, p


def _by_dealing(counts: Array, statistic: float) -> float:
    """How often the same rows, dealt anew to the two sides, lie as far apart.

    The chi-squared distribution is one of many rows; where a level is rare it calls drift
    ten times as often as the level says.
    """
    totals, now = counts.sum(axis=0), int(counts[1].sum())
    dealt = np.random.default_rng(0).multivariate_hypergeometric(totals, now, DEALS)
    expected = totals * (now / totals.sum())
    # The other side's gaps are the same with the other sign, so that one factor serves both.
    shares = ((dealt - expected) ** 2 / expected).sum(axis=1) / (1 - now / totals.sum())
    return float((1 + (shares >= statistic * (1 - 1e-9)).sum()) / (1 + DEALS))


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down correction: each p-value as it stands beside all the others."""
    order = np.argsort(p_values, kind="stable")
    corrected = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        corrected[place] = highest
    return corrected
