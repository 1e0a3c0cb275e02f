"""Daily prices as a model wants them: every working day, no gaps, changes rather than levels.

Exchanges close on holidays, so a series of trading days has holes at different places in
different countries. Each series is laid on all working days, a hole takes the last day's
values, and `gap` says so; nothing from the future is used to fill the past.
"""

import numpy as np
import pandas as pd

from howdah.errors import Invalid
from howdah.learning.signature import Array

FEATURES = ("log_return", "range", "body", "volume_change", "gap", "weekday", "month_end")


def series(frame: pd.DataFrame) -> pd.DataFrame:
    """One company's rows (Date, Open, High, Low, Close, Volume, Adj Close) on all working days, with
    FEATURES and `close` by date. Invalid where a date repeats or fewer than two days are left.
    """
    rows = frame.sort_values("Date").set_index("Date")
    if rows.index.has_duplicates:
        repeated = rows.index[rows.index.duplicated()][0]
        raise Invalid(f"{repeated:%Y-%m-%d} stands twice in one series.")
    if len(rows) < 2:
        raise Invalid("A series needs at least two days.")
    days = rows.asfreq("B")
    gap = days["Close"].isna()
    filled = days.ffill()
    # A filled day had no trade: its change is nought and its range is closed.
    close = filled["Adj Close"]
    dates = pd.DatetimeIndex(filled.index)
    features = pd.DataFrame(
        {
            "log_return": np.log(close).diff().fillna(0.0),
            "range": np.where(gap, 0.0, np.log(filled["High"] / filled["Low"])),
            "body": np.where(gap, 0.0, np.log(filled["Close"] / filled["Open"])),
            "volume_change": np.log1p(filled["Volume"]).diff().fillna(0.0),
            "gap": gap.astype(float),
            "weekday": dates.dayofweek / 4.0,
            "month_end": dates.is_month_end.astype(float),
        },
        index=filled.index,
    )
    features.insert(0, "close", close)
    return features


def windows(features: pd.DataFrame, length: int) -> tuple[Array, Array, pd.Index]:
    """Every run of `length` days with the next day's return and date, in order of time."""
    values = features[list(FEATURES)].to_numpy(np.float32)
    count = len(values) - length
    if count <= 0:
        empty = np.empty((0, length, len(FEATURES)), np.float32)
        return empty, np.empty(0, np.float32), features.index[:0]
    runs = np.lib.stride_tricks.sliding_window_view(values, length, axis=0)[:count].transpose(0, 2, 1)
    return np.ascontiguousarray(runs), values[length:, 0], features.index[length:]
