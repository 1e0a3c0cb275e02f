import random
import shutil
import threading

import pytest

from howdah.core import failpoints
from howdah.errors import Conflict, NotFound, Unavailable
from howdah.pachd.storage.check import check
from howdah.pachd.storage.collection import Collection
from howdah.pachd.storage.packs import make_record
from howdah.pachd.storage.record import CHUNKS


def noise(size, seed=0):
    return random.Random(f"{size}/{seed}").randbytes(size)


def put(blobs, *files):
    with blobs.upload() as upload:
        contents = []
        for data in files:
            upload.write(data)
            contents.append(upload.end_file())
        upload.sync()
    return contents


def sweep(blobs, *alive, dry_run=False):
    with Collection(blobs) as collection:
        for content in alive:
            collection.mark_all(blobs.hashes(content))
        return collection.sweep(dry_run=dry_run)


def stored_bytes(blobs):
    return sum(info.size for info in blobs.objects.list("packs/"))


def assert_sound(blobs):
    assert list(check(blobs, data=True)) == []


def test_what_is_marked_stays_and_the_rest_goes(store):
    blobs = store.blobs
    dead = put(blobs, noise(3_000_000, 1))
    alive = put(blobs, noise(2_000_000, 2), noise(5_000, 3))
    before = stored_bytes(blobs)
    report = sweep(blobs, *alive)
    assert report.freed_bytes == pytest.approx(before - stored_bytes(blobs), abs=100)  # a pack's preamble
    assert report.freed_bytes > 2_000_000
    assert report.deleted_packs > 0
    assert [blobs.read_all(content) for content in alive] == [noise(2_000_000, 2), noise(5_000, 3)]
    with pytest.raises(NotFound, match="no chunk"):
        blobs.read_all(dead[0])
    assert_sound(store.reopen())


def test_a_dry_run_tells_what_would_be_freed_and_changes_nothing(blobs):
    put(blobs, noise(3_000_000, 1))
    (alive,) = put(blobs, noise(100_000, 2))
    before = stored_bytes(blobs)
    foreseen = sweep(blobs, alive, dry_run=True)
    assert stored_bytes(blobs) == before
    assert foreseen.dry_run
    assert sweep(blobs, alive).freed_bytes == pytest.approx(foreseen.freed_bytes, rel=0.01)


def test_a_pack_less_than_half_alive_is_rewritten(blobs):
    files = put(blobs, *(noise(4_000, n) for n in range(200)))
    report = sweep(blobs, *files[:60])
    assert (report.rewritten_packs, report.deleted_packs) == (1, 0)
    assert stored_bytes(blobs) < 60 * 4_100
    assert [blobs.read_all(file) for file in files[:60]] == [noise(4_000, n) for n in range(60)]
    assert_sound(blobs)


def test_a_pack_more_than_half_alive_is_left(blobs):
    files = put(blobs, *(noise(4_000, n) for n in range(200)))
    report = sweep(blobs, *files[:150])
    assert (report.rewritten_packs, report.deleted_packs, report.freed_bytes) == (0, 0, 0)


def test_many_small_packs_become_few(store):
    alive = []
    for n in range(10):
        alive += put(store.blobs, noise(2_000, n))
        store.reopen()
    assert len(store.packs()) == 10
    sweep(store.blobs, *alive)
    assert len(store.packs()) == 1
    assert [store.blobs.read_all(content) for content in alive] == [noise(2_000, n) for n in range(10)]
    assert_sound(store.blobs)


def test_what_is_swept_can_be_written_again(blobs):
    put(blobs, noise(2_000_000))
    sweep(blobs)
    assert stored_bytes(blobs) == 0
    (again,) = put(blobs, noise(2_000_000))
    assert blobs.read_all(again) == noise(2_000_000)


