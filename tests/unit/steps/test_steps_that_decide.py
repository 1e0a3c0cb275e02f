"""The steps that try, choose and judge: tune, choose, train --chosen, score, detect, agree, report."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from howdah.errors import Invalid
from howdah.learning import bundle
from howdah.steps import agree, choose, detect, explain, report, score, train, tune

HEART = Path(__file__).resolve().parents[3] / "pipelines" / "heart"
WHAT = ["--target", "disease", "--task", "classification", "--family", "logistic"]
LEFT = [word for name in ("id", "dataset", "num") for word in ("--leave-out", name)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cleveland as data, the case's schema, candidates, and the model with the best of them."""
    folder = tmp_path_factory.mktemp("heart")
    for part, file in (("data", HEART / "data" / "1-cleveland.csv"), ("schema", HEART / "schema.json")):
        (folder / part).mkdir()
        shutil.copy(file, folder / part)
    (folder / "parameters").mkdir()
    for name, strength in (("loose", 300.0), ("tight", 0.3)):
        (folder / "parameters" / f"{name}.json").write_text(json.dumps({"C": strength}))
    read = ["--data", str(folder / "data"), "--schema", str(folder / "schema")]
    tuned = ["--parameters", str(folder / "parameters"), "--out", str(folder / "tuned")]
    tune.main([*read, *WHAT, *LEFT, *tuned])
    choose.main(["--candidates", str(folder / "tuned" / "candidates"), "--out", str(folder / "chosen")])
    learned = ["--name", "heart", "--chosen", str(folder / "chosen"), "--out", str(folder / "model")]
    train.main([*read, *WHAT, *LEFT, *learned])
    return folder


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


@pytest.mark.slow
def test_choose_takes_the_best_and_train_learns_with_it(home: Path) -> None:
    chosen = json.loads((home / "chosen" / "chosen.json").read_text())
    assert chosen["name"] == "tight"  # 304 rows do not carry 300
    assert chosen["goal"] == "log_loss"
    assert chosen["score"] == -chosen["figures"]["log_loss"]
    ranked = table(home / "chosen" / "candidates.csv")
    assert [each["name"] for each in ranked] == ["tight", "loose"]
    assert bundle.read(home / "model").manifest.parameters == {"C": 0.3}


@pytest.mark.slow
def test_train_learns_like_the_version_that_was_asked_for(home: Path, tmp_path: Path) -> None:
    like = {"model": "a" * 32, "family": "forest", "parameters": {"n_estimators": 5}, "seed": 3}
    (tmp_path / "why.json").write_text(json.dumps({"reason": "it was better", "like": like}))
    read = ["--data", str(home / "data"), "--schema", str(home / "schema"), "--chosen", str(home / "chosen")]
    asked = ["--name", "heart", "--request", str(tmp_path), "--out", str(tmp_path / "model")]
    train.main([*read, *WHAT, *LEFT, *asked])
    made = bundle.read(tmp_path / "model").manifest
    assert (made.family, made.parameters, made.seed) == ("forest", {"n_estimators": 5}, 3)
    (tmp_path / "why.json").write_text(json.dumps({"reason": "drift", "like": None}))
    train.main([*read, *WHAT, *LEFT, *asked])
    made = bundle.read(tmp_path / "model").manifest
    assert (made.family, made.parameters, made.seed) == ("logistic", {"C": 0.3}, 0)


@pytest.mark.slow
def test_a_search_samples_the_same_candidates_again(home: Path, tmp_path: Path) -> None:
    (tmp_path / "search.json").write_text('{"C": {"low": 0.01, "high": 10, "log": true}}')
    read = ["--data", str(home / "data"), "--schema", str(home / "schema")]
    for name in ("one", "two"):
        where = ["--search", str(tmp_path), "--trials", "2", "--out", str(tmp_path / name)]
        tune.main([*read, *WHAT, *LEFT, *where])
    found = [sorted((tmp_path / name / "candidates").iterdir()) for name in ("one", "two")]
    assert [path.name for path in found[0]] == ["trial-0000.json", "trial-0001.json"]
    assert [path.read_bytes() for path in found[0]] == [path.read_bytes() for path in found[1]]
    (tmp_path / "search.json").write_text('{"C": {"low": 0.01}}')
    with pytest.raises(Invalid, match="C wants choices, or low and high"):
        tune.main([*read, *WHAT, *LEFT, "--search", str(tmp_path), "--out", str(tmp_path / "three")])


