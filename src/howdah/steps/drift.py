"""Compares the newest data with what the champion learned from, and reports what moved.

Reads the newest files of --data as the window and the champion's bundle from the branch
--champion for the reference, and writes drift.json under --out: each input's distance
and corrected p-value, and which inputs drifted. While there is no champion, or the
window is too small to judge, the report says that instead of calling it steady.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from howdah.errors import Invalid
from howdah.learning import bundle, drift, reference, training
from howdah.learning.schema import Schema
from howdah.steps import program
from howdah.steps.champion import fetch
from howdah.steps.train import read_clean


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of clean files")
    step.add_argument("--champion", required=True, metavar="REPO@BRANCH", help="the branch served now")
    step.add_argument("--latest", type=int, default=1, help="how many of the newest files (default: 1)")
    step.add_argument("--level", type=float, default=0.01, help="the chance of a false alarm (default: 0.01)")
    options = step.parse_args(arguments)

    paths = list(program.files(options.data))[-options.latest :]
    names = ", ".join(str(path.relative_to(options.data)) for path in paths)
    window = {"id": program.digest(paths), "name": names}
    with tempfile.TemporaryDirectory() as folder:
        found, commit = fetch(options.champion, Path(folder), os.environ)
        report = _report(found, paths, options.level)
    document = {"window": window, "champion": commit or None, **report}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "drift.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    program.say(f"{names}: {document['note'] or 'drift in ' + ', '.join(map(str, report['drifted']))}")


def _report(found: bundle.Bundle | None, paths: list[Path], level: float) -> dict[str, list[object] | str]:
    if found is None:
        return {"drifted": [], "columns": [], "note": "no champion yet: nothing to compare with"}
    signature = found.manifest.signature
    frame = training.frame_of(read_clean(paths, Schema.read(found.folder / "schema.json")), signature)
    now = {field.name: frame[field.name].to_numpy() for field in signature.inputs}
    try:
        report = drift.compare(reference.read(found.folder, signature), now, signature, level)
    except Invalid as error:
        return {"drifted": [], "columns": [], "note": str(error)}
    return {
        "drifted": [column.name for column in report.columns if column.drifted],
        "columns": [asdict(column) for column in report.columns],
        "note": "" if report.drifted else f"no drift at level {level:g}",
    }


if __name__ == "__main__":
    program.run(main)
