"""Trains one model on clean tables and writes it as a bundle.

Reads every clean file of --data in the order of their names, cross-validates the model
family, fits it on all rows, exports it to ONNX where that is proven to give the same
answers (skops otherwise), and writes the bundle under --out: with plots of the cross
validation's answers, for classes confusion and, for two, calibration; for numbers residuals.
"""

import json
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from howdah.errors import Invalid
from howdah.learning import bundle, card, evaluation, export, table, training, validation
from howdah.learning.schema import Schema
from howdah.learning.signature import Array, Signature
from howdah.steps import program

REFERENCE_ROWS = 1000
SCENARIOS = 5
# Beyond, a model gains little and memory has no bound.
MOST_ROWS = 1_000_000
# Fewer rows than this cannot be cross-validated into figures that mean anything.
FEWEST_ROWS = 20


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--name", required=True, help="the model's name")
    asked(step)
    step.add_argument(
        "--parameter", action="append", default=[], metavar="NAME=VALUE", help="a setting of the family"
    )
    step.add_argument("--chosen", type=Path, help="the folder of the chosen.json that `choose` wrote")
    step.add_argument("--request", type=Path, help=program.REQUEST)
    options = step.parse_args(arguments)
    like = program.like(options.request)
    options.family, options.seed = like.get("family", options.family), like.get("seed", options.seed)

    lesson = prepare(options)
    rows, frame, truth, signature = lesson.rows, lesson.frame, lesson.truth, lesson.signature
    parameters = parse_parameters(options.parameter)
    if options.chosen:
        found = json.loads((options.chosen / "chosen.json").read_text(encoding="utf-8"))
        parameters = {**found["parameters"], **parameters}
    parameters = like.get("parameters", parameters)  # type: ignore[assignment]
    estimator = training.build(signature, options.family, parameters, options.seed)
    judged = evaluation.cross_validate(estimator, frame, truth, signature, options.folds, options.seed)
    metrics = {
        "cross_validation": judged.mean(),
        "naive": evaluation.naive(truth, truth, signature),
    }
    program.say(
        f"{options.name}: {len(rows)} rows, {options.folds} folds: {_headline(metrics['cross_validation'])}"
    )
    drawn = _drawn(truth, judged.outputs, signature)
    estimator.fit(frame, truth)

    model_file = export.export(estimator, frame, signature, _fresh(options.out))
    manifest = bundle.Manifest(
        name=options.name,
        model_file=model_file,
        signature=signature,
        family=options.family,
        parameters=parameters,
        seed=options.seed,
        rows=len(rows),
        metrics=metrics,
        sources=program.sources(
            options.data, options.schema, *(each for each in (options.chosen, options.request) if each)
        ),
        code=program.code_hash(),
        libraries=bundle.versions(),
        validation=bundle.Validation(
            "cross_validation", len(rows), program.sources(options.data), folds=options.folds
        ),
    )
    shutil.copyfile(options.schema / "schema.json", options.out / "schema.json")
    bundle.write(
        options.out,
        manifest,
        reference=sample(rows, options.seed).to_csv(index=False),
        card=card.write(manifest, lesson.schema, drawn),
        scenario_inputs=_scenarios(frame, signature),
        plots=drawn,
    )
    program.say(
        f"{options.name}: wrote {model_file}; it agrees with the fitted model on every training row"
        if model_file.endswith("onnx")
        else f"{options.name}: wrote {model_file}"
    )