@pytest.mark.slow
def test_score_answers_rows_without_a_truth_and_leaves_faulty_ones_out(home: Path, tmp_path: Path) -> None:
    lines = (HEART / "data" / "2-hungary.csv").read_text().splitlines()[:4]
    unknown = [line.rsplit(",", 2)[0] for line in lines]  # without num and disease
    faulty = unknown[1].replace("29,Male", "old,Male")
    (tmp_path / "new.csv").write_text("\n".join([*unknown, unknown[1], faulty]) + "\n")
    score.main(["--model", str(home / "model"), "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    rows = table(tmp_path / "out" / "scores" / "new.csv")
    assert [row["row"] for row in rows] == ["1", "2", "3", "4"]
    for row in rows:
        assert float(row["probability_no"]) + float(row["probability_yes"]) == pytest.approx(1, abs=1e-6)
        assert row["disease"] == ("yes" if float(row["probability_yes"]) > 0.5 else "no")
    assert rows[0] | {"row": "4"} == rows[3]


@pytest.mark.slow
def test_detect_names_rows_unlike_any_that_were_learned_from(home: Path, tmp_path: Path) -> None:
    lines = (HEART / "data" / "1-cleveland.csv").read_text().splitlines()
    strange = lines[1].split(",")
    columns = lines[0].split(",")
    for name, value in (
        ("age", "6"),
        ("chol", "900"),
        ("trestbps", "20"),
        ("oldpeak", "9"),
        ("thalch", "400"),
    ):
        strange[columns.index(name)] = value
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "known.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "data" / "new.csv").write_text("\n".join([*lines[:40], ",".join(strange)]) + "\n")
    arguments = [
        "--model",
        str(home / "model"),
        "--data",
        str(tmp_path / "data"),
        "--out",
        str(tmp_path / "out"),
    ]
    detect.main(arguments)
    known, new = (
        json.loads((tmp_path / "out" / "report" / f"{name}.json").read_text()) for name in ("known", "new")
    )
    assert known["rows"] == 304
    assert known["outliers"] <= 4  # a hundredth of the reference, which these rows are
    assert new["rows"] == 40
    (worst,) = [row for row in table(tmp_path / "out" / "outliers" / "new.csv") if row["row"] == "40"]
    assert float(worst["score"]) > new["threshold"]
    first = (tmp_path / "out" / "outliers" / "new.csv").read_bytes()
    detect.main(arguments)
    assert (tmp_path / "out" / "outliers" / "new.csv").read_bytes() == first


def test_while_there_is_no_champion_nothing_is_judged(tmp_path: Path) -> None:
    for step in (detect, score):
        step.main(["--model", str(tmp_path), "--data", str(tmp_path), "--out", str(tmp_path / "out")])
    explain.main(["--model", str(tmp_path), "--out", str(tmp_path / "out")])
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_agree_says_where_two_bundles_part(home: Path, tmp_path: Path) -> None:
    read = ["--data", str(home / "data"), "--schema", str(home / "schema")]
    other = ["--name", "heart", "--parameter", "C=9", "--out", str(tmp_path / "other")]
    train.main([*read, *WHAT, *LEFT, *other])
    for name, model in (("same", home / "model"), ("another", tmp_path / "other")):
        agree.main(["--model", str(home / "model"), "--other", str(model), "--out", str(tmp_path / name)])
    same = json.loads((tmp_path / "same" / "agreement.json").read_text())
    assert same == {"rows": 304, "differences": []}
    another = json.loads((tmp_path / "another" / "agreement.json").read_text())
    assert another["differences"][-1].startswith("probabilities differs by up to 0.")


def test_report_puts_drift_and_performance_on_one_page(tmp_path: Path) -> None:
    column = {"name": "age <b>", "test": "ks", "distance": 0.5, "p_value": 1e-9, "drifted": True}
    drift = {"window": {"name": "2.csv"}, "drifted": ["age"], "columns": [column], "note": ""}
    comparison = {
        "rows": 66,
        "window": "2.csv",
        "challenger": {"metrics": {"mae": 1.25}},
        "champion": {"metrics": {"mae": 1.5}},
        "comparison": {
            "loss": "absolute error",
            "improvement": 0.25,
            "interval": [0.1, 0.4],
            "p_value": 0.01,
        },
    }
    (tmp_path / "drift.json").write_text(json.dumps(drift))
    (tmp_path / "comparison.json").write_text(json.dumps(comparison))
    report.main(["--drift", str(tmp_path), "--comparison", str(tmp_path), "--out", str(tmp_path / "out")])
    page = (tmp_path / "out" / "report.html").read_text()
    assert "age &lt;b&gt;" in page
    assert "<td>mae</td><td>1.5</td><td>1.25</td>" in page
    assert "fell by 0.25" in page
    assert json.loads((tmp_path / "out" / "report.json").read_text())["drift"] == drift
