"""Compares the challenger with the champion on held-out rows that neither has learned from.

Reads the challenger's bundle from --challenger and the rows from --data, fetches the
champion's bundle from the branch --champion (a step cannot have two branches of one repo
as inputs), and writes comparison.json under --out: both models' figures, the paired
test, which commits were compared, and that all of this is offline. While there is no
champion yet, it says so and gives the challenger's figures alone.
"""

import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd

from howdah.learning import bundle, comparison, evaluation, training
from howdah.learning.schema import Schema
from howdah.learning.signature import Array
from howdah.steps import program
from howdah.steps.champion import fetch
from howdah.steps.train import read_clean

Answers = tuple[Array, dict[str, Array]]


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--challenger", type=Path, required=True, help="the input with the new bundle")
    step.add_argument("--champion", required=True, metavar="REPO@BRANCH", help="the branch served now")
    step.add_argument("--data", type=Path, required=True, help="the folder of held-out files")
    step.add_argument(
        "--latest", type=int, default=3, help="how many of the newest files to use (default: 3)"
    )
    options = step.parse_args(arguments)

    challenger = bundle.read(options.challenger)
    window = sorted(path for path in options.data.rglob("*") if path.is_file())[-options.latest :]
    rows = read_clean(window, Schema.read(options.challenger / "schema.json"))
    rows = rows[rows[challenger.manifest.signature.target].notna()]
    document: dict[str, object] = {
        "kind": "offline",
        "window": [str(path.relative_to(options.data)) for path in window],
        "rows": len(rows),
        "challenger": _side(
            challenger, rows, program.sources(options.challenger).get(options.challenger.name, "")
        ),
    }
    with tempfile.TemporaryDirectory() as folder:
        champion, commit = fetch(options.champion, Path(folder), os.environ)
        if champion is None:
            document["champion"] = None
            program.say(f"{options.champion} does not exist yet: nothing to compare with")
        else:
            document["champion"] = _side(champion, rows, commit)
            found = _compare(champion, challenger, rows)
            document["comparison"] = asdict(found)
            program.say(
                f"{found.loss} on {found.rows} held-out rows: champion {found.champion:.3f}, "
                f"challenger {found.challenger:.3f} (p = {found.p_value:.4f})"
            )
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "comparison.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _answers(found: bundle.Bundle, rows: pd.DataFrame) -> Answers:
    signature = found.manifest.signature
    frame = training.frame_of(rows, signature)
    outputs = found.model().predict({field.name: frame[field.name].to_numpy() for field in signature.inputs})
    return rows[signature.target].to_numpy(), outputs


def _side(found: bundle.Bundle, rows: pd.DataFrame, commit: str) -> dict[str, object]:
    truth, outputs = _answers(found, rows)
    return {"commit": commit, "metrics": evaluation.evaluate(truth, outputs, found.manifest.signature)}


def _compare(champion: bundle.Bundle, challenger: bundle.Bundle, rows: pd.DataFrame) -> comparison.Comparison:
    sides = []
    for found in (champion, challenger):
        truth, outputs = _answers(found, rows)
        sides.append(comparison.losses(truth, outputs, found.manifest.signature))
    loss = "log loss" if challenger.manifest.signature.task == "classification" else "absolute error"
    return comparison.compare(sides[0], sides[1], loss, challenger.manifest.seed)


if __name__ == "__main__":
    program.run(main)
