"""Looks for good parameters by cross validation, one candidate a file.

With --parameters (a folder of JSON files, one set of parameters each) every file is one
candidate: cross the folder's `/*` with the data, and Pachyderm tries each in a datum of its
own, in parallel, and only new ones later. With --search it looks by itself, in one datum:
optuna samples --trials candidates from the ranges of search.json. `choose` takes the best.

    search.json: {"C": {"low": 0.01, "high": 10, "log": true}, "max_depth": {"low": 2, "high": 9,
    "whole": true}, "penalty": {"choices": ["l1", "l2"]}}
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import optuna

from howdah.errors import Invalid
from howdah.learning import evaluation, training
from howdah.learning.training import Parameters
from howdah.steps import program
from howdah.steps.train import Lesson, asked, prepare

GOAL = {"classification": ("log_loss", -1.0), "regression": ("mae", -1.0)}


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    asked(step)
    sources = step.add_mutually_exclusive_group(required=True)
    sources.add_argument("--parameters", type=Path, help="the folder of candidates")
    sources.add_argument("--search", type=Path, help="the folder that holds search.json")
    step.add_argument("--trials", type=int, default=20, help="candidates to sample (default: 20)")
    options = step.parse_args(arguments)
    lesson = prepare(options)

    def judge(name: str, parameters: Parameters) -> float:
        figures = _figures(lesson, options.family, parameters, options.folds, options.seed)
        goal, sign = GOAL[options.task]
        score = sign * figures[goal]
        document = {"parameters": dict(parameters), "goal": goal, "score": score, "figures": figures}
        folder = options.out / "candidates"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
        program.say(f"{name}: {goal} {figures[goal]:.4f} with {dict(parameters)}")
        return score

    if options.parameters:
        for path in program.files(options.parameters):
            judge(path.stem, {name: _value(name, each) for name, each in _read(path).items()})
    else:
        _search(_read(options.search / "search.json"), options.trials, options.seed, judge)


def _figures(
    lesson: Lesson, family: str, parameters: Parameters, folds: int, seed: int
) -> evaluation.Figures:
    estimator = training.build(lesson.signature, family, parameters, seed)
    frame, truth, signature = lesson.frame, lesson.truth, lesson.signature
    return evaluation.cross_validate(estimator, frame, truth, signature, folds, seed).mean()


def _search(
    ranges: Mapping[str, object], trials: int, seed: int, judge: Callable[[str, Parameters], float]
) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.optimize(
        lambda trial: judge(
            f"trial-{trial.number:04d}", {name: _suggest(trial, name, each) for name, each in ranges.items()}
        ),
        n_trials=trials,
    )


def _suggest(trial: optuna.Trial, name: str, each: object) -> float | int | str:
    match each:
        case {"choices": list(choices)}:
            return _value(name, trial.suggest_categorical(name, choices))
        case {"low": int() | float() as low, "high": int() | float() as high, **more}:
            log = bool(more.get("log", False))
            if more.get("whole", False):
                return trial.suggest_int(name, int(low), int(high), log=log)
            return trial.suggest_float(name, low, high, log=log)
    raise Invalid(f"search.json: {name} wants choices, or low and high; it has {json.dumps(each)}.")


def _value(name: str, value: object) -> float | int | str:
    if isinstance(value, float | int | str):
        return value
    raise Invalid(f"{name} must be a number or a word, not {json.dumps(value)}.")


def _read(path: Path) -> dict[str, object]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise Invalid(f"{path.name} is not JSON: {error}.") from error
    if not isinstance(document, dict):
        raise Invalid(f"{path.name} must hold one object of parameters.")
    return document


if __name__ == "__main__":
    program.run(main)
