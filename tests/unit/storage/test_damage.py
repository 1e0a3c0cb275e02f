"""What check, rebuild, backup and the reader make of packs that are not what they were."""

import random
import shutil

import pytest

from howdah.errors import AlreadyExists, Conflict, Corrupt, NotFound, Unavailable
from howdah.pachd.storage import backup as backups
from howdah.pachd.storage import tables
from howdah.pachd.storage.blobs import Blobs, NewerStore
from howdah.pachd.storage.check import check, touches
from howdah.pachd.storage.collection import Collection
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.files import LocalObjects
from howdah.pachd.storage.reader import DamagedChunk
from howdah.pachd.storage.rebuild import rebuild_index


def noise(size, seed=0):
    return random.Random(f"{size}/{seed}").randbytes(size)


@pytest.fixture
def files(store):
    """Contents in two packs, with what they hold."""
    data = [noise(1_500_000, 1), noise(5_000, 2), noise(60_000, 3), b"words and words " * 9_000]
    with store.blobs.upload() as upload:
        contents = []
        for one in data:
            upload.write(one)
            contents.append(upload.end_file())
        upload.sync()
    return dict(zip(contents, data, strict=True))


def unreadable(blobs, files):
    lost = set()
    for content, data in files.items():
        try:
            assert blobs.read_all(content) == data
        except Corrupt:
            lost.add(content)
    return lost


def touched(blobs, files, damages):
    hashes = {hash for damage in damages for hash in damage.hashes}
    return {content for content in files if touches(blobs, hashes, content)}


def test_a_sound_store_has_no_damage(store, files):
    assert list(check(store.blobs)) == []
    assert list(check(store.reopen(), data=True)) == []


