"""Answers every row of files with a bundle: batch scoring, parallel by datum.

Reads the bundle from --model and the clean files of --data, and writes --out/scores/NAME.csv
for each: the row's place in its file, the answer and, for classes, each one's probability.
Files are read in pieces, so that their size does not matter. Rows that break the model's
schema are left out and counted: `validate` says which and why.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from howdah.learning import predictor, table, training
from howdah.learning.schema import Schema
from howdah.learning.signature import Signature
from howdah.steps import answerable, program


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    answerable.asked(step)
    options = step.parse_args(arguments)
    met = answerable.model_in(
        options.model, "score answers rows of tables; a forecast takes a window of days."
    )
    if met is None:
        return
    found, schema = met
    signature, model = found.manifest.signature, found.model()
    for path in program.files(options.data):
        target = options.out / "scores" / f"{program.name_of(path, options.data)}.csv"
        target.parent.mkdir(parents=True, exist_ok=True)
        read, written = _score(path, target, schema, model, signature)
        program.say(f"{path.name}: {written} rows answered, {read - written} left out")


def _score(
    path: Path, target: Path, schema: Schema, model: predictor.Model, signature: Signature
) -> tuple[int, int]:
    read = written = 0
    with target.open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["row", signature.target, *(f"probability_{label}" for label in signature.classes)])
        for piece in table.read(path):
            clean = answerable.keep(piece, schema)
            read += len(piece)
            written += len(clean)
            rows.writerows(_answers(clean, model, signature))
    return read, written


def _answers(clean: pd.DataFrame, model: predictor.Model, signature: Signature) -> Iterator[list[object]]:
    if clean.empty:
        return
    frame = training.frame_of(clean, signature)
    outputs = model.predict({name: frame[name].to_numpy() for name in frame.columns})
    answers = outputs[signature.target].tolist()
    probabilities = outputs["probabilities"].tolist() if signature.classes else [[]] * len(answers)
    for row, answer, shares in zip(clean.index, answers, probabilities, strict=True):
        yield [row, answer, *shares]


if __name__ == "__main__":
    program.run(main)
