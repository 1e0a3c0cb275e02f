"""Files through pachd's protocol, and the loop that keeps its whole state in them."""

import json

import pytest

from howdah.client.files import Files
from howdah.core.clock import SystemClock
from howdah.errors import NotFound
from howdah.monitoring.case import Case
from howdah.monitoring.plan import DAY_NS, Decision, Kind, plan
from howdah.monitoring.run import Monitor


def test_what_is_put_is_read_back_and_replaced(files: Files) -> None:
    files.ensure_repo("kept", "")
    files.ensure_repo("kept", "")
    assert files.finished_head("kept@master") is None
    first = files.put("kept@master", {"/a": b"1", "/b/c": b"2"}, "two files")
    second = files.put("kept@master", {"/a": b"3"})
    assert files.finished_head("kept@master") == second
    assert files.paths("kept@master") == ["/a", "/b/c"]
    assert (files.read("kept@master", "/a"), files.read(f"kept@{first}", "/a")) == (b"3", b"1")
    assert files.exists("kept@master", "/b/c")
    assert not files.exists("kept@master", "/d")
    with pytest.raises(NotFound, match="/d"):
        files.read("kept@master", "/d")


def test_a_branch_moves_to_any_commit(files: Files) -> None:
    files.ensure_repo("moved", "")
    first = files.put("moved@master", {"/a": b"1"})
    files.put("moved@master", {"/a": b"2"})
    files.move_branch("moved@chosen", first)
    assert files.read("moved@chosen", "/a") == b"1"


class LateClock(SystemClock):
    late_ns = 0

    def now_ns(self) -> int:
        return super().now_ns() + self.late_ns


def compared(champion: str, challenger: str, improvement: float, p_value: float) -> bytes:
    result = {"rows": 30, "loss": "absolute error", "improvement": improvement, "p_value": p_value}
    sides = {"champion": {"commit": champion}, "challenger": {"commit": challenger}}
    return json.dumps({**sides, "comparison": result}).encode()


def first_model(files: Files, case: Case, **more: bytes) -> str:
    """A model that its comparison has looked at alone, there being no champion."""
    model = files.put(case.repo("model@master"), {"/model.json": b"1"} | more)
    alone = {"rows": 30, "champion": None, "challenger": {"commit": model}}
    files.put(case.repo("compare@master"), {"/comparison.json": json.dumps(alone).encode()})
    return model


def test_the_loop_closes_over_commits_alone(files: Files) -> None:
    said: list[str] = []
    clock = LateClock()
    monitor = Monitor(files, lambda case, sentence: said.append(sentence), clock)
    case = Case("looped", "default", files)
    for part in ("policy", "model", "compare", "drift", "retrain"):
        files.ensure_repo(case.repo(part), "")
    files.put(case.repo("policy@master"), {"/policy.yaml": b"retrain: {per_day: 1}\n"})

    first = first_model(files, case)
    monitor.look()
    assert files.finished_head(case.repo("model@champion")) == first

    worse = files.put(case.repo("model@master"), {"/model.json": b"2"})
    monitor.look()
    assert len(case.record()) == 1  # nothing is decided before the comparison is made
    files.put(case.repo("compare@master"), {"/comparison.json": compared(first, worse, -1.0, 0.9)})
    monitor.look()
    better = files.put(case.repo("model@master"), {"/model.json": b"3"})
    files.put(case.repo("compare@master"), {"/comparison.json": compared(first, better, 1.0, 0.001)})
    monitor.look()
    assert files.finished_head(case.repo("model@champion")) == better

    for window in ("w1", "w2"):
        slice = {"id": window, "name": f"{window}.csv", "files": [f"{window}.csv"], "commit": "c" * 32}
        drift = {"window": slice, "drifted": ["size"]}
        report = files.put(case.repo("drift@master"), {"/drift.json": json.dumps(drift).encode()})
        monitor.look()
        monitor.look()
    asked = json.loads(files.read(case.repo("retrain@master"), "/why.json"))
    assert asked["report"] == "w1"
    assert asked["window"] == {"id": "w1", "name": "w1.csv", "files": ["w1.csv"], "commit": "c" * 32}
    assert json.loads(files.read(case.repo(f"drift@{asked['evidence']}"), "/drift.json"))["drifted"] == [
        "size"
    ]
    kinds = [entry.kind for entry in case.record()]
    assert kinds == [Kind.PROMOTED, Kind.HELD, Kind.PROMOTED, Kind.RETRAINED, Kind.REFUSED]
    assert said[-1].endswith("the budget of 1 retrainings a day is spent")

    clock.late_ns = DAY_NS  # nothing moves but the time
    monitor.look()
    assert case.record()[-1].kind is Kind.RETRAINED
    assert case.record()[-1].evidence == report
    assert json.loads(files.read(case.repo("retrain@master"), "/why.json"))["report"] == "w2"


