"""Compares the newest data with what the champion learned from, and reports what moved.

Reads the newest files of --data as the window and the champion's bundle from the branch
--champion for the reference, and writes drift.json under --out: each input's distance
and corrected p-value, and which inputs drifted; the window is named by id, files
and data commit. For a forecast --data holds the features and the window is the last --latest
working days. While there is no champion, or there is too little to judge on, the report says
that instead of calling it steady.
"""

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from blake3 import blake3

from howdah.errors import Invalid
from howdah.learning import bundle, drift, reference, training
from howdah.learning.schema import Schema
from howdah.learning.signature import Array
from howdah.steps import program
from howdah.steps.champion import fetch
from howdah.steps.forecast import read_features
from howdah.steps.train import read_clean

NO_CHAMPION: dict[str, list[object] | str] = {
    "drifted": [],
    "columns": [],
    "note": "no champion yet: nothing to compare with",
}


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of clean files, or of features")
    step.add_argument("--champion", required=True, metavar="REPO@BRANCH", help="the branch served now")
    step.add_argument(
        "--latest", type=int, default=1, help="how many of the newest files, or days (default: 1)"
    )
    step.add_argument("--level", type=float, default=0.01, help="the chance of a false alarm (default: 0.01)")
    step.add_argument(
        "--leave-out",
        action="append",
        default=[],
        metavar="COLUMN",
        help="an input not to watch, such as one that tells the time and so always moves",
    )
    options = step.parse_args(arguments)

    with tempfile.TemporaryDirectory() as folder:
        found, commit = fetch(options.champion, Path(folder), os.environ)
        window = _window(options.data, options.latest, found)
        report = _report(found, window, options.level, options.leave_out)
    files = [str(path.relative_to(options.data)) for path in window.paths]
    slice = {"id": window.id, "name": window.name, "files": files, "commit": program.commit(options.data)}
    document = {"window": slice, "champion": commit or None, **report}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "drift.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    program.say(f"{window.name}: {document['note'] or 'drift in ' + ', '.join(map(str, report['drifted']))}")


@dataclass(frozen=True, slots=True)
class Window:
    id: str
    """A name for exactly this content: the same window is answered once."""
    name: str
    paths: Sequence[Path]
    days: dict[str, pd.DataFrame] | None = None
    """For a forecast, each company's last days."""


def _window(data: Path, latest: int, found: bundle.Bundle | None) -> Window:
    if found is None or found.manifest.signature.task != "forecast":
        paths = list(program.files(data))[-latest:]
        return Window(program.digest(paths), ", ".join(str(path.relative_to(data)) for path in paths), paths)
    companies = read_features(data)
    calendar_days = sorted({day for features in companies.values() for day in features.index})[-latest:]
    days = {name: features.loc[calendar_days[0] :] for name, features in companies.items()}
    text = "".join(f"{name}\n{features.to_csv()}" for name, features in days.items())
    name = f"{len(calendar_days)} working days to {calendar_days[-1]:%Y-%m-%d}"
    return Window(blake3(text.encode()).hexdigest(length=16), name, (), days)


def _report(
    found: bundle.Bundle | None, window: Window, level: float, leave_out: Sequence[str]
) -> dict[str, list[object] | str]:
    if found is None:
        return NO_CHAMPION
    if window.days is None:
        return judged(level, lambda: _rows(found, window.paths, level, leave_out))
    days = window.days
    return judged(level, lambda: _days(found, days, level, leave_out))


def judged(level: float, judge: Callable[[], drift.DriftReport]) -> dict[str, list[object] | str]:
    """The report's part that says what moved, or why that cannot be told."""
    try:
        report = judge()
    except Invalid as error:
        return {"drifted": [], "columns": [], "note": str(error)}
    return {
        "drifted": [column.name for column in report.columns if column.drifted],
        "columns": [asdict(column) for column in report.columns],
        "note": "" if report.drifted else f"no drift at level {level:g}",
    }


def _rows(
    found: bundle.Bundle, paths: Sequence[Path], level: float, leave_out: Sequence[str]
) -> drift.DriftReport:
    signature = found.manifest.signature
    frame = training.frame_of(read_clean(paths, Schema.read(found.folder / "schema.json")), signature)
    now = {field.name: frame[field.name].to_numpy() for field in signature.inputs}
    return drift.compare(reference.read(found.folder, signature), now, signature, level, leave_out)


def _days(
    found: bundle.Bundle, days: dict[str, pd.DataFrame], level: float, leave_out: Sequence[str]
) -> drift.DriftReport:
    """Only companies that the champion knows: how another one behaves is no change of theirs."""
    past = pd.read_csv(found.folder / "reference.csv", parse_dates=["Date"]).set_index("Date")
    known = {str(name): rows for name, rows in past.groupby("series")}
    now = {name: features for name, features in days.items() if name in known}
    names = [name for name in found.manifest.signature.inputs[0].columns if name not in leave_out]
    if not now:
        raise Invalid("none of the series that the champion learned from is in the data.")
    return drift.compare_days(
        {name: _matrix(known, name) for name in names}, {name: _matrix(now, name) for name in names}, level
    )


def _matrix(series: dict[str, pd.DataFrame], name: str) -> Array:
    whole = pd.concat([features[name] for features in series.values()], axis=1).sort_index()
    return np.asarray(whole.to_numpy(float))


if __name__ == "__main__":
    program.run(main)
