"""What `howdah init` writes, without running any of it."""

import ast
import json
from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from howdah.cli import init, scaffold
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
CASE = scaffold.NewCase("houses", "regression", "price", SCHEMA, "my houses.csv")


def test_the_task_follows_the_target():
    assert scaffold.guess_task(SCHEMA, "price") == "regression"
    assert scaffold.guess_task(SCHEMA, "colour") == "classification"


def test_free_text_and_dates_are_left_out():
    assert CASE.left_out == ["when", "note"]
    train = scaffold.pipelines(CASE)["model"]["transform"]["cmd"]
    assert [word for flag, word in pairwise(train) if flag == "--leave-out"] == CASE.left_out


def test_a_scaffold_is_shaped_like_the_reference_case():
    ours = scaffold.pipelines(scaffold.NewCase("mileage", "regression", "Miles_per_Gallon", SCHEMA, "x.csv"))
    for part, spec in ours.items():
        (path,) = (ROOT / "pipelines" / "mileage").glob(f"[1-7]-{part}.json")
        theirs = json.loads(path.read_text())
        assert spec["pipeline"] == theirs["pipeline"]
        assert _inputs(spec) == _inputs(theirs)
        assert spec["transform"]["image"] == theirs["transform"]["image"]


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
    written = scaffold.files(scaffold.NewCase("houses", "regression", target, schema, "x.csv"))
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
        ("houses", "x.csv", "forecast", Invalid, "cannot be begun"),
        ("houses", "x.csv", "clustering", Invalid, "no task"),
    ],
)
def test_what_cannot_be_begun_is_refused(name, data, task, error, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error, match=said):
        init.init(name, Path(data) if data else None, "", task)
    assert list(tmp_path.iterdir()) == []
