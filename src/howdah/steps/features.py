"""Lays each series' daily prices or figures on all its days and computes what a forecaster looks at.

Reads every clean file of --data (one row a company and day, in any order and any number
of files), and writes --out/features/COMPANY.csv: one row a working day, holes (holidays,
days without trading) filled from the working day before and marked, with the day's change
and range, the weekday and the end of the month. --lag and --rolling add columns of the
past, --link the columns of other tables as they stood on each day. With --target the rows
hold not prices but any daily figures, of which that column is to be forecast: then it is the
changes of the columns that stand there, and weekends are days where the series has any.

Nothing of the future reaches a row. Tables need no such step: how a column is filled,
scaled and encoded is part of the model in the bundle, so that a server is asked with raw rows.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from howdah.errors import Invalid
from howdah.learning import calendar, schema, table, validation
from howdah.learning.schema import Schema
from howdah.steps import program
from howdah.steps.train import read_clean


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of clean files")
    step.add_argument("--schema", type=Path, required=True, help="the folder that holds schema.json")
    step.add_argument(
        "--by", default="Ticker", help="the column that names the series, '' for one (default: Ticker)"
    )
    step.add_argument("--target", default="", help="the column to forecast (default: the rows hold prices)")
    step.add_argument("--date", default="Date", help="the column that names the day (default: Date)")
    for name, help in (("lag", "the column as it was then"), ("rolling", "its mean and deviation since")):
        step.add_argument(f"--{name}", action="append", default=[], metavar="COLUMN:DAYS", help=help)
    step.add_argument("--link", type=Path, help="a folder of tables with a Date, joined by day")
    options = step.parse_args(arguments)
    found = Schema.read(options.schema / "schema.json")
    rows = read_clean(program.files(options.data), found, most=sys.maxsize)  # a sample would have holes
    rows = rows.rename(columns={options.date: "Date"})
    linked = {path.stem: _dated(path) for path in program.files(options.link)} if options.link else {}
    (options.out / "features").mkdir(parents=True, exist_ok=True)
    every = rows.groupby(options.by) if options.by else [(options.target, rows)]
    for name, series in every:
        if "/" in str(name):
            raise Invalid(f"{name}: the name of a series becomes a file's, and so may hold no /.")
        try:
            features = _changes(series, found, options.target) if options.target else calendar.series(series)
            for column, days in map(_column, options.lag):
                features = calendar.lag(features, _known(features, column), days)
            for column, days in map(_column, options.rolling):
                features = calendar.rolling(features, _known(features, column), days)
            for other, columns in linked.items():
                features = calendar.link(features, columns, other)
        except Invalid as error:
            raise Invalid(f"{name}: {error}") from error
        features.to_csv(options.out / "features" / f"{name}.csv", date_format="%Y-%m-%d")
        program.say(f"{name}: {len(features)} days, {int(features['gap'].sum())} without figures")


def _changes(series: pd.DataFrame, found: Schema, target: str) -> pd.DataFrame:
    numbers = [column for column in found.columns if column.kind == "number"]
    # By the schema, not by the rows: the same column must mean the same in every run.
    counted = [column.name for column in numbers if column.minimum is not None and column.minimum >= 0]
    return calendar.quantities(series[["Date", *(column.name for column in numbers)]], target, counted)


def _column(text: str) -> tuple[str, int]:
    column, colon, days = text.rpartition(":")
    if not colon or not days.isdigit() or int(days) < 1:
        raise Invalid(f"wanted COLUMN:DAYS, such as log_return:5, not {text!r}.")
    return column, int(days)


def _known(features: pd.DataFrame, column: str) -> str:
    if column not in features.columns:
        raise Invalid(f"there is no feature {column!r}; there are {', '.join(features.columns)}.")
    return column


def _dated(path: Path) -> pd.DataFrame:
    rows = table.read_whole(path)
    found = schema.infer(rows)
    if found["Date"].kind != "date":
        raise Invalid(f"{path.name}: the column Date must hold days such as 2012-12-31.")
    typed = validation.sort(rows, found).clean
    return typed[["Date", *(each.name for each in found.columns if each.kind == "number")]]


if __name__ == "__main__":
    program.run(main)
