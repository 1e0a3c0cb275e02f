"""Daily prices, or any daily figures, as a model wants them: no day missing, changes rather than levels.

Exchanges close on holidays, so a series of trading days has holes at different places in
different countries. Each series is laid on all working days, a hole takes the last day's
values, and `gap` says so; nothing from the future is used to fill the past.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from howdah.errors import Invalid
from howdah.learning.signature import Array

CLOSE = "close"
TARGET = "log_return"
FEATURES = (TARGET, "range", "body", "volume_change", "gap", "weekday", "month_end")
MOST_GAPS = 0.5
"""The share of missing days above which figures are no daily ones."""


def series(frame: pd.DataFrame) -> pd.DataFrame:
    """One company's rows (Date, Open, High, Low, Close, Volume, Adj Close) on all working days, with
    FEATURES and `close` by date. Invalid where a date repeats or fewer than two days are left.
    """
    days = _by_day(frame).asfreq("B")
    gap = days["Close"].isna()
    filled = days.ffill()
    # A filled day had no trade: its change is nought and its range is closed.
    close = filled["Adj Close"]
    dates = pd.DatetimeIndex(filled.index)
    features = pd.DataFrame(
        {
            TARGET: np.log(close).diff().fillna(0.0),
            "range": np.where(gap, 0.0, np.log(filled["High"] / filled["Low"])),
            "body": np.where(gap, 0.0, np.log(filled["Close"] / filled["Open"])),
            "volume_change": np.log1p(filled["Volume"]).diff().fillna(0.0),
            "gap": gap.astype(float),
            "weekday": dates.dayofweek / 4.0,
            "month_end": dates.is_month_end.astype(float),
        },
        index=filled.index,
    )
    features.insert(0, CLOSE, close)
    return features


def quantities(frame: pd.DataFrame, target: str, counted: Sequence[str] = ()) -> pd.DataFrame:
    """One series' rows (Date, `target`, other numbers) on all its days, weekends too where it has any: the
    relative change of `target`, the changes of the others, the day. Of what is `counted`, which is never
    below nought, that is the relative change, too. Invalid where `target` is not above nought, a date
    repeats, or most days are missing.
    """
    rows = _by_day(frame[frame[target].notna()])
    if (low := rows[target] <= 0).any():
        raise Invalid(
            f"{target} is {rows[target][low].iloc[0]:g} on {rows.index[low][0]:%Y-%m-%d}: "
            "only what is always above nought has a relative change to forecast."
        )
    days = rows.asfreq("D" if pd.DatetimeIndex(rows.index).dayofweek.max() > 4 else "B")
    gap = days[target].isna()
    if gap.mean() > MOST_GAPS:
        raise Invalid(f"{gap.sum()} of {len(days)} days are missing: forecasts are made of daily series.")
    filled = days.ffill()
    dates = pd.DatetimeIndex(filled.index)
    changes = {
        f"{name}_change": (np.log1p(filled[name]) if name in counted else filled[name]).diff().fillna(0.0)
        for name in filled.columns
        if name != target
    }
    return pd.DataFrame(
        {
            CLOSE: filled[target],
            TARGET: np.log(filled[target]).diff().fillna(0.0),
            **changes,
            "gap": gap.astype(float),
            "weekday": dates.dayofweek / 6.0,
            "month_end": dates.is_month_end.astype(float),
        },
        index=filled.index,
    )


def _by_day(frame: pd.DataFrame) -> pd.DataFrame:
    rows = frame.sort_values("Date").set_index("Date")
    if rows.index.has_duplicates:
        repeated = rows.index[rows.index.duplicated()][0]
        raise Invalid(f"{repeated:%Y-%m-%d} stands twice in one series.")
    if len(rows) < 2:
        raise Invalid("A series needs at least two days.")
    return rows


def inputs(features: pd.DataFrame) -> list[str]:
    """The columns that a model looks at: all but the price itself."""
    return [name for name in features.columns if name != CLOSE]


def lag(features: pd.DataFrame, column: str, days: int) -> pd.DataFrame:
    """With the column as it was `days` working days ago; nought where there was no such day."""
    return features.assign(**{f"{column}_lag_{days}": features[column].shift(days).fillna(0.0)})


def rolling(features: pd.DataFrame, column: str, days: int) -> pd.DataFrame:
    """With the column's mean and deviation over the last `days` working days, the day itself included."""
    window = features[column].rolling(days, min_periods=1)
    means, deviations = window.mean(), window.std(ddof=0).fillna(0.0)
    return features.assign(**{f"{column}_mean_{days}": means, f"{column}_deviation_{days}": deviations})


def link(features: pd.DataFrame, other: pd.DataFrame, name: str) -> pd.DataFrame:
    """With another table's columns as they stood on each day: its last row of that day or before.

    Invalid where the other table begins later, since nothing of the future may fill the past.
    """
    known = other.sort_values("Date").set_index("Date").add_prefix(f"{name}_")
    joined = pd.merge_asof(features, known, left_index=True, right_index=True)
    if unknown := [column for column in known.columns if joined[column].isna().any()]:
        day = joined.index[joined[unknown[0]].isna()][0]
        raise Invalid(f"{name} says nothing about {unknown[0].removeprefix(f'{name}_')} on {day:%Y-%m-%d}.")
    return joined


def windows(features: pd.DataFrame, length: int, names: list[str]) -> tuple[Array, Array, pd.Index]:
    """Every run of `length` days of these columns, with the next day's return and date, in order of time."""
    values = features[names].to_numpy(np.float32)
    count = len(values) - length
    if count <= 0:
        empty = np.empty((0, length, len(names)), np.float32)
        return empty, np.empty(0, np.float32), features.index[:0]
    runs = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)[:count].transpose(0, 2, 1)
    truth = features[TARGET].to_numpy(np.float32)[length:]
    return np.ascontiguousarray(runs), truth, features.index[length:]
