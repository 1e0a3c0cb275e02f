"""`pachctl get file`, the parts that need no pachd."""

import stat
from types import SimpleNamespace

import pytest

from howdah.cli.pachctl.files import _Pieces, _whole
from howdah.cli.pachctl.progress import Transfer


def test_what_stood_there_stays_until_all_is_written(tmp_path):
    target = tmp_path / "x"
    target.write_bytes(b"before")
    target.chmod(0o640)
    with _whole(target) as sink:
        sink.write(b"after")
        sink.flush()
        assert target.read_bytes() == b"before"
    assert target.read_bytes() == b"after"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_is_left_of_what_was_interrupted(tmp_path, error):
    def broken(target):
        with _whole(target) as sink:
            sink.write(b"half")
            raise error

    (tmp_path / "old").write_bytes(b"before")
    for name in ("old", "new"):
        with pytest.raises(error):
            broken(tmp_path / name)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("old", b"before")]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with _whole(tmp_path / "link") as sink:
        sink.write(b"1")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"1"


def test_the_file_that_was_asked_for_is_the_one_that_is_named(tmp_path):
    for target, kind in ((tmp_path / "none" / "x", FileNotFoundError), (tmp_path, IsADirectoryError)):
        with pytest.raises(kind) as caught, _whole(target):
            pass
        assert caught.value.filename in (target, str(target))


@pytest.mark.parametrize("count", [1, 3, 100])
def test_pieces_are_read_in_any_size(count):
    messages = (SimpleNamespace(value=value) for value in (b"ab", b"", b"cdefg", b"h"))
    reader = _Pieces(messages, Transfer("all", wanted=False))
    read = list(iter(lambda: reader.read(count), b""))
    assert b"".join(read) == b"abcdefgh"
    assert {len(each) for each in read[:-1]} <= {count}
