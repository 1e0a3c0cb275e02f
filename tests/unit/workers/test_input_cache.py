"""The cache of inputs: once for each content, whatever the order and however it ended."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.errors import Corrupt
from howdah.pachd.pipelines.datums import InputFile
from howdah.pachd.pipelines.workers.cache import InputCache
from howdah.pachd.storage.content import Content, hash_of


class Bytes:
    """Contents by hash; counts how often each is read."""

    def __init__(self, *datas: bytes) -> None:
        self.datas = {hash_of(data): data for data in datas}
        self.reads = 0

    def files(self, file: InputFile) -> Iterator[tuple[str, Content]]:
        raise NotImplementedError

    def read(self, content: Content) -> Iterator[bytes]:
        self.reads += 1
        data = self.datas[content.hash]
        yield data[:10]
        if data.startswith(b"broken"):
            raise Corrupt("a chunk is damaged")
        yield data[10:]


def content(data: bytes) -> Content:
    return Content(len(data), hash_of(data), b"")


DATA = b"x" * 1000


def test_a_content_is_read_once_for_many_links(tmp_path: Path) -> None:
    cache, source = InputCache(tmp_path / "cache", "boot"), Bytes(DATA)
    targets = [tmp_path / str(number) for number in range(20)]
    threads = [threading.Thread(target=cache.link, args=(content(DATA), source, path)) for path in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert source.reads == 1
    assert {path.read_bytes() for path in targets} == {DATA}
    assert {path.stat().st_ino for path in targets} == {targets[0].stat().st_ino}
    assert targets[0].stat().st_mode & 0o777 == 0o444


def test_copies_share_nothing(tmp_path: Path) -> None:
    cache, source = InputCache(tmp_path / "cache", "boot"), Bytes(DATA)
    cache.copy(content(DATA), source, tmp_path / "a")
    (tmp_path / "a").chmod(0o644)
    (tmp_path / "a").write_bytes(b"changed")
    cache.copy(content(DATA), source, tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == DATA
    assert source.reads == 1


def test_the_least_recently_used_make_room(tmp_path: Path) -> None:
    datas = [bytes([number]) * 100 for number in range(4)]
    cache, source = InputCache(tmp_path / "cache", "boot", cap_bytes=300), Bytes(*datas)
    for turn, number in enumerate([0, 1, 2, 0, 3, 0, 1]):
        cache.link(content(datas[number]), source, tmp_path / f"{turn}")
    assert source.reads == 5  # 1 was evicted by 3 and came again
    assert cache.held_bytes == 300
    assert all((tmp_path / str(turn)).read_bytes() for turn in range(7))


def test_one_larger_than_the_cap_is_served_all_the_same(tmp_path: Path) -> None:
    cache, source = InputCache(tmp_path / "cache", "boot", cap_bytes=10), Bytes(DATA)
    cache.link(content(DATA), source, tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == DATA


def test_survives_a_daemon_but_not_a_boot(tmp_path: Path) -> None:
    source = Bytes(DATA)
    InputCache(tmp_path / "cache", "boot").link(content(DATA), source, tmp_path / "a")
    half = next((tmp_path / "cache" / "boot").glob("*/*")).with_suffix(".half")
    half.write_bytes(b"x")
    InputCache(tmp_path / "cache", "boot").link(content(DATA), source, tmp_path / "b")
    assert source.reads == 1
    assert not half.exists()
    InputCache(tmp_path / "cache", "another").link(content(DATA), source, tmp_path / "c")
    assert source.reads == 2
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["another"]


def test_what_cannot_be_read_whole_is_not_kept(tmp_path: Path) -> None:
    broken = b"broken" + DATA
    cache, source = InputCache(tmp_path / "cache", "boot"), Bytes(broken)
    for _ in range(2):
        with pytest.raises(Corrupt):
            cache.link(content(broken), source, tmp_path / "a")
    assert cache.held_bytes == 0
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
