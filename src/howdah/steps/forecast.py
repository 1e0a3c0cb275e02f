"""Trains an LSTM on daily features and writes it as a bundle, with its figures beside naive.

Reads every COMPANY.csv of --data as `calendar` writes them, holds the last days out for
all companies, trains one model on the windows before them, exports it to ONNX where that
is proven to agree, and writes the bundle under --out. The card says for each company who
wins, the model or the naive forecast.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from howdah.learning import bundle, card, forecasting, predictor
from howdah.learning.calendar import FEATURES
from howdah.learning.signature import Signature
from howdah.steps import program

REFERENCE_ROWS = 1000


def main(arguments: Sequence[str]) -> None:
    step = program.parser(__doc__ or "")
    step.add_argument("--data", type=Path, required=True, help="the folder of features")
    step.add_argument("--name", required=True, help="the model's name")
    step.add_argument("--window", type=int, default=20, help="days that a forecast looks at (default: 20)")
    step.add_argument("--holdout-days", type=int, default=60, help="last days to judge on (default: 60)")
    step.add_argument("--units", type=int, default=16, help="the LSTM's width (default: 16)")
    step.add_argument("--epochs", type=int, default=5, help="passes over the data (default: 5)")
    step.add_argument("--seed", type=int, default=0, help="makes every choice repeatable (default: 0)")
    options = step.parse_args(arguments)

    companies = read_features(options.data)
    sides = forecasting.split(companies, options.window, options.holdout_days)
    runs = np.concatenate([side["train"][0] for side in sides.values()])
    truth = np.concatenate([side["train"][1] for side in sides.values()])
    model = forecasting.fit((runs, truth), options.units, options.epochs, options.seed)
    shape = forecasting.signature(options.window)
    options.out.mkdir(parents=True, exist_ok=True)
    model_file = forecasting.export(model, runs[-500:], shape, options.out)

    manifest = bundle.Manifest(
        name=options.name,
        model_file=model_file,
        signature=shape,
        family="lstm",
        parameters={"window": options.window, "units": options.units, "epochs": options.epochs},
        seed=options.seed,
        rows=len(runs),
        metrics=_judge(sides, options.out / model_file, shape),
        sources=program.sources(options.data),
        code=program.code_hash(),
        libraries=bundle.versions(),
    )
    bundle.write(
        options.out,
        manifest,
        reference=_reference(companies, options.holdout_days, options.seed),
        card=card.write_forecast(manifest),
        scenario_inputs={"window": runs[:: max(1, len(runs) // 5)][:5]},
    )


def read_features(folder: Path) -> dict[str, pd.DataFrame]:
    """Each company's features by date, in the order of the companies' names."""
    return {
        path.stem: pd.read_csv(path, index_col="Date", parse_dates=["Date"]) for path in program.files(folder)
    }


def _judge(
    sides: dict[str, dict[str, forecasting.Split]], model: Path, shape: Signature
) -> dict[str, dict[str, float]]:
    served = predictor.load(model.parent, model.name, shape)
    judged = {}
    for name, side in sides.items():
        runs, truth = side["held_out"]
        if len(runs) == 0:
            continue  # a company that has stopped trading has no last days
        judged[name] = forecasting.figures(truth, served.predict({"window": runs})[forecasting.TARGET])
        program.say(f"{name}: MASE {judged[name]['mase']:.4f} on {len(truth)} held-out days")
    pooled = [side["held_out"] for side in sides.values() if len(side["held_out"][0])]
    runs, truth = (np.concatenate(part) for part in zip(*pooled, strict=True))
    judged["held_out"] = forecasting.figures(truth, served.predict({"window": runs})[forecasting.TARGET])
    return judged


def _reference(companies: dict[str, pd.DataFrame], holdout_days: int, seed: int) -> str:
    rows = pd.concat([features.iloc[:-holdout_days] for features in companies.values()], ignore_index=True)
    sample = rows.sample(min(REFERENCE_ROWS, len(rows)), random_state=seed).sort_index()
    return sample[list(FEATURES)].to_csv(index=False)


if __name__ == "__main__":
    program.run(main)
