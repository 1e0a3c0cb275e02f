"""Says what the clean data holds: distributions, missing values, duplicates.

Reads every clean file of --data and writes --out/profile.json and, for people,
--out/profile.html, one page that fetches nothing. Of very many rows it describes a sample,
and says so: `rows` are those described, `read` all there are.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from howdah.learning import page
from howdah.learning.profile import Profile, profile
from howdah.learning.schema import Schema
from howdah.steps import program
from howdah.steps.train import sampled


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of clean files")
    step.add_argument("--schema", type=Path, required=True, help="the folder that holds schema.json")
    options = step.parse_args(arguments)
    schema = Schema.read(options.schema / "schema.json")
    rows, read = sampled(program.files(options.data), schema)
    found = profile(rows, schema)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "profile.json").write_text(
        json.dumps({"read": read, **asdict(found)}, indent=2) + "\n", encoding="utf-8"
    )
    (options.out / "profile.html").write_text(_html(found, read), encoding="utf-8")
    missing = sum(column.missing for column in found.columns)
    program.say(f"{counted(found.rows, read)}, {found.duplicates} duplicates, {missing} missing values")


def counted(rows: int, read: int) -> str:
    """What the profile is of: all rows, or a sample of those that were read."""
    return f"{rows} rows" if rows == read else f"a sample of {rows} of {read} rows"


def _html(found: Profile, read: int) -> str:
    parts = [
        page.paragraph(f"{counted(found.rows, read)}, {found.duplicates} of them equal to an earlier one.")
    ]
    for column in found.columns:
        share = column.missing / found.rows
        parts.append(page.heading(column.name))
        parts.append(
            page.paragraph(
                f"{column.kind}, {column.distinct} distinct values, {column.missing} missing ({share:.1%})"
            )
        )
        if column.figures:
            parts.append(page.table(list(column.figures), [list(column.figures.values())]))
        parts.append(page.bars(column.counts))
    return page.page("What the data holds", *parts)


if __name__ == "__main__":
    program.run(main)
