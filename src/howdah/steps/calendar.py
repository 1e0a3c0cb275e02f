"""Lays each company's daily prices on all working days and computes what a forecaster needs.

Reads every clean file of --data (one row a company and day, in any order and any number
of files), and writes --out/features/COMPANY.csv: one row a working day, holes filled from
the working day before and marked.
"""

from collections.abc import Sequence
from pathlib import Path

from howdah.errors import Invalid
from howdah.learning import calendar
from howdah.learning.schema import Schema
from howdah.steps import program
from howdah.steps.train import read_clean


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of clean files")
    step.add_argument("--schema", type=Path, required=True, help="the folder that holds schema.json")
    step.add_argument("--by", default="Ticker", help="the column that names the series (default: Ticker)")
    options = step.parse_args(arguments)
    rows = read_clean(program.files(options.data), Schema.read(options.schema / "schema.json"))
    (options.out / "features").mkdir(parents=True, exist_ok=True)
    for name, series in rows.groupby(options.by):
        try:
            features = calendar.series(series)
        except Invalid as error:
            raise Invalid(f"{name}: {error}") from error
        features.to_csv(options.out / "features" / f"{name}.csv", date_format="%Y-%m-%d")
        program.say(f"{name}: {len(features)} working days, {int(features['gap'].sum())} without trading")


if __name__ == "__main__":
    program.run(main)
