"""Sorts the rows of raw files into clean ones and quarantined ones with the reason.

Reads every file of --data, checks it against the schema, and writes under --out

    clean/NAME.csv        the rows that keep the schema's contract, typed alike
    quarantine/NAME.csv   the others: row, column, reason, then the row as it came
    report/NAME.json      how many of each, and how often each reason

NAME is the file's without .csv; other endings stay, so that two files never become one.
A file that is no table at all, or lacks a column, fails the step by name.
"""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from howdah.errors import Invalid
from howdah.learning import table, validation
from howdah.learning.repeats import Repeats
from howdah.learning.schema import Schema
from howdah.steps import program


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of raw files")
    step.add_argument(
        "--schema", type=Path, required=True, help="the schema, or the folder that holds schema.json"
    )
    options = step.parse_args(arguments)
    path = options.schema / "schema.json" if options.schema.is_dir() else options.schema
    schema = Schema.read(path)
    for source in program.files(options.data):
        relative = source.relative_to(options.data)
        try:
            _validate(source, program.name_of(source, options.data), schema, options.out)
        except Invalid as error:
            raise Invalid(f"{relative}: {error}") from error


def _validate(source: Path, name: str, schema: Schema, out: Path) -> None:
    clean, quarantine, report = (
        out / side / f"{name}{ending}"
        for side, ending in (("clean", ".csv"), ("quarantine", ".csv"), ("report", ".json"))
    )
    for path in (clean, quarantine, report):
        path.parent.mkdir(parents=True, exist_ok=True)
    rows, kept = 0, 0
    reasons: Counter[str] = Counter()
    repeats = Repeats()
    for piece in table.read(source):
        sorted_rows = validation.sort(piece, schema, repeats)
        rows += len(piece)
        kept += len(sorted_rows.clean)
        _append(sorted_rows.clean, clean)
        if len(sorted_rows.quarantined):
            _append(sorted_rows.quarantined, quarantine)
            reasons.update(f"{row[1]}: {row[2]}" for row in sorted_rows.quarantined.itertuples(index=False))
    if rows == 0:
        raise Invalid("the file has a header but no rows")
    document = {
        "rows": rows,
        "clean": kept,
        "quarantined": rows - kept,
        "reasons": dict(reasons.most_common(20)),
    }
    report.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    program.say(
        f"{source.name}: {kept} of {rows} rows are clean"
        + (f", {rows - kept} quarantined" if rows - kept else "")
    )


def _append(frame: pd.DataFrame, path: Path) -> None:
    frame.to_csv(path, mode="a", header=not path.exists(), index=False, date_format="%Y-%m-%d")


if __name__ == "__main__":
    program.run(main)
