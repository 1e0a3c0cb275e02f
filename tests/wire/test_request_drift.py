"""The inference log's own Parquet files against a champion in a real pachd."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from howdah.client.files import Files
from howdah.core.inference_log import EXPLANATION, PREDICTION, Header, Record
from howdah.seldon.shipping import table
from howdah.steps import drift, request_drift, train

MILEAGE = Path(__file__).resolve().parents[2] / "pipelines" / "mileage"
NUMBERS = ("Cylinders", "Displacement", "Horsepower", "Weight_in_lbs", "Acceleration", "Year")
DAY = "2026-01-02"

pytestmark = pytest.mark.slow


@pytest.fixture
def model(files: Files, pachd_alone: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The commit of a champion that learned from the cars of 1970 to 1976."""
    for part in ("data", "schema"):
        (tmp_path / part).mkdir()
    for year in range(1970, 1977):
        shutil.copy(MILEAGE / "data" / f"{year}.csv", tmp_path / "data")
    shutil.copy(MILEAGE / "schema.json", tmp_path / "schema")
    what = ["--name", "mileage", "--target", "Miles_per_Gallon", "--task", "regression", "--family", "ridge"]
    read = ["--data", str(tmp_path / "data"), "--schema", str(tmp_path / "schema")]
    train.main([*read, *what, "--leave-out", "Name", "--out", str(tmp_path / "model")])
    files.ensure_repo("mileage-model", "")
    made = tmp_path / "model"
    paths = (path for path in made.rglob("*") if path.is_file())
    bundle = {f"/{path.relative_to(made)}": path.read_bytes() for path in paths}
    monkeypatch.setenv("PACHD_ADDRESS", pachd_alone)
    return files.put("mileage-model@champion", bundle)


def cars(*years: int) -> list[dict[str, object]]:
    """In any order, since each window is a part of them."""
    whole = pd.concat([pd.read_csv(MILEAGE / "data" / f"{year}.csv") for year in years]).dropna()
    return whole.sample(frac=1, random_state=0).to_dict("records")


def exchange(rows: list[dict[str, object]], model: str, kind: str = PREDICTION, status: int = 200) -> Record:
    """One request as the log keeps it."""
    header = Header("id", kind, 10**18, 1, status, "default", "mileage", "p", "m", model, "v2", "/infer")
    numbers = [{"name": name, "datatype": "FP64", "data": [row[name] for row in rows]} for name in NUMBERS]
    origin = {"name": "Origin", "datatype": "BYTES", "data": [row["Origin"] for row in rows]}
    return Record(header, json.dumps({"inputs": [*numbers, origin]}).encode(), b"{}")


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., dict]:  # type: ignore[type-arg]
    def judge(*segments: list[Record]) -> dict:  # type: ignore[type-arg]
        folder = tmp_path / "log" / "records" / DAY
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for place, records in enumerate(segments):
            (folder / f"{place}.parquet").write_bytes(table(records))
        words = ["--champion", "mileage-model@champion", "--leave-out", "Year"]
        request_drift.main(["--log", str(folder.parent), *words, "--out", str(tmp_path / "out")])
        return dict(json.loads((tmp_path / "out" / f"{DAY}.json").read_text()))

    return judge


def test_a_window_is_what_the_champion_was_asked(model: str, judge: Callable[..., dict]) -> None:  # type: ignore[type-arg]
    known, later = cars(*range(1970, 1977))[:60], cars(1980, 1982)
    quiet = judge([exchange(known[:20], model)], [exchange([car], model) for car in known[20:]])
    assert quiet["window"]["id"] == f"requests-{DAY}-{model}-50"
    assert quiet["window"]["files"] == [f"records/{DAY}/0.parquet", f"records/{DAY}/1.parquet"]
    assert quiet["note"] == "no drift at level 0.005"

    moved = judge([exchange(later[:55], model)])
    assert "Weight_in_lbs" in moved["drifted"]
    assert "Year" not in [column["name"] for column in moved["columns"]]

    # What others were asked, what failed and what the explainer asked is not the champion's.
    others = [
        exchange(later, "f" * 32),
        exchange(later, model, EXPLANATION),
        exchange(later, model, status=500),
    ]
    few = judge([*others, exchange(known[:49], model)])
    assert (few["drifted"], few["note"]) == ([], "49 rows are too few to judge; 50 are needed")


def test_a_longer_day_is_judged_at_a_stricter_level(model: str, judge: Callable[..., dict]) -> None:  # type: ignore[type-arg]
    known = cars(*range(1970, 1977))
    told = judge([exchange(known[:120], model)], [exchange(known[120:], model)])
    assert told["window"]["id"].endswith("-200")
    assert told["window"]["name"] == f"the first 200 rows asked on {DAY}"
    assert told["note"] == "no drift at level 0.00125"


def test_requests_that_lack_an_input_are_counted_and_not_guessed(
    model: str,
    judge: Callable[..., dict],  # type: ignore[type-arg]
) -> None:
    whole = exchange(cars(1970), model)
    document = json.loads(whole.request)
    document["inputs"][0]["data"] = []  # as the log keeps a column that it must not
    torn = [
        json.dumps(document).encode(),
        b'{"inputs": []}',
        b"",
        b'{"data": {"ndarray": [[1]]}}',
    ]
    told = judge([Record(whole.header, request, b"{}") for request in torn])
    assert (told["requests_not_read"], told["window"]["name"]) == (4, f"all rows asked on {DAY}")


def test_while_there_is_no_champion_nothing_is_judged(
    files: Files,
    pachd_alone: str,
    judge: Callable[..., dict],
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[type-arg]
) -> None:
    monkeypatch.setenv("PACHD_ADDRESS", pachd_alone)
    told = judge([exchange(cars(1970), "f" * 32)])
    assert (told["champion"], told["note"]) == (None, "no champion yet: nothing to compare with")


def test_rows_that_were_learned_from_lie_nowhere_else(model: str, tmp_path: Path) -> None:
    """Tenths of a file are doubles and those of a model are not: no input may seem to move by that."""
    words = ["--champion", "mileage-model@champion", "--latest", "7", "--out", str(tmp_path / "out")]
    drift.main(["--data", str(tmp_path / "data"), *words])
    told = json.loads((tmp_path / "out" / "drift.json").read_text())
    # Not nought: a car whose mileage is not known is in the data, and was not learned from.
    assert max(column["distance"] for column in told["columns"]) < 0.05
