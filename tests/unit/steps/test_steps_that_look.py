"""The steps that look at data and models: schema, profile, train, evaluate, explain, on real hospitals."""

import importlib
import json
import shutil
from pathlib import Path

import pytest

from howdah.errors import Invalid
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
    what = ["--name", "heart", "--target", "disease", "--task", "classification"]
    how = ["--family", "logistic", "--parameter", "C=0.3"]
    left = [word for name in ("id", "dataset", "num") for word in ("--leave-out", name)]
    train.main([*inputs(folder, "data", "schema"), *what, *how, *left, "--out", str(folder / "model")])
    return folder


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
