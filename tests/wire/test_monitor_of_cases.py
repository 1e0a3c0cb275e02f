"""The monitor over a real pachd when things are not as they should be."""

import json
import threading

import pytest

from howdah.client.files import Files
from howdah.monitoring.case import Case
from howdah.monitoring.plan import Decision, Kind
from howdah.monitoring.run import Monitor

Said = list[tuple[str, str]]


@pytest.fixture
def said() -> Said:
    return []


@pytest.fixture
def monitor(files: Files, said: Said) -> Monitor:
    return Monitor(files, lambda case, sentence: said.append((case, sentence)))


def case_named(files: Files, name: str, policy: bytes = b"") -> Case:
    case = Case(name, "default", files)
    for part in ("policy", "model", "drift", "compare", "retrain"):
        files.ensure_repo(case.repo(part), "")
    files.put(case.repo("policy@master"), {"/policy.yaml": policy})
    return case


def first_model(files: Files, case: Case) -> str:
    """A model that its comparison has looked at alone."""
    model = files.put(case.repo("model@master"), {"/model.json": b"1"})
    alone = {"rows": 9, "champion": None, "challenger": {"commit": model}}
    files.put(case.repo("compare@master"), {"/comparison.json": json.dumps(alone).encode()})
    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("policy", "told"),
    [
        (b"paus: true", "policy.yaml: paus: Extra inputs are not permitted."),
        (b"paused: \xff", "policy.yaml is not UTF-8: byte 8 cannot be read."),
    ],
)
def test_a_faulty_case_is_told_once_and_keeps_no_other_waiting(
    files: Files, monitor: Monitor, said: Said, policy: bytes, told: str
) -> None:
    broken, sound = case_named(files, "a-broken", policy), case_named(files, "b-sound")
    models = [first_model(files, case) for case in (broken, sound)]
    for _ in range(3):
        monitor.look()
    assert files.finished_head(sound.repo("model@champion")) == models[1]
    assert [sentence for name, sentence in said if name == "a-broken"] == [told]
    files.put(broken.repo("policy@master"), {"/policy.yaml": b""})
    monitor.look()
    assert files.finished_head(broken.repo("model@champion")) == models[0]


@pytest.mark.slow
def test_what_nobody_foresaw_in_a_case_is_its_own_fault(files: Files, monitor: Monitor, said: Said) -> None:
    odd, sound = case_named(files, "a-odd"), case_named(files, "b-sound")
    files.put(odd.repo("drift@master"), {"/drift.json": b"[" * 200_000})
    model = first_model(files, sound)
    for _ in range(2):
        monitor.look()
    (told,) = (sentence for name, sentence in said if name == "a-odd")
    assert told.startswith("unforeseen RecursionError: ")
    assert files.finished_head(sound.repo("model@champion")) == model


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "path", "text"),
    [
        ("drift", "/drift.json", b"[]"),
        ("drift", "/drift.json", b"{"),
        ("drift", "/drift.json", b'{"drifted": ["age"]}'),
        ("compare", "/comparison.json", b'"better"'),
        ("compare", "/comparison.json", b'{"champion": {"commit": "c"}}'),
        ("compare", "/comparison.json", b'{"champion": null, "challenger": {"commit": "c"}, "rows": "many"}'),
        ("request-drift", "/2026-01-01.json", b'{"window": {"id": "w", "name": "w"}, "drifted": []}'),
        ("decisions", "/notes.txt", b"promoted by word of mouth"),
        ("decisions", "/000000.json", b'{"kind": "wished", "subject": "s", "reason": "r"}'),
        ("decisions", "/000000.json", b'{"kind": "promoted", "subject": 7, "reason": "r"}'),
    ],
)
def test_what_cannot_be_read_decides_nothing_and_is_told_by_its_name(
    files: Files, monitor: Monitor, said: Said, part: str, path: str, text: bytes
) -> None:
    odd, sound = case_named(files, "a-odd"), case_named(files, "b-sound")
    files.ensure_repo(odd.repo(part), "")
    files.put(odd.repo("model@master"), {"/model.json": b"1"})
    commit = files.put(odd.repo(f"{part}@master"), {path: text})
    model = first_model(files, sound)
    for _ in range(2):
        monitor.look()
    (told,) = (sentence for name, sentence in said if name == "a-odd")
    assert told.startswith(f"default/a-odd-{part}@{commit}:{path} is not what its name promises (")
    assert files.finished_head(odd.repo("model@champion")) is None
    assert files.finished_head(sound.repo("model@champion")) == model


def test_a_first_comparison_without_a_champion_decides_nothing(files: Files, monitor: Monitor) -> None:
    case = case_named(files, "first")
    first, second = (files.put(case.repo("model@master"), {"/model.json": text}) for text in (b"1", b"2"))
    case.write((Decision(Kind.PROMOTED, first, "the first"),), already=0)
    alone = {"champion": None, "challenger": {"commit": second, "metrics": {}}}
    files.put(case.repo("compare@master"), {"/comparison.json": json.dumps(alone).encode()})
    monitor.look()
    assert [entry.subject for entry in case.record()] == [first]


def test_the_first_model_waits_for_the_comparison_that_replays_its_scenarios(
    files: Files, monitor: Monitor
) -> None:
    case = case_named(files, "unchecked")
    files.put(case.repo("model@master"), {"/model.json": b"1"})
    monitor.look()
    assert case.record() == ()
    checked = first_model(files, case)
    monitor.look()
    (first,) = case.record()
    assert (first.kind, first.evidence) == (
        Kind.PROMOTED,
        files.finished_head(case.repo("compare@master")),
    )
    assert files.finished_head(case.repo("model@champion")) == checked


def test_a_person_may_ask_for_a_retraining_without_any_report(files: Files, monitor: Monitor) -> None:
    case = case_named(files, "asked")
    model = first_model(files, case)
    monitor.look()
    case.write((Decision(Kind.RETRAINED, model, "new sensors", actor="ada"),), already=1)
    monitor.look()
    request = files.finished_head(case.repo("retrain@master"))
    why = json.loads(files.read(case.repo("retrain@master"), "/why.json"))
    assert (why["report"], why["actor"], why["reason"], why["window"]) == (model, "ada", "new sensors", None)
    Monitor(files, lambda case, sentence: None).look()  # as after a restart: all of it has been done
    assert files.finished_head(case.repo("retrain@master")) == request
    assert len(case.record()) == 2


@pytest.mark.slow
def test_it_looks_by_itself_until_it_is_stopped(files: Files) -> None:
    decided = threading.Event()
    case = case_named(files, "alone")
    model = first_model(files, case)
    monitor = Monitor(files, lambda case, sentence: decided.set() if "champion is now" in sentence else None)
    monitor.start()
    try:
        assert decided.wait(30)
    finally:
        monitor.stop()
    assert files.finished_head(case.repo("model@champion")) == model
