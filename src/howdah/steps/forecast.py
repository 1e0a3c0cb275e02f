"""Trains an LSTM on daily features and writes it as a bundle, with its figures beside naive.

Reads every COMPANY.csv of --data as `features` writes them, holds the last days out for
all companies, trains one model on the windows before them, exports it to ONNX where that
is proven to agree, and writes the bundle under --out. The card and the plots say for each
company who wins, the model or the naive forecast.
"""

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from howdah.core.json import JsonObject, as_object
from howdah.errors import Invalid
from howdah.learning import bundle, calendar, card, forecasting, plots, predictor
from howdah.learning.signature import Array, Signature
from howdah.steps import program

FAMILY = "lstm"


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of features")
    step.add_argument("--name", required=True, help="the model's name")
    step.add_argument("--window", type=int, default=20, help="days that a forecast looks at (default: 20)")
    step.add_argument("--holdout-days", type=int, default=60, help="last days to judge on (default: 60)")
    step.add_argument("--units", type=int, default=16, help="the LSTM's width (default: 16)")
    step.add_argument("--epochs", type=int, default=5, help="passes over the data (default: 5)")
    step.add_argument("--seed", type=int, default=0, help="makes every choice repeatable (default: 0)")
    step.add_argument("--request", type=Path, help=program.REQUEST)
    options = step.parse_args(arguments)
    _take_over(program.like(options.request), options)

    companies = read_features(options.data)
    names = forecasting.columns(companies)
    sides = forecasting.split(companies, options.window, options.holdout_days, names)
    learned = forecasting.together([side["train"] for side in sides.values()])
    runs = learned.runs
    model = forecasting.fit((runs, learned.truth), options.units, options.epochs, options.seed)
    shape = forecasting.signature(options.window, names)
    options.out.mkdir(parents=True, exist_ok=True)
    model_file = forecasting.export(model, runs[-500:], shape, options.out)

    figures, held, predicted = _judge(sides, options.out / model_file, shape)
    manifest = bundle.Manifest(
        name=options.name,
        model_file=model_file,
        signature=shape,
        family=FAMILY,
        parameters={"window": options.window, "units": options.units, "epochs": options.epochs},
        seed=options.seed,
        rows=len(runs),
        metrics=figures,
        sources=program.sources(options.data, *(each for each in (options.request,) if each)),
        code=program.code_hash(),
        libraries=bundle.versions(),
        validation=bundle.Validation(
            "last_days", len(held.truth), program.sources(options.data), days=options.holdout_days
        ),
    )
    drawn = plots.of_forecast(held.truth, predicted, shape.target, figures)
    bundle.write(
        options.out,
        manifest,
        reference=_reference(companies, forecasting.border(companies, options.holdout_days), names),
        card=card.write_forecast(manifest, drawn),
        scenario_inputs={"window": runs[:: max(1, len(runs) // 5)][:5]},
        plots=drawn,
    )


def _take_over(like: JsonObject, options: Namespace) -> None:
    """What the version that was asked for was trained with; the days to judge on stay the pipeline's."""
    family = like.get("family", FAMILY)
    if family != FAMILY:
        raise Invalid(f"forecast trains an {FAMILY}; the version that was asked for is of family {family}.")
    parameters = as_object(like.get("parameters"))
    for name in ("window", "units", "epochs"):
        setattr(options, name, parameters.get(name, getattr(options, name)))
    options.seed = like.get("seed", options.seed)


def read_features(folder: Path) -> dict[str, pd.DataFrame]:
    """Each company's features by date, in the order of the companies' names."""
    return {
        path.stem: pd.read_csv(path, index_col="Date", parse_dates=["Date"]) for path in program.files(folder)
    }


def _judge(
    sides: dict[str, dict[str, forecasting.Days]], model: Path, shape: Signature
) -> tuple[dict[str, dict[str, float]], forecasting.Days, Array]:
    """The figures of each company and of all, the days they are of, and what was answered for these."""
    served = predictor.load(model.parent, model.name, shape)
    judged = {}
    for name, side in sides.items():
        held = side["held_out"]
        if len(held.runs) == 0:
            continue  # a company that has stopped trading has no last days
        judged[name] = forecasting.figures(held.truth, _answers(served, held))
        program.say(f"{name}: MASE {judged[name]['mase']:.4f} on {len(held.truth)} held-out days")
    whole = forecasting.together([side["held_out"] for side in sides.values()])
    predicted = _answers(served, whole)
    judged["held_out"] = forecasting.figures(whole.truth, predicted)
    return judged, whole, predicted


def _answers(served: predictor.Model, days: forecasting.Days) -> Array:
    return served.predict({"window": days.runs})[calendar.TARGET]


def _reference(companies: dict[str, pd.DataFrame], last: pd.Timestamp, names: list[str]) -> str:
    """Every day that was learned from, in order: drift is told by stretches of days, not by single ones."""
    past = [features.loc[:last, names].assign(series=name) for name, features in companies.items()]
    return pd.concat(past)[["series", *names]].to_csv(date_format="%Y-%m-%d", float_format="%.7g")


if __name__ == "__main__":
    program.run(main)
