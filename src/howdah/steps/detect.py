"""Which rows of new data are unlike any that a model learned from?

Reads the bundle from --model and the clean files of --data, fits an isolation forest on the
bundle's reference sample, and writes under --out for each file

    outliers/NAME.csv   the strange rows: place in the file, score, and the model's inputs
    report/NAME.json    how many, of how many, above which score

Whether the data as a whole has moved is for `drift` to say: a shift can have no strange row.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from howdah.learning import reference, table, training
from howdah.learning.outliers import Outliers
from howdah.steps import answerable, program


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    answerable.asked(step)
    step.add_argument(
        "--level", type=float, default=0.01, help="the share of known rows to call strange (default: 0.01)"
    )
    step.add_argument("--seed", type=int, default=0, help="makes every choice repeatable (default: 0)")
    options = step.parse_args(arguments)
    met = answerable.model_in(
        options.model, "detect judges rows of tables; days of a series are judged by `drift`."
    )
    if met is None:
        return
    found, schema = met
    signature = found.manifest.signature
    detector = Outliers(reference.read(found.folder, signature), signature, options.level, options.seed)
    for path in program.files(options.data):
        name = program.name_of(path, options.data)
        rows, strange = 0, []
        for piece in table.read(path):
            clean = answerable.keep(piece, schema)
            rows += len(clean)
            if len(clean):
                strange.append(_strange(clean, detector, training.frame_of(clean, signature)))
        _write(options.out, name, rows, pd.concat(strange) if strange else pd.DataFrame(), detector.threshold)


def _strange(clean: pd.DataFrame, detector: Outliers, frame: pd.DataFrame) -> pd.DataFrame:
    scores = detector.scores({name: frame[name].to_numpy() for name in frame.columns})
    told = clean.copy()
    told.insert(0, "row", clean.index)
    told.insert(1, "score", scores)
    return told[scores > detector.threshold]


def _write(out: Path, name: str, rows: int, strange: pd.DataFrame, threshold: float) -> None:
    table_path, report_path = out / "outliers" / f"{name}.csv", out / "report" / f"{name}.json"
    for path in (table_path, report_path):
        path.parent.mkdir(parents=True, exist_ok=True)
    strange.to_csv(table_path, index=False)
    document = {"rows": rows, "outliers": len(strange), "threshold": threshold}
    report_path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    program.say(f"{name}: {len(strange)} of {rows} rows are unlike the reference")


if __name__ == "__main__":
    program.run(main)
