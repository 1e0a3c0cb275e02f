"""The steps of a forecast on real prices: features, forecast, explain, drift, compare, without a daemon."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from howdah.errors import Invalid
from howdah.learning import bundle, reference
from howdah.steps import champion, compare, drift, explain, features, forecast

STOCKS = Path(__file__).resolve().parents[3] / "pipelines" / "stocks"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]  # importing TensorFlow takes ten seconds


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features of three calm years, and the model that learned from them."""
    folder = tmp_path_factory.mktemp("stocks")
    for year in (2004, 2005, 2006):
        _add(folder / "data", year)
    (folder / "schema").mkdir()
    shutil.copy(STOCKS / "schema.json", folder / "schema")
    _features(folder, folder / "past")
    learned = ["--name", "stocks", "--epochs", "1", "--units", "4", "--out", str(folder / "model")]
    forecast.main(["--data", str(folder / "past" / "features"), *learned])
    return folder


@pytest.fixture
def served(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The model as the champion that a step fetches."""

    def fetch(branch: str, folder: Path, environment: object) -> tuple[bundle.Bundle, str]:
        return bundle.read(home / "model"), "c" * 32

    for step in (drift, compare):
        assert step.fetch is champion.fetch
        monkeypatch.setattr(step, "fetch", fetch)
    return home


def _add(folder: Path, year: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(STOCKS / "data" / f"{year}.csv", folder)


def _features(home: Path, out: Path) -> None:
    read = ["--data", str(home / "data"), "--schema", str(home / "schema")]
    features.main([*read, "--rolling", "log_return:5", "--out", str(out)])


def test_the_bundle_says_what_stands_in_a_window_and_holds_the_days_it_learned_from(home: Path) -> None:
    found = bundle.read(home / "model")
    (window,) = found.manifest.signature.inputs
    assert window.shape == (20, len(window.columns))
    assert {"log_return", "range", "log_return_deviation_5"} <= set(window.columns)
    days = pd.read_csv(home / "model" / "reference.csv", parse_dates=["Date"])
    assert set(days["series"]) == {"AAPL", "GOOG", "IBM", "MSFT"}
    last = pd.read_csv(home / "past" / "features" / "IBM.csv", parse_dates=["Date"])["Date"].iloc[-1]
    assert days["Date"].max() == last - pd.offsets.BusinessDay(60)
    runs = reference.read(home / "model", found.manifest.signature)["window"]
    assert runs.shape == (1000, *window.shape)
    assert np.isfinite(found.model().predict({"window": runs})["log_return"]).all()


def test_the_bundle_shows_how_it_did_on_the_days_it_was_not_shown(home: Path) -> None:
    found = bundle.read(home / "model").manifest
    assert found.validation is not None
    assert (found.validation.by, found.validation.days) == ("last_days", 60)
    assert 4 * 55 <= found.validation.rows <= 4 * 60
    card = (home / "model" / "card.md").read_text()
    assert f"On the last 60 working days: {found.validation.rows} rows" in card
    for name in ("residuals", "beside_naive"):
        assert f"](plots/{name}.svg)" in card
        assert (home / "model" / "plots" / f"{name}.svg").read_text().startswith("<?xml")
    drawn = (home / "model" / "plots" / "beside_naive.svg").read_text()
    assert all(f">{name}</text>" in drawn for name in ("AAPL", "GOOG", "IBM", "MSFT", "held_out"))


def test_a_forecast_learns_like_the_version_that_was_asked_for(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("retrain_COMMIT", "d" * 32)
    request = tmp_path / "retrain"
    request.mkdir()
    like = {
        "model": "a" * 32,
        "family": "lstm",
        "parameters": {"window": 5, "units": 3, "epochs": 1},
        "seed": 7,
    }
    (request / "why.json").write_text(json.dumps({"reason": "it was better", "like": like}))
    learned = ["--name", "stocks", "--request", str(request), "--out", str(tmp_path / "model")]
    forecast.main(["--data", str(home / "past" / "features"), *learned])
    made = bundle.read(tmp_path / "model").manifest
    assert (made.parameters, made.seed) == (like["parameters"], 7)
    assert made.signature.inputs[0].shape[0] == 5
    assert made.sources == {"retrain": "d" * 32}
    (request / "why.json").write_text(json.dumps({"like": like | {"family": "forest"}}))
    with pytest.raises(Invalid, match="forecast trains an lstm"):
        forecast.main(["--data", str(home / "past" / "features"), *learned])


def test_a_forecast_is_explained_by_its_features(home: Path, tmp_path: Path) -> None:
    explain.main(["--model", str(home / "model"), "--rows", "2", "--out", str(tmp_path)])
    document = json.loads((tmp_path / "explanation.json").read_text())
    assert set(document["importance"]) == set(
        bundle.read(home / "model").manifest.signature.inputs[0].columns
    )
    for row in document["rows"]:
        assert sum(row["shares"].values()) == pytest.approx(row["prediction"] - row["base"], abs=1e-6)


def test_the_crash_of_2008_drifts_and_days_that_it_knows_do_not(
    served: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("features_COMMIT", "c" * 32)
    command = json.loads((STOCKS / "5-drift.json").read_text())["transform"]["cmd"]
    watched = command[command.index("--champion") :]
    shutil.copytree(served / "schema", tmp_path / "schema")
    told = {}
    for name, years in (("known", (2004, 2005)), ("crash", (2006, 2007, 2008))):
        for year in years:
            _add(tmp_path / "data", year)
        _features(tmp_path, tmp_path / name)
        drift.main(["--data", str(tmp_path / name / "features"), *watched, "--out", str(tmp_path / name)])
        told[name] = json.loads((tmp_path / name / "drift.json").read_text())
    assert told["known"]["drifted"] == []
    assert told["known"]["note"] == "no drift at level 0.01"
    assert {"log_return", "range"} <= set(told["crash"]["drifted"])
    names = [column["name"] for column in told["crash"]["columns"]]
    assert names == ["log_return", "range", "body", "volume_change"]
    assert told["crash"]["window"]["name"] == "60 working days to 2008-12-31"
    assert told["crash"]["window"]["commit"] == "c" * 32
    assert told["crash"]["window"]["id"] != told["known"]["window"]["id"]


def test_two_forecasts_are_compared_day_by_day_and_a_changed_challenger_is_not(
    served: Path, tmp_path: Path
) -> None:
    arguments = [
        "--champion",
        "stocks-model@champion",
        "--data",
        str(served / "past" / "features"),
        "--latest",
        "60",
    ]
    compare.main(["--challenger", str(served / "model"), *arguments, "--out", str(tmp_path)])
    document = json.loads((tmp_path / "comparison.json").read_text())
    assert document["rows"] == document["comparison"]["rows"] == 60
    assert document["comparison"]["p_value"] == 1.0  # beside itself
    shutil.copytree(served / "model", tmp_path / "model")
    scenarios = json.loads((tmp_path / "model" / "scenarios.json").read_text())
    scenarios["outputs"]["log_return"][0] += 1
    (tmp_path / "model" / "scenarios.json").write_text(json.dumps(scenarios))
    with pytest.raises(Invalid, match="does not answer as it did when it was made: scenario 0"):
        compare.main(["--challenger", str(tmp_path / "model"), *arguments, "--out", str(tmp_path)])


def test_the_same_days_make_the_same_bytes(home: Path, tmp_path: Path) -> None:
    learned = ["--name", "stocks", "--epochs", "1", "--units", "4", "--out", str(tmp_path)]
    forecast.main(["--data", str(home / "past" / "features"), *learned])
    files = [path.relative_to(home / "model") for path in (home / "model").rglob("*") if path.is_file()]
    assert Path("plots/residuals.svg") in files
    for file in files:
        assert (home / "model" / file).read_bytes() == (tmp_path / file).read_bytes(), file


def test_features_adds_lags_and_other_tables_and_names_what_it_does_not_know(
    home: Path, tmp_path: Path
) -> None:
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "bank.csv").write_text(
        "Date,rate\n2003-12-01,1.0\n2006-06-30,5.25\n2004-06-30,1.25\n"
    )
    read = ["--data", str(home / "data"), "--schema", str(home / "schema")]
    wanted = ["--lag", "log_return:1", "--link", str(tmp_path / "link"), "--out", str(tmp_path)]
    features.main([*read, *wanted])
    made = pd.read_csv(tmp_path / "features" / "IBM.csv", index_col="Date")
    assert made["log_return_lag_1"].iloc[10] == made["log_return"].iloc[9]
    assert made.loc["2006-06-29", "bank_rate"] == 1.25
    assert made.loc["2006-06-30", "bank_rate"] == 5.25
    for wrong, told in (
        (["--lag", "prise:1"], "no feature 'prise'"),
        (["--rolling", "range"], "COLUMN:DAYS"),
    ):
        with pytest.raises(Invalid, match=told):
            features.main([*read, *wrong, "--out", str(tmp_path)])
