"""Logs of jobs: which lines, in which order, how many."""

import threading
from pathlib import Path

import pytest

from howdah.core.refs import CommitId, RepoRef
from howdah.pachd.pipelines import log_places
from howdah.pachd.pipelines.datums import Datum, InputFile, Source
from howdah.pachd.pipelines.logs import LONGEST_LINE, Caps, LogQuery, LogStore
from howdah.pachd.pipelines.refs import JobRef, PipelineRef

PIPELINE = PipelineRef("p")
ONE, TWO = (JobRef(PIPELINE, CommitId(digit * 32)) for digit in "12")


class Ticking:
    """Every look at the clock is one nanosecond later."""

    def __init__(self) -> None:
        self.ns = 0

    def now_ns(self) -> int:
        self.ns += 1
        return self.ns

    def monotonic_s(self) -> float:
        return 0.0


def datum(path: str, digest: bytes = b"h" * 32) -> Datum:
    source = Source("in", RepoRef("in"), "master", CommitId("c" * 32))
    return Datum((InputFile(source, path, digest, 1),))


@pytest.fixture
def store(tmp_path: Path) -> LogStore:
    return LogStore(tmp_path, Ticking(), Caps(datum_bytes=1000, pipeline_bytes=20_000))


def say(store: LogStore, job: JobRef, path: str, *lines: str) -> Datum:
    of = datum(path)
    log = store.datum(job, of, "worker")
    for line in lines:
        log.output("stdout", line.encode() + b"\n")
    log.close()
    return of


def read(store: LogStore, **query: object) -> list[str]:
    return [line.message for line in store.read(LogQuery(PIPELINE, **query))]  # type: ignore[arg-type]


def test_finds_lines_by_what_they_belong_to(store: LogStore) -> None:
    first = say(store, ONE, "/a", "a1", "a2")
    say(store, ONE, "/b", "b1")
    say(store, TWO, "/a", "again")
    store.master(PIPELINE, "job made", ONE.id)
    store.master(PIPELINE, "other job made", TWO.id)
    assert read(store) == ["a1", "a2", "b1", "again"]
    assert read(store, job=ONE.id) == ["a1", "a2", "b1"]
    assert read(store, datum=first.id) == ["a1", "a2", "again"]
    assert read(store, job=ONE.id, data_filters=("/b",)) == ["b1"]
    assert read(store, data_filters=("b",)) == ["b1"]
    assert read(store, job=TWO.id, data_filters=((b"h" * 32).hex(),)) == ["again"]
    assert read(store, data_filters=("/a", "/b")) == []
    assert read(store, master=True) == ["job made", "other job made"]
    assert read(store, master=True, job=TWO.id) == ["other job made"]
    assert read(store, tail=2) == ["b1", "again"]
    assert [line.ts_ns for line in store.read(LogQuery(PIPELINE))] == [1, 2, 3, 4]
    assert read(store, since_ns=2, until_ns=3) == ["a2", "b1"]
    assert read(store, job=CommitId("9" * 32)) == []


def test_lines_are_whole_whatever_the_pieces(store: LogStore) -> None:
    log = store.datum(ONE, datum("/a"), "worker")
    for piece in (b"hel", b"lo\nwor", b"ld\r\n", b"\xff\n", b"no end"):
        log.output("stdout", piece)
    log.output("stderr", b"between\n")
    assert read(store) == ["hello", "world", "�", "between"]
    log.close()
    assert read(store) == ["hello", "world", "�", "between", "no end"]
    assert log.last_words == "no end"


def test_a_flood_keeps_its_beginning_and_its_end(store: LogStore) -> None:
    log = store.datum(ONE, datum("/a"), "worker")
    for number in range(100_000):
        log.output("stdout", b"line %d\n" % number)
    log.close()
    lines = read(store)
    assert lines[:2] == ["line 0", "line 1"]
    assert lines[-1] == "line 99999"
    assert len(lines) < 300
    (note,) = [line for line in lines if "left out" in line]
    assert note.endswith("bytes of output were left out here: a datum keeps 1000 bytes of log")
    assert log.last_words == "line 99999"


