"""Our tar stream is one that Python's own reader reads back."""

import io
import tarfile

import pytest

from howdah.pachd.wire import tar

NAMES = ["/a", "/dir/b.txt", "/" + "n" * 99, "/" + "n" * 100, "/d/" + "x" * 3000, "/ünïcode"]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_read_back_by_name_size_and_time(name: str) -> None:
    data = b"0123456789" * 77
    headers = tar.Headers(1_700_000_000)
    stream = headers.file(name, len(data)) + data + tar.padding(len(data)) + tar.END
    with tarfile.open(fileobj=io.BytesIO(stream)) as archive:
        (entry,) = archive.getmembers()
        assert (entry.name, entry.size, entry.mtime) == (name, len(data), 1_700_000_000)
        found = archive.extractfile(entry)
        assert found is not None
        assert found.read() == data


def test_a_directory_is_one() -> None:
    with tarfile.open(fileobj=io.BytesIO(tar.Headers().directory("/d/") + tar.END)) as archive:
        (entry,) = archive.getmembers()
        assert entry.isdir()
        assert entry.name == "/d"


def test_a_size_beyond_octal_is_told() -> None:
    size = 9 << 30
    entry = tarfile.TarInfo.frombuf(tar.Headers().file("/big", size), "utf-8", "strict")
    assert entry.size == size


@pytest.mark.parametrize("size", [0, 1, 511, 512, 513])
def test_entries_end_on_whole_blocks(size: int) -> None:
    assert (size + len(tar.padding(size))) % tar.BLOCK == 0
    assert len(tar.padding(size)) < tar.BLOCK
