"""What `howdah init` writes, without running any of it."""

import ast
import json
import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from howdah.cli import init, scaffold
from howdah.cli.new_case import NewCase, guess_task
from howdah.errors import AlreadyExists, Invalid, NotFound
from howdah.monitoring import policy

ROOT = Path(__file__).parents[3]
SCHEMA = {
    "columns": [
        {"name": "when", "kind": "date"},
        {"name": "note", "kind": "category"},
        {"name": "colour", "kind": "category", "levels": ["blue", "red"]},
        {"name": "price", "kind": "number"},
    ]
}
CASE = NewCase("houses", "regression", "price", SCHEMA, "my houses.csv")


def test_the_task_follows_the_target():
    assert guess_task(SCHEMA, "price") == "regression"
    assert guess_task(SCHEMA, "colour") == "classification"


def test_free_text_and_dates_are_left_out():
    assert CASE.left_out == ["when", "note"]
    train = scaffold.pipelines(CASE)["model"]["transform"]["cmd"]
    assert [word for flag, word in pairwise(train) if flag == "--leave-out"] == CASE.left_out


@pytest.mark.parametrize(
    ("name", "task", "target", "count"),
    [("mileage", "regression", "Miles_per_Gallon", 7), ("stocks", "forecast", "Close", 6)],
)
def test_a_scaffold_is_shaped_like_the_reference_case(name, task, target, count):
    ours = scaffold.pipelines(NewCase(name, task, target, SCHEMA, "x.csv"))
    assert len(ours) == count
    for part, spec in ours.items():
        (path,) = (ROOT / "pipelines" / name).glob(f"[1-7]-{part}.json")
        theirs = json.loads(path.read_text())
        assert spec["pipeline"] == theirs["pipeline"]
        assert _inputs(spec) == _inputs(theirs)
        assert spec["transform"]["cmd"][:3] == theirs["transform"]["cmd"][:3]


def test_the_steps_of_a_case_run_in_its_own_image_which_is_howdahs_and_its_code():
    assert {spec["transform"]["image"] for spec in scaffold.pipelines(CASE).values()} == {"houses:0.1.0"}
    dockerfile = scaffold.files(CASE)["images/houses/Dockerfile"].splitlines()
    theirs = json.loads((ROOT / "pipelines" / "mileage" / "1-clean.json").read_text())["transform"]["image"]
    assert [line for line in dockerfile if line[0] != "#"] == [f"FROM {theirs}", "COPY images/houses /app"]


def _inputs(spec):
    return [each["pfs"]["repo"] for each in spec["input"].get("cross", [spec["input"]])]


def test_what_is_written_can_be_read():
    written = scaffold.files(CASE)
    assert policy.parse(written["pipelines/houses/policy.yaml"]) == policy.Policy()
    manifest = yaml.safe_load(written["seldon/houses/deployment.yaml"])
    assert manifest["metadata"]["name"] == "houses"
    compile(written["tests/test_houses.py"], "test", "exec")
    assert "'my houses.csv'" in written["pipelines/houses/README.md"]


@pytest.mark.parametrize("target", ['price "net"', "a\\b\\", "it's"])
def test_a_target_may_have_any_name(target):
    schema = {"columns": [{"name": target, "kind": "number"}]}
    written = scaffold.files(NewCase("houses", "regression", target, schema, "x.csv"))
    tree = ast.parse(written["tests/test_houses.py"])
    assert target in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "b").write_text("mine")
    with pytest.raises(AlreadyExists, match="b exists"):
        init.write({"a": "1", "b": "2"}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize(
    ("name", "data", "task", "error", "said"),
    [
        ("My Houses", "x.csv", "", Invalid, "cannot be a case's name"),
        ("houses", None, "", Invalid, "nothing to begin from"),
        ("houses", "missing.csv", "", NotFound, "does not exist"),
        ("houses", "x.csv", "clustering", Invalid, "no task"),
    ],
)
def test_what_cannot_be_begun_is_refused(name, data, task, error, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said):
        init.init(name, Path(data) if data else None, "", task)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("header", "step_days", "count", "target", "series", "why"),
    [
        ("day,sold", 1, 200, "note", "", "no column 'note'"),
        ("day,sold", 1, 200, "day", "", "It is no number"),
        ("number,sold", 0, 200, "sold", "", "No column holds days"),
        ("day,sold", 1, 150, "sold", "", "150 days are too few"),
        ("day,sold", 30, 40, "sold", "", "days are missing: forecasts are made of daily series"),
        ("day,left", 1, 200, "left", "", "left is 0 on .* above nought"),
        ("day,sold", 0, 200, "sold", "", "stands twice in one series"),
    ],
)
def test_what_cannot_be_forecast_is_refused(
    header, step_days, count, target, series, why, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    first = date(2020, 1, 1)
    days = [
        str(n) if header.startswith("number") else str(first + timedelta(n * step_days)) for n in range(count)
    ]
    last = 0 if "left" in header else 1
    rows = [f"{day},{n + last}" for n, day in enumerate(days)]
    (tmp_path / "x.csv").write_text("\n".join([header, *rows]) + "\n")
    with pytest.raises(Invalid) as caught:
        init.init("sales", Path("x.csv"), target, "forecast", series)
    assert re.search(why, f"{caught.value} {caught.value.why}")
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]


@pytest.mark.slow
def test_a_forecast_of_several_series_names_their_days(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    days = [str(date(2020, 1, 1) + timedelta(n)) for n in range(200)]
    rows = [f"{shop},{day},{n + 1}" for shop in "ab" for n, day in enumerate(days)]
    (tmp_path / "x.csv").write_text("shop,day,sold\n" + "\n".join(rows) + "\n")
    init.init("sales", Path("x.csv"), "", "forecast", "shop")
    assert json.loads(Path("pipelines/sales/schema.json").read_text())["unique"] == ["shop", "day"]
    command = json.loads(Path("pipelines/sales/2-features.json").read_text())["transform"]["cmd"]
    assert command[-6:] == ["--target", "sold", "--date", "day", "--by", "shop"]
