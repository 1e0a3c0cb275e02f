"""Compares what the champion is asked with what it learned from, day by day of the inference log.

Reads each day's folder of --log, takes the rows that the champion on the branch --champion
answered that day, and writes --out/DAY.json, a report like that of `drift`. A window is the
day's first 50, 100, 200 rows and so on up to 12,800, each judged at half the level of the one
before, so that --level bounds the chance of any false alarm in a day. The report is of the largest
window that is full; with fewer than 50 rows it says so instead of calling the day steady.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from howdah.errors import Invalid
from howdah.learning import bundle, drift, reference, requests
from howdah.steps import program
from howdah.steps.champion import fetch
from howdah.steps.drift import NO_CHAMPION, judged

FIRST_WINDOW_ROWS = 50
LAST_WINDOW_ROWS = FIRST_WINDOW_ROWS << 8


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--log", type=Path, required=True, help="the folder of days, each of Parquet files")
    step.add_argument("--champion", required=True, metavar="REPO@BRANCH", help="the branch served now")
    step.add_argument("--level", type=float, default=0.01, help="the chance of a false alarm (default: 0.01)")
    step.add_argument(
        "--leave-out", action="append", default=[], metavar="COLUMN", help="an input not to watch"
    )
    options = step.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        found, commit = fetch(options.champion, Path(folder), os.environ)
        for day in sorted(options.log.iterdir()):
            document = _report(found, commit, day, options.level, options.leave_out)
            (options.out / f"{day.name}.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")
            program.say(f"{day.name}: {document['note'] or document['drifted']}")


def _report(
    found: bundle.Bundle | None, champion: str, day: Path, level: float, leave_out: Sequence[str]
) -> dict[str, object]:
    if found is None:
        return {"window": _window(day, champion), "champion": None, **NO_CHAMPION}
    signature = found.manifest.signature
    if signature.task == "forecast":
        raise Invalid("request_drift judges rows of tables; days of a series are judged by `drift`.")
    # A pipe where the input is lazy, so nothing but the name tells a file.
    asked = requests.read(sorted(day.glob("*.parquet")), signature, champion, LAST_WINDOW_ROWS)
    look = (asked.count // FIRST_WINDOW_ROWS).bit_length() - 1
    rows = FIRST_WINDOW_ROWS << look if look >= 0 else 0
    document: dict[str, object] = {
        "window": _window(day, champion, rows, asked.paths),
        "champion": champion,
        "requests_not_read": asked.unread,
    }
    if not rows:
        note = f"{asked.count} rows are too few to judge; {FIRST_WINDOW_ROWS} are needed"
        return {**document, "drifted": [], "columns": [], "note": note}
    now = {name: values[:rows] for name, values in asked.rows.items()}
    past, share = reference.read(found.folder, signature), level / 2 ** (look + 1)
    return {**document, **judged(share, lambda: drift.compare(past, now, signature, share, leave_out))}


def _window(day: Path, champion: str, rows: int = 0, paths: Sequence[Path] = ()) -> dict[str, object]:
    """The log only grows, so day, model and number of rows name the same rows for good."""
    first = f"the first {rows} rows" if rows else "all rows"
    return {
        "id": f"requests-{day.name}-{champion or 'none'}-{rows}",
        "name": f"{first} asked on {day.name}",
        "files": [f"records/{day.name}/{path.name}" for path in paths],
        "commit": program.commit(day),
    }


if __name__ == "__main__":
    program.run(main)
