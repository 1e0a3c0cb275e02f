import dataclasses
import json
import os
import threading
import time
from pathlib import Path

import pytest

from howdah.core import inference_log
from howdah.core.inference_log import Header, Record
from howdah.runtimes.front import capture
from howdah.runtimes.front.capture import Recorder, in_sample
from howdah.runtimes.front.place import LogPlace
from howdah.seldon.shipping import Shipper, bucket

REQUEST = {"inputs": [{"name": "age", "data": [41]}, {"name": "size", "data": [1]}]}


def record(id: str = "1", request: object = REQUEST) -> Record:
    header = Header(
        id, "prediction", 1_700_000_000_000_000_000, 900, 200, "ns", "d", "p", "m", "c" * 32, "v2", "/v2"
    )
    return Record(header, json.dumps(request).encode(), b'{"outputs": []}')


class Commits:
    """A sink in memory, with the contract of the real one: all files of a commit or none."""

    def __init__(self) -> None:
        self.repos: set[str] = set()
        self.commits: list[tuple[str, dict[str, bytes], str]] = []

    def ensure_repo(self, repo: str, description: str) -> None:
        self.repos.add(repo)

    def put(self, branch: str, files: dict[str, bytes], description: str = "") -> str:
        self.commits.append((branch, dict(files), description))
        return "id"


def test_frames_come_back_and_a_torn_tail_ends_the_reading(tmp_path: Path):
    frames = [inference_log.encode(record(str(number))) for number in range(3)]
    path = tmp_path / "s.log"
    path.write_bytes(b"".join(frames))
    assert [found.header.id for found in inference_log.read(path)] == ["0", "1", "2"]
    for torn in (len(frames[2]) - 1, 3, 21):
        path.write_bytes(frames[0] + frames[1] + frames[2][:torn])
        assert [found.header.id for found in inference_log.read(path)] == ["0", "1"]
    path.write_bytes(frames[0] + frames[1][:-1] + b"\xff" + frames[2])
    assert [found.header.id for found in inference_log.read(path)] == ["0"]


@pytest.mark.parametrize(
    "said", ['"', "\\", "two\nlines", "é \u2028 \U0001f40e", "\ud800", "", '","status":500,"id":"']
)
def test_what_callers_choose_comes_back_as_they_chose_it(tmp_path: Path, said: str):
    given = record(said)
    header = dataclasses.replace(given.header, endpoint=f"/v2/{said}", protocol=said)
    path = tmp_path / "s.log"
    path.write_bytes(inference_log.encode(Record(header, b"\x00asked", b"")))
    (found,) = inference_log.read(path)
    assert found == Record(header, b"\x00asked", b"")


def test_what_callers_choose_is_not_remembered_for_ever(tmp_path: Path):
    place = dict.fromkeys(inference_log.PLACE, "x")
    frames = inference_log.Frames(**place)
    told = {"kind": "prediction", "time_ns": 1, "latency_us": 1, "protocol": "v2"}
    names = [f"/v2/models/{number}/infer" for number in range(inference_log.SHARED_LIMIT * 2 + 5)]
    written = [
        frames.frame(id="1", status=200, endpoint=name, request=b"", response=b"", **told) for name in names
    ]
    path = tmp_path / "s.log"
    path.write_bytes(b"".join(written))
    assert [found.header.endpoint for found in inference_log.read(path)] == names
    assert len(frames._shared) <= inference_log.SHARED_LIMIT


def test_what_is_recorded_is_there_before_anything_else_happens(tmp_path: Path):
    recorder = Recorder(LogPlace(tmp_path, rotate_rows=2))
    recorder.append(inference_log.encode(record("a")))
    (segment,) = tmp_path.iterdir()
    assert [found.header.id for found in inference_log.read(segment)] == ["a"]
    for id in ("b", "c"):
        recorder.append(inference_log.encode(record(id)))
    first, second = sorted(tmp_path.iterdir())
    assert [found.header.id for found in inference_log.read(first)] == ["a", "b"], "two records are a segment"
    assert [found.header.id for found in inference_log.read(second)] == ["c"]
    recorder.close()
    assert [path.suffix for path in tmp_path.iterdir()] == [".log", ".log"]


