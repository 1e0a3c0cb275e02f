import importlib.util
import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load():
    spec = importlib.util.spec_from_file_location("harness", ROOT / "benchmarks" / "harness.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["harness"] = module
    spec.loader.exec_module(module)
    return module


harness = load()


def test_sides_run_in_turns_and_the_median_counts(tmp_path):
    ran = []
    numbers = {"ours": iter([5.0, 1.0, 2.0]), "peer": iter([9.0, 7.0, 8.0])}

    def side(name):
        def run():
            ran.append(name)
            return next(numbers[name])

        return run

    bench = harness.Bench("turns", tmp_path)
    times = bench.interleave({"ours": side("ours"), "peer": side("peer")}, rounds=3)
    assert times == {"ours": 2.0, "peer": 8.0}
    assert ran == ["ours", "peer", "peer", "ours", "ours", "peer"]


def test_warmups_are_not_counted(tmp_path):
    numbers = iter([100.0, 1.0])
    bench = harness.Bench("warm", tmp_path)
    assert bench.interleave({"ours": lambda: next(numbers)}, rounds=1, warmups=1) == {"ours": 1.0}


def test_bounds_hold_for_the_ratio_where_there_is_one(tmp_path):
    bench = harness.Bench("bounds", tmp_path)
    row = bench.ratio("put", 2.0, "s", peer=("borg", 4.0), must="<= 0.5", aim="<= 0.4")
    assert (row.ratio, row.ok, row.peer) == (0.5, True, "borg 4 s")
    assert not bench.ratio("get", 2.0, "s", peer=("borg", 4.0), must=">= 0.6").ok
    assert bench.value("memory", 100, "MiB", must="<= 120").ok


@pytest.mark.parametrize("text", ["< 3", "3", "about 3"])
def test_a_bound_that_says_nothing_is_refused(text):
    with pytest.raises(ValueError):
        harness.Bound.parse(text)


@pytest.mark.parametrize(("must", "code"), [("<= 1", 0), (">= 3", 1)])
def test_finish_writes_the_report_and_fails_on_a_missed_must(tmp_path, capsys, must, code):
    bench = harness.Bench("report", tmp_path)
    bench.value("thing", 1.0, "s", must=must)
    with pytest.raises(SystemExit) as stop:
        bench.finish()
    assert stop.value.code == code
    (row,) = json.loads((tmp_path / "report.json").read_text())["rows"]
    assert set(row) == {"name", "value", "unit", "peer", "ratio", "must", "aim", "ok"}
    assert ("missed: thing" in capsys.readouterr().out) == bool(code)


def test_a_benchmark_without_rows_fails(tmp_path):
    with pytest.raises(SystemExit) as stop:
        harness.Bench("empty", tmp_path).finish()
    assert stop.value.code == 1
