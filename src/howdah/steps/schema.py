"""Infers schema.json from data, once: kinds, ranges, levels, which columns may be missing.

Reads every file of --data and writes --out/schema.json. Look at it, correct it, and commit
it to the schema's repo: from then on it is a contract, and `validate` holds rows to it.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from howdah.learning import schema, table
from howdah.steps import program


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of files")
    step.add_argument(
        "--unique", action="append", default=[], metavar="COLUMN", help="a column of the key; may be repeated"
    )
    options = step.parse_args(arguments)
    rows = pd.concat([table.read_whole(path) for path in program.files(options.data)], ignore_index=True)
    found = schema.infer(rows, options.unique)
    for name in options.unique:
        found[name]
    options.out.mkdir(parents=True, exist_ok=True)
    found.write(options.out / "schema.json")
    program.say(f"{len(found.columns)} columns from {len(rows)} rows")


if __name__ == "__main__":
    program.run(main)
