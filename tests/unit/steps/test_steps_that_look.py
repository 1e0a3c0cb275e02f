"""The steps that look at data and models: schema, profile, train, evaluate, explain, on real hospitals."""

import importlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from howdah.errors import Invalid
from howdah.learning import bundle, plots
from howdah.learning.schema import Schema
from howdah.steps import evaluate, explain, profile, schema, train

HEART = Path(__file__).resolve().parents[3] / "pipelines" / "heart"
STEPS = sorted(path.stem for path in Path(train.__file__).parent.glob("*.py"))
NOT_PROGRAMS = {"__init__", "program", "champion", "answerable"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cleveland as data, the case's schema, and a model trained on it."""
    folder = tmp_path_factory.mktemp("heart")
    for part, file in (("data", HEART / "data" / "1-cleveland.csv"), ("schema", HEART / "schema.json")):
        (folder / part).mkdir()
        shutil.copy(file, folder / part)
    train.main([*learning(folder), "--out", str(folder / "model")])
    return folder


def learning(folder: Path) -> list[str]:
    what = ["--name", "heart", "--target", "disease", "--task", "classification"]
    how = ["--family", "logistic", "--parameter", "C=0.3"]
    left = [word for name in ("id", "dataset", "num") for word in ("--leave-out", name)]
    return [*inputs(folder, "data", "schema"), *what, *how, *left]


def inputs(folder: Path, *names: str) -> list[str]:
    return [word for name in names for word in (f"--{name}", str(folder / name))]


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STEPS if name not in NOT_PROGRAMS])
def test_every_step_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    step = importlib.import_module(f"howdah.steps.{name}")
    with pytest.raises(SystemExit) as left:
        step.main(["--help"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "--out" in said
    assert (step.__doc__ or "").splitlines()[0] in said


@pytest.mark.slow
def test_schema_finds_kinds_levels_and_the_key(home: Path, tmp_path: Path) -> None:
    schema.main([*inputs(home, "data"), "--unique", "id", "--out", str(tmp_path)])
    found = Schema.read(tmp_path / "schema.json")
    assert found.unique == ("id",)
    assert found["age"].kind == "number"
    assert found["disease"].levels == ("no", "yes")
    assert found["thal"].nullable
    with pytest.raises(Invalid, match="no column 'heart'"):
        schema.main([*inputs(home, "data"), "--unique", "heart", "--out", str(tmp_path)])


@pytest.mark.slow
def test_profile_counts_what_is_missing_and_what_repeats(home: Path, tmp_path: Path) -> None:
    profile.main([*inputs(home, "data", "schema"), "--out", str(tmp_path)])
    document = json.loads((tmp_path / "profile.json").read_text())
    assert (document["rows"], document["duplicates"]) == (304, 0)
    by_name = {column["name"]: column for column in document["columns"]}
    assert by_name["ca"]["missing"] == 5
    assert by_name["age"]["figures"]["median"] == 55.5
    assert sum(by_name["age"]["counts"].values()) == 304
    assert by_name["disease"]["counts"] == {"no": 165, "yes": 139}
    assert document["read"] == 304
    page = (tmp_path / "profile.html").read_text()
    assert "<p>304 rows, 0 of them" in page
    assert "http" not in page
    assert "<script" not in page
    assert "thalch" in page


def test_a_profile_of_a_sample_says_so(home: Path) -> None:
    schema_ = Schema.read(home / "schema" / "schema.json")
    rows, read = train.sampled([home / "data" / "1-cleveland.csv"], schema_, most=100)
    assert profile.counted(len(rows), read) == "a sample of 100 of 304 rows"


@pytest.mark.slow
def test_evaluate_gives_figures_beside_naive_and_plots(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{home.name}_COMMIT", "c0ffee")  # as for a folder in an input
    evaluate.main([*inputs(home, "model", "data"), "--out", str(tmp_path)])
    document = json.loads((tmp_path / "evaluation.json").read_text())
    assert (document["data"], document["rows"]) == ("c0ffee", 304)
    assert document["figures"]["roc_auc"] > 0.9 > document["naive"]["roc_auc"] == 0.5
    drawn = {path.stem: path.read_bytes() for path in (tmp_path / "plots").iterdir()}
    assert set(drawn) == {"confusion", "calibration"}
    evaluate.main([*inputs(home, "model", "data"), "--out", str(tmp_path)])
    assert {path.stem: path.read_bytes() for path in (tmp_path / "plots").iterdir()} == drawn


@pytest.mark.slow
def test_three_classes_are_trained_and_evaluated(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).normal(0, 1, (90, 2)) + np.repeat([0, 4, 8], 30)[:, None]
    rows = [
        f"{a:.4f},{b:.4f},{kind}" for (a, b), kind in zip(numbers, np.repeat(list("xyz"), 30), strict=True)
    ]
    for name in ("data", "schema"):
        (tmp_path / name).mkdir()
    (tmp_path / "data" / "rows.csv").write_text("\n".join(["a,b,kind", *rows]) + "\n")
    kinds = {"a": "number", "b": "number", "kind": "category"}
    columns = {"columns": [{"name": name, "kind": kind} for name, kind in kinds.items()]}
    (tmp_path / "schema" / "schema.json").write_text(json.dumps(columns))
    what = ["--name", "m", "--target", "kind", "--task", "classification", "--family", "logistic"]
    train.main([*inputs(tmp_path, "data", "schema"), *what, "--out", str(tmp_path / "model")])
    evaluate.main([*inputs(tmp_path, "model", "data"), "--out", str(tmp_path)])
    document = json.loads((tmp_path / "evaluation.json").read_text())
    assert {"accuracy", "precision", "recall", "f1", "roc_auc", "log_loss"} <= set(document["figures"])
    assert document["figures"]["accuracy"] > 0.95
    assert document["naive"]["log_loss"] == pytest.approx(np.log(3))
    assert {path.stem for path in (tmp_path / "plots").iterdir()} == {"confusion"}


@pytest.mark.slow
def test_a_bundle_shows_what_it_was_validated_on(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("data_COMMIT", "c0ffee")
    monkeypatch.setenv("schema_COMMIT", "5c4e3a")
    train.main([*learning(home), "--folds", "4", "--out", str(tmp_path)])
    found = bundle.read(tmp_path).manifest
    assert found.validation == bundle.Validation("cross_validation", 304, {"data": "c0ffee"}, folds=4)
    assert set(found.sources) == {"data", "schema"}
    card = (tmp_path / "card.md").read_text()
    assert "in 4 folds: each of 304 rows" in card
    assert "of `data` at commit `c0ffee`." in card
    linked = set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", card))
    assert linked == {"plots/confusion.svg", "plots/calibration.svg"}
    assert linked == {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.svg")}
    # Every row is counted once; of folds of one size the mean accuracy is that of all rows.
    counts = [
        int(text) for text in re.findall(r">(\d+)</text>", (tmp_path / "plots/confusion.svg").read_text())
    ]
    assert sum(counts) == 304
    assert (counts[0] + counts[3]) / 304 == pytest.approx(found.metrics["cross_validation"]["accuracy"])


@pytest.mark.slow
def test_another_process_draws_the_same_bytes(home: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "howdah.steps.train", *learning(home), "--out", str(tmp_path)]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "7"})
    drawn = contents(tmp_path / "plots")
    assert set(drawn) == {"confusion.svg", "calibration.svg"}
    assert drawn == contents(home / "model" / "plots")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_million_residuals_are_drawn_as_a_sample_that_says_so() -> None:
    truth = np.arange(1_000_000.0)
    drawn = plots.residuals(truth, truth * 0.9, "price")
    assert "2000 of 1000000 rows" in drawn
    assert len(drawn) < 1_000_000
    assert drawn == plots.residuals(truth, truth * 0.9, "price")


@pytest.mark.slow
def test_explain_ranks_the_inputs_and_its_shares_add_up(home: Path, tmp_path: Path) -> None:
    explain.main([*inputs(home, "model"), "--rows", "4", "--out", str(tmp_path)])
    document = json.loads((tmp_path / "explanation.json").read_text())
    sizes = list(document["importance"].values())
    assert sizes == sorted(sizes, reverse=True)
    assert set(document["importance"]) >= {"ca", "thal", "cp"}
    assert len(document["rows"]) == 4
    for row in document["rows"]:
        assert sum(row["shares"].values()) == pytest.approx(row["prediction"] - row["base"], abs=1e-6)
    assert (tmp_path / "plots" / "importance.svg").read_text().startswith("<?xml")