def test_requests_that_drift_ask_for_a_retraining_once(files: Files) -> None:
    monitor = Monitor(files, lambda case, sentence: None)
    case = Case("asked", "default", files)
    for part in ("policy", "model", "compare", "request-drift", "retrain"):
        files.ensure_repo(case.repo(part), "")
    files.put(case.repo("policy@master"), {"/policy.yaml": b""})
    model = first_model(files, case)
    monitor.look()

    def reported(day: str, rows: int, drifted: list[str]) -> str:
        window = {"id": f"requests-{day}-{model}-{rows}", "name": f"{rows} rows", "files": [f"{day}/1"]}
        document = {"window": window, "champion": model, "drifted": drifted}
        return files.put(case.repo("request-drift@master"), {f"/{day}.json": json.dumps(document).encode()})

    reported("2026-01-01", 0, [])
    monitor.look()
    assert len(case.record()) == 1
    report = reported("2026-01-02", 50, ["size"])
    monitor.look()
    asked = case.record()[-1]
    assert (asked.kind, asked.model, asked.evidence) == (Kind.RETRAINED, model, report)
    why = json.loads(files.read(case.repo("retrain@master"), "/why.json"))
    assert why["report"] == why["window"]["id"] == f"requests-2026-01-02-{model}-50"
    assert why["window"]["files"] == ["2026-01-02/1"]
    reported("2026-01-02", 100, ["size"])
    monitor.look()
    reported("2026-01-03", 50, ["size"])
    monitor.look()
    assert case.record()[-1] == asked


def test_a_model_trained_twice_alike_is_answered_by_one_comparison(files: Files) -> None:
    monitor = Monitor(files, lambda case, sentence: None)
    case = Case("twice", "default", files)
    for part in ("policy", "model", "compare"):
        files.ensure_repo(case.repo(part), "")
    files.put(case.repo("policy@master"), {"/policy.yaml": b""})
    first = first_model(files, case, **{"/model.onnx": b"1"})
    monitor.look()
    better = files.put(case.repo("model@master"), {"/model.json": b"2", "/model.onnx": b"2"})
    files.put(case.repo("model@master"), {"/model.json": b"2", "/model.onnx": b"2"})
    monitor.look()
    files.put(case.repo("compare@master"), {"/comparison.json": compared(first, better, 1.0, 0.001)})
    monitor.look()
    assert files.finished_head(case.repo("model@champion")) == better
    files.put(case.repo("model@master"), {"/model.onnx": b"3"})
    monitor.look()
    assert case.observe(0).challenger not in (None, better), "one file of it is another"


def test_unpausing_brings_the_challenger_back(files: Files) -> None:
    case = Case("paused", "default", files)
    for part in ("policy", "model", "compare"):
        files.ensure_repo(case.repo(part), "")
    files.put(case.repo("policy@master"), {"/policy.yaml": b"paused: true"})
    model = first_model(files, case)
    monitor = Monitor(files, lambda case, sentence: None)
    monitor.look()
    monitor.look()
    assert [entry.kind for entry in case.record()] == [Kind.REFUSED]
    files.put(case.repo("policy@master"), {"/policy.yaml": b"paused: false"})
    monitor.look()
    monitor.look()
    assert [entry.kind for entry in case.record()] == [Kind.REFUSED, Kind.PROMOTED]
    assert files.finished_head(case.repo("model@champion")) == model


def test_a_decision_that_was_not_carried_out_is_carried_out_later(files: Files) -> None:
    case = Case("interrupted", "default", files)
    for part in ("policy", "model", "compare"):
        files.ensure_repo(case.repo(part), "")
    files.put(case.repo("policy@master"), {"/policy.yaml": b""})
    model = first_model(files, case)
    monitor = Monitor(files, lambda case, sentence: None)
    observed = case.observe(SystemClock().now_ns())
    case.write(plan(case.policy(), observed), already=0)
    assert files.finished_head(case.repo("model@champion")) is None
    monitor.look()
    assert files.finished_head(case.repo("model@champion")) == model
    assert len(case.record()) == 1


def test_two_who_decide_at_once_are_both_on_record(files: Files) -> None:
    case = Case("crowded", "default", files)
    for actor in ("ada", "howdah"):
        case.write((Decision(Kind.PROMOTED, "model", "better", actor),), already=0)
    assert sorted(entry.actor for entry in case.record()) == ["ada", "howdah"]
