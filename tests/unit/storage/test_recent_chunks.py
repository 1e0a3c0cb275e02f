"""Chunks that were noted and not yet entered: found, counted, moved by gc, and there after reopening."""

import random

from howdah.pachd.storage import recent, tables
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.check import check
from howdah.pachd.storage.collection import Collection
from howdah.pachd.storage.content import Content


def put(blobs: Blobs, *files: bytes) -> list[Content]:
    with blobs.upload() as upload:
        contents = []
        for data in files:
            upload.write(data)
            contents.append(upload.end_file())
        upload.sync()
    return contents


def noise(seed: int, size: int = 1000) -> bytes:
    return random.Random(seed).randbytes(size)


def rows(blobs: Blobs) -> tuple[int, int]:
    """How many chunks are entered, and how many are noted."""
    with blobs.database.read() as connection:
        entered = connection.execute("SELECT count(*) FROM chunks").fetchone()[0]
        return entered, len(tables.noted(connection)[1])


def test_few_chunks_are_noted_and_found(blobs: Blobs) -> None:
    contents = put(blobs, noise(1), noise(2))
    assert rows(blobs) == (0, 2)
    hashes = [content.hash for content in contents]
    assert set(blobs.packs.find_durable(hashes)) == set(hashes)
    with blobs.database.read() as connection:
        assert sum(tables.counts(connection).values()) == tables.chunk_count(connection) == 2
        (pack,) = tables.packs(connection)
        assert {hash for hash, _ in tables.chunks_in(connection, pack)} == set(hashes)


def test_many_at_a_time_are_entered(blobs: Blobs) -> None:
    put(blobs, *(noise(seed, 200) for seed in range(recent.MOST_NOTED + 1)))
    assert rows(blobs) == (recent.MOST_NOTED + 1, 0)


def test_entering_changes_where_they_stand_and_nothing_else(blobs: Blobs) -> None:
    contents = put(blobs, *map(noise, range(5)))
    places = blobs.packs.find_durable([content.hash for content in contents])
    blobs.packs.enter_notes()
    assert rows(blobs) == (5, 0)
    assert blobs.packs.find_durable([content.hash for content in contents]) == places
    assert list(check(blobs, data=True)) == []
    later = put(blobs, noise(9))
    assert rows(blobs) == (5, 1)
    assert [blobs.read_all(content) for content in contents + later] == [*map(noise, range(5)), noise(9)]


def test_a_note_counts_before_an_entry(blobs: Blobs) -> None:
    """What was stored twice is counted once, and where the note says."""
    (first,) = put(blobs, noise(1))
    blobs.packs.enter_notes()
    blobs.packs.seal()
    with blobs.upload() as upload:
        upload.expect_new_blocks()
        assert upload.put_block(noise(1)) == first.hash
        upload.sync()
    assert rows(blobs) == (1, 1)
    old, new = 1, 2
    with blobs.database.read() as connection:
        assert {pack: count for pack, count in tables.counts(connection).items() if count} == {new: 1}
        assert list(tables.chunks_in(connection, old)) == []
        assert [hash for hash, _ in tables.chunks_in(connection, new)] == [first.hash]
    assert list(check(blobs, data=True)) == []
    with Collection(blobs) as collection:
        collection.mark(first.hash)
        collection.sweep()
    assert rows(blobs) == (1, 0)
    assert blobs.read_all(first) == noise(1)
    assert list(check(blobs, data=True)) == []


def test_blocks_that_came_lately_are_not_stored_twice(blobs: Blobs) -> None:
    for _ in range(2):
        with blobs.upload() as upload:
            upload.expect_new_blocks()
            hash = upload.put_block(noise(1))
            upload.sync()
    with blobs.database.read() as connection:
        assert connection.execute("SELECT count(*) FROM recent").fetchone() == (1,)
    assert blobs.block(hash) == noise(1)


def test_enough_notes_are_entered_by_themselves(blobs: Blobs, monkeypatch) -> None:
    monkeypatch.setattr(recent, "_ENOUGH", 20)
    monkeypatch.setattr(recent, "_TOO_MANY", 40)
    monkeypatch.setattr(recent, "_AT_ONCE", 8)
    contents = [put(blobs, noise(seed), noise(-1 - seed)) for seed in range(100)]
    _, left = rows(blobs)
    assert left <= 42
    for seed, pair in enumerate(contents):
        assert [blobs.read_all(content) for content in pair] == [noise(seed), noise(-1 - seed)]
    assert list(check(blobs, data=True)) == []


def test_a_full_disk_while_entering_loses_nothing(blobs: Blobs, monkeypatch) -> None:
    contents = put(blobs, *map(noise, range(5)))

    def full(*_: object, **__: object) -> None:
        raise OSError("no room")

    with monkeypatch.context() as patched:
        patched.setattr(tables, "drop_notes", full)
        try:
            blobs.packs.enter_notes()
        except OSError:
            pass
        else:
            raise AssertionError("it must not have ended well")
    assert rows(blobs) == (5, 5)
    assert list(check(blobs, data=True)) == []
    blobs.packs.enter_notes()
    assert rows(blobs) == (5, 0)
    assert [blobs.read_all(content) for content in contents] == [*map(noise, range(5))]