@pytest.mark.parametrize("at", [0.001, 0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("which", [0, -1])
def test_a_flipped_bit_is_found_and_told_chunk_by_chunk(store, files, at, which):
    store.close()
    pack = store.packs()[which]
    data = bytearray(pack.read_bytes())
    data[16 + int((len(data) - 16) * at)] ^= 0x10
    pack.write_bytes(data)
    store.open()
    lost = unreadable(store.blobs, files)
    assert lost
    damages = list(check(store.blobs, data=True))
    assert lost <= touched(store.blobs, files, damages)
    assert all(damage.pack.endswith(pack.name) for damage in damages)
    assert sum(len(damage.hashes) for damage in damages) < 40
    assert len(list(check(store.blobs, data=True))) == len(damages)  # nothing was changed


def test_one_flipped_bit_in_a_large_chunk_is_one_damage(store, files):
    store.close()
    pack = store.packs()[0]
    data = bytearray(pack.read_bytes())
    data[500_000] ^= 1
    pack.write_bytes(data)
    store.open()
    (damage,) = check(store.blobs, data=True)
    assert len(damage.hashes) == 1
    assert damage.reason == "its bytes do not match its hash"
    assert list(check(store.blobs)) == []  # the structure is sound
    with pytest.raises(DamagedChunk, match=f"{damage.hashes[0].hex()}.*howdah check --data"):
        store.blobs.read_all(next(iter(files)))


@pytest.mark.parametrize("keep", [0, 10, 300_000, -1])
def test_a_truncated_pack_loses_what_it_lost_and_says_so(store, files, keep):
    store.close()
    pack = store.packs()[0]
    data = pack.read_bytes()
    pack.write_bytes(data[:keep])
    store.open()
    lost = unreadable(store.blobs, files)
    assert lost
    for deep in (False, True):
        damages = list(check(store.blobs, data=deep))
        assert touched(store.blobs, files, damages) == lost


def test_a_missing_pack_is_told(store, files):
    store.close()
    store.packs()[0].unlink()
    store.open()
    lost = unreadable(store.blobs, files)
    damages = list(check(store.blobs))
    assert {damage.reason for damage in damages} == {"the pack is missing"}
    assert touched(store.blobs, files, damages) == lost


def test_gc_leaves_a_damaged_pack_alone(store, files):
    store.close()
    pack = store.packs()[0]
    data = bytearray(pack.read_bytes())
    data[18] ^= 1
    pack.write_bytes(data)
    store.open()
    with Collection(store.blobs) as collection:
        report = collection.sweep()
    assert report.damaged_packs == [f"packs/{pack.name}"]
    assert pack.exists()


def test_the_index_is_rebuilt_from_the_packs(store, files):
    store.blobs.packs.enter_notes()
    with store.database.read() as connection:
        before = connection.execute("SELECT * FROM chunks").fetchall()
    store.close()
    (store.folder / "db.sqlite").unlink()
    objects = LocalObjects(store.folder / "objects")
    database = Database(store.folder / "db.sqlite", [tables.SCHEMA])
    assert rebuild_index(objects, database) == len(before)
    with database.read() as connection:
        assert connection.execute("SELECT * FROM chunks").fetchall() == before
    database.close()
    store.open()
    assert unreadable(store.blobs, files) == set()
    assert list(check(store.blobs, data=True)) == []


def test_a_rebuild_passes_over_a_damaged_stretch(store, files):
    store.close()
    pack = store.packs()[0]
    data = bytearray(pack.read_bytes())
    data[16:60] = bytes(44)  # the first record's header and a part of its table
    pack.write_bytes(data + data[:1000])  # and a tail that no sync acknowledged
    objects, database = (
        LocalObjects(store.folder / "objects"),
        Database(store.folder / "db.sqlite", [tables.SCHEMA]),
    )
    with database.read() as connection:
        before = tables.chunk_count(connection)
    assert rebuild_index(objects, database) == before - 1
    database.close()
    store.open()
    with pytest.raises(NotFound):
        store.blobs.read_all(next(iter(files)))


def test_a_rebuild_enters_nothing_whose_bytes_are_damaged(store, files):
    store.close()
    pack = store.packs()[0]
    data = bytearray(pack.read_bytes())
    data[200] ^= 1  # in the first record's payload
    pack.write_bytes(data)
    database = Database(store.folder / "db.sqlite", [tables.SCHEMA])
    rebuild_index(LocalObjects(store.folder / "objects"), database)
    database.close()
    store.open()
    assert list(check(store.blobs, data=True)) == []
    with pytest.raises(NotFound):
        store.blobs.read_all(next(iter(files)))


def test_a_rebuild_without_packs_or_from_a_newer_store_leaves_the_index(store, files):
    store.close()
    objects = store.folder / "objects"
    database = Database(store.folder / "db.sqlite", [tables.SCHEMA])
    (objects / "packs").rename(objects / "elsewhere")
    with pytest.raises(NotFound, match="are all missing"):
        rebuild_index(LocalObjects(objects), database)
    (objects / "elsewhere").rename(objects / "packs")
    (objects / "format").rename(objects / "kept")
    with pytest.raises(NotFound, match="object format"):
        rebuild_index(LocalObjects(objects), database)
    (objects / "format").write_bytes(b"howdah store 2\n")
    with pytest.raises(NewerStore):
        rebuild_index(LocalObjects(objects), database)
    database.close()
    (objects / "kept").replace(objects / "format")
    store.open()
    assert unreadable(store.blobs, files) == set()


def test_a_backup_that_fails_has_cleared_up_before_another_may_begin(store, files, tmp_path, monkeypatch):
    remove, cleared = shutil.rmtree, []

    def watched(folder, **how):
        with pytest.raises(Conflict):
            store.blobs.begin_maintenance("another")
        cleared.append(folder)
        remove(folder, **how)

    def fail(count, total):
        raise Unavailable("enough")

    monkeypatch.setattr(backups.shutil, "rmtree", watched)
    with pytest.raises(Unavailable, match="enough"):
        backups.backup(store.blobs, tmp_path / "backup", fail)
    assert cleared
    assert not list(tmp_path.glob(".backup*"))


def test_backup_and_restore(store, files, tmp_path):
    backups.backup(store.blobs, tmp_path / "backup")
    with pytest.raises(AlreadyExists):
        backups.backup(store.blobs, tmp_path / "backup")
    with store.blobs.upload() as upload:  # the original goes on
        upload.write(noise(1000, 77))
        upload.end_file()
        upload.sync()
    backups.restore(tmp_path / "backup", tmp_path / "restored")
    database = Database(tmp_path / "restored" / backups.DATABASE, [tables.SCHEMA])
    blobs = Blobs(LocalObjects(tmp_path / "restored" / backups.OBJECTS), database)
    assert unreadable(blobs, files) == set()
    assert list(check(blobs, data=True)) == []
    blobs.close()
    database.close()
    with pytest.raises(AlreadyExists):
        backups.restore(tmp_path / "backup", tmp_path / "restored")
    with pytest.raises(NotFound, match="is not a backup"):
        backups.restore(tmp_path / "objects", tmp_path / "elsewhere")
