"""Judges a bundle on rows: the task's figures as JSON, and plots.

Reads the bundle from --model and the held-out files of --data, and writes under --out
evaluation.json (figures beside the naive answer, which commits) and plots/: for classes
the confusion matrix and, for two, the calibration; for numbers the residuals.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from howdah.errors import Invalid
from howdah.learning import bundle, evaluation, plots, training
from howdah.learning.schema import Schema
from howdah.steps import program
from howdah.steps.train import read_clean


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--model", type=Path, required=True, help="the input that holds the bundle")
    step.add_argument("--data", type=Path, required=True, help="the folder of held-out files")
    options = step.parse_args(arguments)
    found = bundle.read(options.model)
    signature = found.manifest.signature
    if signature.task == "forecast":
        raise Invalid("evaluate judges tables; a forecast is judged by `forecast` and `compare`.")
    rows = read_clean(program.files(options.data), Schema.read(options.model / "schema.json"))
    rows = rows[rows[signature.target].notna()]
    truth = rows[signature.target].to_numpy()
    frame = training.frame_of(rows, signature)
    outputs = found.model().predict({name: frame[name].to_numpy() for name in frame.columns})
    figures = evaluation.evaluate(truth, outputs, signature)
    document = {
        "model": program.commit(options.model),
        "data": program.commit(options.data),
        "rows": len(truth),
        "figures": figures,
        # The held-out rows' own mean or frequencies: the best that not looking at the inputs could do.
        "naive": evaluation.naive(truth, truth, signature),
    }
    folder = options.out / "plots"
    folder.mkdir(parents=True, exist_ok=True)
    (options.out / "evaluation.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    for name, drawn in plots.of_answers(truth, outputs, signature).items():
        (folder / f"{name}.svg").write_text(drawn, encoding="utf-8")
    told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
    program.say(f"{found.manifest.name} on {len(truth)} rows: {told}")


if __name__ == "__main__":
    program.run(main)