def test_a_line_without_end_is_broken_up(tmp_path: Path) -> None:
    store = LogStore(tmp_path, Ticking(), Caps(datum_bytes=1 << 20))
    log = store.datum(ONE, datum("/a"), "worker")
    for _ in range(10):
        log.output("stdout", b"x" * 30_000)
    log.close()
    assert sum(map(len, read(store))) == 300_000
    assert max(map(len, read(store))) == LONGEST_LINE


def test_old_jobs_make_room_for_new_ones(store: LogStore) -> None:
    for number in range(100):
        say(store, JobRef(PIPELINE, CommitId(f"{number:032}")), "/a", "x" * 900)
    assert read(store, job=CommitId(f"{0:032}")) == []
    assert len(read(store, job=CommitId(f"{99:032}"))) == 1
    assert 5 < len(read(store)) < 40


def test_followers_get_lines_as_they_come(store: LogStore) -> None:
    say(store, ONE, "/a", "before")
    over = threading.Event()
    heard: list[str] = []

    def follow() -> None:
        for line in store.read(LogQuery(PIPELINE), follow=True, cancelled=over.is_set):
            heard.append(line.message)
            if line.message == "last":
                over.set()

    thread = threading.Thread(target=follow)
    thread.start()
    for job, path in ((ONE, "/b"), (TWO, "/c"), (ONE, "/a")):
        say(store, job, path, f"new {path}")
    say(store, TWO, "/a", "last")
    thread.join()
    assert heard[0] == "before"
    assert sorted(heard[1:]) == ["last", "new /a", "new /b", "new /c"]


def test_a_follower_that_is_cancelled_ends(store: LogStore) -> None:
    over = threading.Event()
    thread = threading.Thread(
        target=lambda: list(store.read(LogQuery(PIPELINE), follow=True, cancelled=over.is_set))
    )
    thread.start()
    over.set()
    store.wake()
    thread.join()


def test_a_deleted_pipeline_leaves_nothing(store: LogStore) -> None:
    say(store, ONE, "/a", "x")
    store.master(PIPELINE, "made")
    store.forget(PIPELINE)
    assert read(store) == read(store, master=True) == []


def test_a_late_page_needs_no_reading_of_what_stands_before(
    store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_places, "MARK_EVERY_BYTES", 1000)
    noted = store.datum(ONE, datum("/late"), "worker")
    noted.note("said first, written last")
    for number in range(80):
        say(store, ONE, f"/{number}", "x" * 50)
    noted.close()
    everything = list(store.read(LogQuery(PIPELINE, job=ONE.id)))
    for since_ns in (0, 1, 2, 17, 40, 79, 80, 81, 10**6):
        wanted = [line for line in everything if line.ts_ns >= since_ns]
        assert list(store.read(LogQuery(PIPELINE, job=ONE.id, since_ns=since_ns))) == wanted
    for tail in (1, 7, 80, 81, 82, 1000):
        assert list(store.read(LogQuery(PIPELINE, job=ONE.id, tail=tail))) == everything[-tail:]
    offset, inputs = log_places.LogPlaces().since(store._job_file(ONE), 81)
    assert offset > 10_000
    assert len(inputs) == 81


def test_a_file_that_grew_or_was_replaced_is_marked_anew(
    store: LogStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_places, "MARK_EVERY_BYTES", 100)
    say(store, ONE, "/a", "a1", "a2")
    assert read(store, since_ns=2) == ["a2"]
    say(store, ONE, "/b", "b1")
    assert read(store, since_ns=3) == ["b1"]
    store.forget(PIPELINE)
    say(store, ONE, "/c", "c1")
    assert read(store, since_ns=2) == ["c1"]