def _drawn(truth: Array, outputs: dict[str, Array], signature: Signature) -> dict[str, str]:
    from howdah.learning import plots  # here: many steps read rows as this one does, and draw nothing

    return plots.of_answers(truth, outputs, signature)


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learned from: the rows, and the same as a model takes them."""

    schema: Schema
    rows: pd.DataFrame
    frame: pd.DataFrame
    truth: Array
    signature: Signature


def asked(step: ArgumentParser) -> None:
    """The options that say what to learn from which data; `tune` asks for the same."""
    step.add_argument("--data", type=Path, required=True, help="the folder of clean files")
    step.add_argument("--schema", type=Path, required=True, help="the folder that holds schema.json")
    step.add_argument("--target", required=True, help="the column to learn")
    step.add_argument("--task", required=True, choices=["regression", "classification"])
    step.add_argument("--family", required=True, help="the model family, for example forest")
    step.add_argument(
        "--leave-out", action="append", default=[], metavar="COLUMN", help="a column not to learn from"
    )
    step.add_argument("--folds", type=int, default=5, help="folds of the cross validation (default: 5)")
    step.add_argument("--seed", type=int, default=0, help="makes every choice repeatable (default: 0)")


def prepare(options: Namespace) -> Lesson:
    """Invalid where there are too few rows, or there is one class only."""
    schema = Schema.read(options.schema / "schema.json")
    rows = read_clean(program.files(options.data), schema, seed=options.seed)
    rows = rows[rows[options.target].notna()].reset_index(drop=True)
    if len(rows) < FEWEST_ROWS:
        raise Invalid(
            f"{len(rows)} rows with a {options.target} are too few to train on; {FEWEST_ROWS} are needed."
        )
    truth = rows[options.target].to_numpy()
    classes = _classes(truth, options.task, options.target)
    left_out = tuple(options.leave_out)
    signature = training.signature_for(schema, options.target, options.task, left_out, classes)
    truth = truth.astype(str) if classes else truth.astype(float)
    return Lesson(schema, rows, training.frame_of(rows, signature), truth, signature)


def read_clean(paths: Iterable[Path], schema: Schema, most: int = MOST_ROWS, seed: int = 0) -> pd.DataFrame:
    """The clean rows, in the order of the files, typed by the schema.

    Of more than `most` rows a sample by `seed`, so that memory is bounded whatever comes.
    """
    return sampled(paths, schema, most, seed)[0]


def sampled(
    paths: Iterable[Path], schema: Schema, most: int = MOST_ROWS, seed: int = 0
) -> tuple[pd.DataFrame, int]:
    """As `read_clean`, and how many clean rows there are of which these are all or a sample."""
    drawn = np.random.default_rng(seed)
    kept, places = pd.DataFrame(), np.empty(0)
    waiting: list[tuple[pd.DataFrame, Array]] = []
    read = 0
    for path in paths:
        for piece in table.read(path):
            clean = validation.sort(piece, schema).clean
            read += len(clean)
            waiting.append((clean, drawn.random(len(clean))))
            if sum(len(each) for each, _ in waiting) > most // 2:
                kept, places = _least([(kept, places), *waiting], most)
                waiting = []
    if read == 0:
        raise Invalid("there is no clean row to work on")
    kept, places = _least([(kept, places), *waiting], most)
    if read > most:
        program.say(f"{read} clean rows: working on a sample of {most}")
    return kept.reset_index(drop=True), read


def _least(parts: Sequence[tuple[pd.DataFrame, Array]], most: int) -> tuple[pd.DataFrame, Array]:
    """The `most` rows that drew the least numbers, in their order."""
    met = [part for part in parts if len(part[0])] or list(parts[-1:])
    rows, places = pd.concat([part[0] for part in met]), np.concatenate([part[1] for part in met])
    if len(rows) <= most:
        return rows, places
    chosen = np.sort(np.argpartition(places, most)[:most])
    return rows.iloc[chosen], places[chosen]


def sample(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    if len(rows) <= REFERENCE_ROWS:
        return rows
    return rows.sample(REFERENCE_ROWS, random_state=seed).sort_index()


def parse_parameters(pairs: Sequence[str]) -> dict[str, float | int | str]:
    parameters: dict[str, float | int | str] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals:
            raise Invalid(f"--parameter wants NAME=VALUE, not {pair!r}.")
        parameters[name] = _number(text)
    return parameters


def _number(text: str) -> float | int | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _classes(truth: Array, task: str, target: str) -> tuple[str, ...]:
    if task != "classification":
        return ()
    classes = tuple(sorted(set(truth.astype(str))))
    if len(classes) < 2:
        raise Invalid(f"{target} has one class only ({classes[0]!r}); there is nothing to tell apart.")
    return classes


def _scenarios(frame: pd.DataFrame, signature: Signature) -> dict[str, Array]:
    rows = frame.iloc[:: max(1, len(frame) // SCENARIOS)].head(SCENARIOS)
    return {field.name: rows[field.name].to_numpy() for field in signature.inputs}


def _headline(figures: evaluation.Figures) -> str:
    return ", ".join(
        f"{name} {figures[name]:.3f}" for name in ("r2", "mae", "roc_auc", "accuracy") if name in figures
    )


def _fresh(out: Path) -> Path:
    out.mkdir(parents=True, exist_ok=True)
    return out


if __name__ == "__main__":
    program.run(main)
