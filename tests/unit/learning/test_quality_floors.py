"""What the models of heart and mileage must reach on real data, seeds fixed; for stocks, the scale."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from howdah.learning import calendar, evaluation, forecasting, table, training, validation
from howdah.learning.schema import Schema
from howdah.learning.training import Parameters
from howdah.steps.train import parse_parameters

PIPELINES = Path(__file__).resolve().parents[3] / "pipelines"


def words(case: str, step: str) -> dict[str, list[str]]:
    """The options that the case's own spec gives to a step, so that the floor is of what runs."""
    spec = json.loads((PIPELINES / case / step).read_text())
    found: dict[str, list[str]] = {}
    command = spec["transform"]["cmd"]
    for option, value in pairwise(command):
        if option.startswith("--"):
            found.setdefault(option, []).append(value)
    return found


def rows_of(case: str, *names: str) -> tuple[pd.DataFrame, Schema]:
    schema = Schema.read(PIPELINES / case / "schema.json")
    pieces = [
        validation.sort(table.read_whole(PIPELINES / case / "data" / name), schema).clean for name in names
    ]
    return pd.concat(pieces, ignore_index=True), schema


def cross_validated(
    case: str, rows: pd.DataFrame, schema: Schema, step: str, parameters: Parameters
) -> evaluation.Figures:
    options = words(case, step)
    target, task = options["--target"][0], options["--task"][0]
    rows = rows[rows[target].notna()].reset_index(drop=True)
    truth = rows[target].to_numpy()
    classes = tuple(sorted(set(truth))) if task == "classification" else ()
    signature = training.signature_for(schema, target, task, tuple(options["--leave-out"]), classes)
    seed = int(options["--seed"][0])
    estimator = training.build(signature, options["--family"][0], parameters, seed)
    frame = training.frame_of(rows, signature)
    return evaluation.cross_validate(estimator, frame, truth, signature, 5, seed).mean()


@pytest.mark.slow
def test_heart_on_cleveland_reaches_roc_auc_of_0_88() -> None:
    rows, schema = rows_of("heart", "1-cleveland.csv")
    assert len(rows) == 304  # nothing of it is quarantined
    tried = [json.loads(path.read_text()) for path in sorted((PIPELINES / "heart" / "parameters").iterdir())]
    chosen = min(
        tried,
        key=lambda each: cross_validated("heart", rows, schema, "03-tune.json", each)["log_loss"],
    )
    figures = cross_validated("heart", rows, schema, "05-model.json", chosen)
    assert figures["roc_auc"] >= 0.88, figures


@pytest.mark.slow
def test_mileage_over_all_years_reaches_r2_of_0_85() -> None:
    names = sorted(path.name for path in (PIPELINES / "mileage" / "data").glob("*.csv"))
    rows, schema = rows_of("mileage", *names)
    options = words("mileage", "3-model.json")
    parameters = parse_parameters(options.get("--parameter", []))
    figures = cross_validated("mileage", rows, schema, "3-model.json", parameters)
    assert figures["r2"] >= 0.85, figures


@pytest.mark.slow
def test_mase_on_the_prices_of_each_company_has_the_naive_forecast_at_one() -> None:
    """The scale alone, by constant forecasts: no model is made here, and none has to win."""
    names = [f"{year}.csv" for year in (2011, 2012, 2013)]
    rows, _ = rows_of("stocks", *names)
    companies = {str(name): calendar.series(series) for name, series in rows.groupby("Ticker")}
    sides = forecasting.split(companies, 20, 60, forecasting.columns(companies))
    assert set(sides) == {"AAPL", "FB", "GOOG", "IBM", "MSFT"}
    for side in sides.values():
        truth = side["held_out"].truth
        naive = forecasting.figures(truth, np.zeros(len(truth)))
        assert naive["mase"] == pytest.approx(1.0)
        assert forecasting.figures(truth, truth)["mase"] == 0.0
        worse = forecasting.figures(truth, np.full(len(truth), 0.05))
        assert worse["mase"] > 1.0