def test_no_answer_waits_for_a_disk_when_a_segment_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    syncing: list[str] = []
    monkeypatch.setattr(os, "fdatasync", lambda fd: syncing.append(threading.current_thread().name))
    recorder = Recorder(LogPlace(tmp_path, rotate_rows=1))
    recorder.append(inference_log.encode(record("a")))
    recorder.close()
    assert syncing == ["inference-log"]


@pytest.mark.slow
def test_in_a_lull_the_first_record_is_complete_at_once_and_the_next_after_its_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(capture, "LULL_S", 0.0)
    monkeypatch.setattr(capture, "SYNC_EVERY_S", 0.01)
    recorder = Recorder(LogPlace(tmp_path, rotate_s=3600.0))
    recorder.append(inference_log.encode(record("a")))
    deadline = time.monotonic() + 20
    while [path.suffix for path in tmp_path.iterdir()] != [".log"]:
        assert time.monotonic() < deadline, "a lone record waits for its minute"
    recorder.append(inference_log.encode(record("b")))
    segment = recorder._segment
    assert segment is not None
    assert not recorder._due(segment), "one commit a minute is enough"
    recorder.close()


def test_a_full_disk_is_counted_and_waited_for_by_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    recorder = Recorder(LogPlace(tmp_path))
    recorder.append(inference_log.encode(record("a")))

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    recorder.append(inference_log.encode(record("b")))
    assert recorder.dropped == 1
    monkeypatch.undo()
    recorder.append(inference_log.encode(record("c")))
    recorder.close()
    (segment,) = tmp_path.iterdir()
    assert [found.header.id for found in inference_log.read(segment)] == ["a", "c"]


def test_a_sample_is_the_same_for_all_who_share_an_id():
    chosen = [number for number in range(2000) if in_sample(str(number), 0.3)]
    assert 0.25 < len(chosen) / 2000 < 0.35
    assert chosen == [number for number in range(2000) if in_sample(str(number), 0.3)]


def test_complete_segments_become_commits_and_open_ones_wait(tmp_path: Path):
    from pyarrow import parquet

    folder = tmp_path / "ns~d"
    recorder = Recorder(LogPlace(folder))
    for id in ("a", "b", "a"):
        recorder.append(inference_log.encode(record(id)))
    commits = Commits()
    shipper = Shipper(tmp_path, lambda: commits)
    assert shipper.ship() == 0, "a segment in use is left alone"
    recorder.close()
    assert shipper.ship() == 3
    assert shipper.ship() == 0
    assert commits.repos == {"default/ns-d-inferences"}
    ((branch, files, description),) = commits.commits
    assert branch == "default/ns-d-inferences@master"
    assert json.loads(description) == {"model_commits": ["c" * 32], "records": 3}
    (path,) = [name for name in files if name.endswith(".parquet")]
    (tmp_path / "t.parquet").write_bytes(files[path])
    table = parquet.read_table(tmp_path / "t.parquet")
    assert table["id"].to_pylist() == ["a", "b", "a"]
    index = json.loads(files[f"/ids/{bucket('a')}/{Path(path).stem}.json"])
    assert index["path"] == path
    assert index["rows"]["a"] == [0, 2]


def test_the_segment_of_a_killed_server_is_taken_once_it_is_gone(tmp_path: Path):
    folder = tmp_path / "ns~d"
    folder.mkdir()
    gone = max(int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()) + 100_000
    (folder / f"1-{gone}.open").write_bytes(inference_log.encode(record("a")))
    commits = Commits()
    assert Shipper(tmp_path, lambda: commits).ship() == 1
    assert list(folder.iterdir()) == []


def test_a_failed_commit_keeps_the_segment(tmp_path: Path):
    folder = tmp_path / "ns~d"
    recorder = Recorder(LogPlace(folder))
    recorder.append(inference_log.encode(record()))
    recorder.close()

    class Broken(Commits):
        def put(self, branch: str, files: dict[str, bytes], description: str = "") -> str:
            raise OSError("pachd is away")

    with pytest.raises(OSError, match="away"):
        Shipper(tmp_path, Broken).ship()
    commits = Commits()
    assert Shipper(tmp_path, lambda: commits).ship() == 1
