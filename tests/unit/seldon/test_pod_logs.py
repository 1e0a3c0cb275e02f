"""What is asked of a pod's log, and that it is followed across its rotation."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from howdah.processes.logfiles import begin, previous, rotate
from howdah.seldon.kube.failures import Failure
from howdah.seldon.kube.logs import LogQuery, log_stream

POD = {"metadata": {"namespace": "ns", "name": "pod"}, "spec": {"containers": [{"name": "m"}]}}


def stream(path: Path, **query: str) -> AsyncIterator[bytes]:
    return log_stream(lambda _, __, old: previous(path) if old else path, POD, LogQuery.read(query))


def told(path: Path, **query: str) -> bytes:
    async def read() -> bytes:
        return b"".join([block async for block in stream(path, **query)])

    return asyncio.run(read())


def test_a_rotated_log_is_followed_on(tmp_path: Path):
    path = tmp_path / "pod.log"
    path.write_bytes(b"a long line that was there before\n")

    async def follow() -> list[bytes]:
        lines = stream(path, follow="true")
        first = await anext(lines)
        assert rotate(path, 10)
        with path.open("ab") as file:
            file.write(b"after\n")
        second = await anext(lines)
        await lines.aclose()
        return [first, second]

    assert asyncio.run(follow()) == [b"a long line that was there before\n", b"after\n"]


def test_following_ends_with_the_process(tmp_path: Path):
    """And tells its last words, even if they came just before another took its place."""
    path = tmp_path / "pod.log"
    path.write_bytes(b"first\n")

    async def follow() -> list[bytes]:
        lines = stream(path, follow="true")
        first = await anext(lines)
        with path.open("ab") as file:
            file.write(b"last\n")
            begin(path)
        path.write_bytes(b"of another, and much longer than all before\n")
        return [first, *[block async for block in lines]]

    assert asyncio.run(follow()) == [b"first\n", b"last\n"]


def test_previous_is_the_process_before_and_not_the_part_that_was_rotated_away(tmp_path: Path):
    path = tmp_path / "pod.log"
    begin(path)
    with pytest.raises(Failure, match='previous terminated container in pod "pod" not found'):
        stream(path, previous="true")
    path.write_bytes(b"long ago\n")
    assert rotate(path, 1)
    path.write_bytes(b"the first\n")
    begin(path)
    assert not path.exists()
    path.write_bytes(b"the second\n")
    assert (told(path, previous="true"), told(path)) == (b"the first\n", b"the second\n")
    begin(path)
    assert told(path, previous="true") == b"the second\n"
    assert [entry.name for entry in tmp_path.iterdir()] == ["pod.log.previous"]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"tailLines": "2"}, b"two\nthree\n"),
        ({"tailLines": "0"}, b""),
        ({"limitBytes": "5"}, b"one\nt"),
        ({"limitBytes": "3", "tailLines": "1", "follow": "true"}, b"thr"),
        ({"container": "m", "timestamps": "false"}, b"one\ntwo\nthree\n"),
    ],
)
def test_a_part_of_a_log(tmp_path: Path, query: dict[str, str], wanted: bytes):
    path = tmp_path / "pod.log"
    path.write_bytes(b"one\ntwo\nthree\n")
    assert told(path, **query) == wanted


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"sinceSeconds": "60"}, "--since.*lines of a log have no times"),
        ({"sinceTime": "2026-01-01T00:00:00Z"}, "--since-time.*lines of a log have no times"),
        ({"timestamps": "true"}, "--timestamps.*lines of a log have no times"),
        ({"tailLines": "-1"}, "tailLines: Invalid value: -1"),
        ({"limitBytes": "0"}, "limitBytes: Invalid value: 0.*from 1"),
        ({"container": "other"}, "container other is not valid for pod pod"),
    ],
)
def test_what_cannot_be_told_of_a_log_is_refused(tmp_path: Path, query: dict[str, str], words: str):
    with pytest.raises(Failure, match=words):
        stream(tmp_path / "pod.log", **query)