def test_an_open_upload_keeps_what_it_wrote_and_what_it_found(blobs):
    put(blobs, noise(300_000, 1))
    with blobs.upload() as upload:
        upload.write(noise(300_000, 1))
        found = upload.end_file()
        upload.write(noise(300_000, 2))
        written = upload.end_file()
        upload.sync()
        report = sweep(blobs)
        assert report.pinned_packs > 0
        assert blobs.read_all(found) == noise(300_000, 1)
        assert blobs.read_all(written) == noise(300_000, 2)
    assert sweep(blobs).freed_bytes > 600_000
    assert stored_bytes(blobs) == 0


def test_an_upload_that_ends_between_mark_and_sweep_keeps_its_chunks(blobs):
    put(blobs, noise(300_000, 1))
    with Collection(blobs) as collection:
        with blobs.upload() as upload:  # its commit would be newer than the snapshot that was marked
            upload.write(noise(300_000, 1))
            content = upload.end_file()
            upload.sync()
        report = collection.sweep()
    assert report.pinned_packs == 1
    assert blobs.read_all(content) == noise(300_000, 1)


def test_an_upload_after_the_sweep_writes_again_what_it_would_have_found(blobs):
    put(blobs, noise(300_000, 1))
    with Collection(blobs) as collection:
        collection.sweep()
        (content,) = put(blobs, noise(300_000, 1))
    assert blobs.read_all(content) == noise(300_000, 1)
    assert_sound(blobs)


def test_keep_holds_an_existing_content(blobs):
    (content,) = put(blobs, noise(300_000, 1))
    with blobs.upload() as upload:
        upload.keep(content)
        sweep(blobs)
        assert blobs.read_all(content) == noise(300_000, 1)
    sweep(blobs)
    with blobs.upload() as upload, pytest.raises(NotFound):
        upload.keep(content)


def test_readers_follow_chunks_that_move(blobs):
    files = put(blobs, *(noise(40_000, n) for n in range(24)))
    large = put(blobs, noise(900_000, 99))
    alive = [*files[::3], *large]
    stop, failures = threading.Event(), []

    def read():
        while not stop.is_set():
            for n, content in enumerate(files[::3]):
                if blobs.read_all(content) != noise(40_000, 3 * n):
                    failures.append(n)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(5):
            sweep(blobs, *alive)
    finally:
        stop.set()
        reader.join()
    assert failures == []
    assert blobs.read_all(large[0]) == noise(900_000, 99)


def test_a_second_copy_that_is_not_durable_yet_counts_for_nothing(store, tmp_path):
    blobs, data = store.blobs, noise(20_000)
    alive, _ = put(blobs, data, noise(300_000, 1))
    with Collection(blobs) as collection:
        collection.mark_all(blobs.hashes(alive))
        # As two uploads do that meet the same new chunk at once.
        again = make_record(CHUNKS, [(alive.hash, data)], None)
        blobs.packs.append([again], blobs.leases.grant())
        report = collection.sweep()
        assert report.rewritten_packs == 1
        shutil.copytree(store.folder / "objects", tmp_path / "crashed" / "objects")
        blobs.database.backup(tmp_path / "crashed" / "db.sqlite")
    crashed = type(store)(tmp_path / "crashed")
    assert crashed.blobs.read_all(alive) == data
    assert_sound(crashed.blobs)
    crashed.close()
    blobs.packs.append([again], blobs.leases.grant())
    assert_sound(blobs)


def test_only_one_maintenance_at_a_time(blobs):
    with Collection(blobs), pytest.raises(Conflict, match="check cannot run while gc does"):
        list(check(blobs))
    with Collection(blobs):
        pass


@pytest.mark.parametrize("moment", ["gc.copied", "gc.forgotten"])
def test_a_sweep_that_fails_half_way_is_finished_by_the_next(store, moment):
    files = put(store.blobs, *(noise(4_000, n) for n in range(200)))
    failpoints.arm(f"{moment}=full")
    with pytest.raises(Unavailable, match="disk is full"):
        sweep(store.blobs, *files[:20])
    assert_sound(store.blobs)
    blobs = store.reopen()
    sweep(blobs, *files[:20])
    assert stored_bytes(blobs) < 20 * 4_100
    assert [blobs.read_all(file) for file in files[:20]] == [noise(4_000, n) for n in range(20)]
