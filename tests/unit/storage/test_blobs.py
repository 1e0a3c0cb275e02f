import random
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from blake3 import blake3

from howdah.errors import Invalid, Unavailable
from howdah.pachd.storage import tables
from howdah.pachd.storage.blobs import Blobs, NewerStore
from howdah.pachd.storage.content import EMPTY, Content, hash_of
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.ingest import Ingest
from howdah.pachd.storage.objects import MemoryObjects
from howdah.pachd.storage.reader import MissingChunk

SIZES = [0, 1, 128, 129, 1000, 16 << 10, (16 << 10) + 1, 100_000, 700_000, (1 << 20) + 7, 3_000_000]


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


def stored_bytes(blobs):
    return sum(info.size for info in blobs.objects.list("packs/"))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_written_is_read_back(store, size):
    data = noise(size)
    (content,) = put(store.blobs, data)
    assert (content.size, content.hash) == (size, blake3(data).digest())
    assert store.blobs.read_all(content) == data
    assert store.reopen().read_all(Content.decode(content.encode())) == data


def test_empty_files_are_all_the_same(blobs):
    assert put(blobs, b"", b"") == [EMPTY, EMPTY]


@pytest.mark.parametrize("size", [100, 5_000, 1_500_000])
def test_ranges(blobs, size):
    data = noise(size)
    (content,) = put(blobs, data)
    for start, length in [
        (0, 1),
        (size - 1, 5),
        (size // 2, size),
        (size, 1),
        (size + 9, 1),
        (3, 0),
        (0, None),
    ]:
        end = size if length is None else start + length
        assert b"".join(blobs.read(content, start, length)) == data[start:end]
    with pytest.raises(Invalid, match="negative"):
        list(blobs.read(content, -1, 5))


@pytest.mark.parametrize("pattern", ["alone", "edited", "beside another", "compressible"])
def test_runs_are_what_reading_gives_wherever_the_chunks_lie(store, pattern):
    data = noise(5_000_000) if pattern != "compressible" else b"".join(b"%07d," % n for n in range(600_000))
    if pattern == "edited":  # some chunks lie in an older pack
        put(store.blobs, data)
        data = data[:1_000_000] + b"edit" + data[1_000_000:3_000_000] + b"more" + data[3_000_000:]
    if pattern == "beside another":
        with ThreadPoolExecutor(2) as pool:
            both = pool.map(lambda one: put(store.blobs, one), [data, noise(5_000_000, 9)])
            ((content,), _) = both
    else:
        (content,) = put(store.blobs, data)
    blobs = store.reopen()
    for start in (0, 1, 70_000, 2_500_000, len(data) - 1, len(data)):
        assert b"".join(blobs.runs(content, b"".join, start)) == data[start:]
    assert b"".join(blobs.read(content, 70_000, 3_000_000)) == data[70_000:3_070_000]


def test_the_content_does_not_depend_on_how_the_bytes_arrive(blobs):
    data = noise(3_000_000)
    (whole,) = put(blobs, data)
    with blobs.upload() as upload:
        for first in range(0, len(data), 777_777):
            upload.write(memoryview(bytearray(data[first : first + 777_777])))
        assert upload.end_file() == whole


def test_a_caller_may_reuse_its_buffer(blobs):
    buffer = bytearray(b"a" * 1000)
    with blobs.upload() as upload:
        upload.write(buffer)
        buffer[:] = b"b" * 1000
        content = upload.end_file()
        upload.sync()
    assert blobs.read_all(content) == b"a" * 1000


@pytest.mark.parametrize("size", [5_000, 2_000_000])
def test_the_same_bytes_are_stored_once(store, size):
    put(store.blobs, noise(size))
    before = stored_bytes(store.blobs)
    put(store.blobs, noise(size))
    assert stored_bytes(store.blobs) == before
    put(store.reopen(), noise(size))
    assert stored_bytes(store.blobs) == before


def test_the_same_set_of_small_files_in_another_order_is_stored_once(blobs):
    files = [noise(1024, n) for n in range(500)]
    put(blobs, *files)
    before = stored_bytes(blobs)
    put(blobs, *reversed(files))
    assert stored_bytes(blobs) == before


def test_an_insertion_costs_the_chunks_near_it(blobs):
    data = noise(3_000_000)
    put(blobs, data)
    before = stored_bytes(blobs)
    put(blobs, data[:1_000_000] + b"inserted" + data[1_000_000:])
    assert stored_bytes(blobs) - before < 600_000


def test_compressible_bytes_take_less_room_and_random_ones_no_more(blobs):
    put(blobs, b"the same line again and again\n" * 50_000)
    assert stored_bytes(blobs) < 150_000
    before = stored_bytes(blobs)
    put(blobs, noise(1_000_000))
    assert stored_bytes(blobs) - before < 1_005_000


def test_small_files_share_records(blobs):
    put(blobs, *(noise(1024, n) for n in range(1000)))
    assert stored_bytes(blobs) < 1000 * (1024 + 40) + 1000


@pytest.mark.parametrize("first", [0, 50, 5_000, 2_500_000])
@pytest.mark.parametrize("second", [0, 50, 700_000])
def test_extending_is_the_same_as_writing_it_all(blobs, first, second):
    head, tail = noise(first, 1), noise(second, 2)
    (begun, whole) = put(blobs, head, head + tail)
    with blobs.upload() as upload:
        upload.extend(begun)
        upload.write(tail)
        assert upload.end_file() == whole
        upload.write(tail)
        upload.extend(begun)
        appended = upload.end_file()
        upload.sync()
    assert blobs.read_all(appended) == tail + head


def test_extending_after_reopening_reads_what_it_must(store):
    data = noise(2_500_000)
    (begun, whole) = put(store.blobs, data, data + b"more")
    blobs = store.reopen()
    with blobs.upload() as upload:
        upload.extend(begun)
        upload.write(b"more")
        assert upload.end_file() == whole


def test_extending_a_file_of_the_same_upload(blobs):
    data = noise(300_000)
    with blobs.upload() as upload:
        upload.write(data)
        first = upload.end_file()
        upload.extend(first)
        upload.extend(first)
        second = upload.end_file()
        upload.sync()
    assert blobs.read_all(second) == data * 2


def test_copying_and_extending_small_files_of_the_same_upload_flushes_nothing(blobs):
    small = noise(1_000)
    key = blake3(small).digest()  # a tiny file whose bytes are another file's hash
    with blobs.upload() as upload:
        upload.write(small)
        first = upload.end_file()
        upload.write(key)
        tiny = upload.end_file()
        for content in (first, tiny):
            upload.keep(content)
            upload.extend(content)
        both = upload.end_file()
        assert stored_bytes(blobs) == 0
        upload.sync()
    assert blobs.read_all(both) == small + key


def test_blocks(store):
    with store.blobs.upload() as upload:
        hashes = [upload.put_block(noise(3_000, n)) for n in range(100)]
        assert upload.block(hashes[99]) == noise(3_000, 99)
        assert upload.put_block(noise(3_000, 5)) == hashes[5]
        upload.sync()
    assert [store.blobs.block(hash) for hash in hashes] == [noise(3_000, n) for n in range(100)]
    assert store.reopen().block(hashes[7]) == noise(3_000, 7)


def test_an_unknown_block_is_missing_by_name(blobs):
    with pytest.raises(MissingChunk, match=hash_of(b"no").hex()):
        blobs.block(hash_of(b"no"))


def test_hashes_name_everything_a_content_needs(blobs):
    tiny, small, large = put(blobs, b"x", noise(5_000), noise(3_000_000))
    assert list(blobs.hashes(tiny)) == []
    assert list(blobs.hashes(small)) == [small.hash]
    needed = list(blobs.hashes(large))
    assert needed[0] == large.root
    assert set(blobs.packs.find_durable(needed)) == set(needed)


def test_many_uploads_at_once(blobs):
    def one(n):
        (content,) = put(blobs, noise(300_000, n % 10) + bytes([n]))
        return content

    with ThreadPoolExecutor(16) as pool:
        contents = list(pool.map(one, range(40)))
    for n, content in enumerate(contents):
        assert blobs.read_all(content) == noise(300_000, n % 10) + bytes([n])


def test_a_closed_upload_refuses(blobs):
    upload = blobs.upload()
    upload.close()
    upload.close()
    with pytest.raises(Unavailable, match="begin another"):
        upload.write(b"x")
    with pytest.raises(Unavailable, match="begin another"):
        upload.sync()


@pytest.mark.parametrize("appends", [True, False])
def test_on_memory_objects(tmp_path, appends):
    database = Database(tmp_path / "db.sqlite", [tables.SCHEMA])
    blobs = Blobs(MemoryObjects(appends=appends), database, pack_bytes=1 << 20)
    first = put(blobs, noise(2_000_000), noise(100, 1), noise(5_000, 2))
    second = put(blobs, noise(3_000_000), noise(200, 1), noise(6_000, 2))
    read = [blobs.read_all(content) for content in first + second]
    assert read == [
        noise(2_000_000),
        noise(100, 1),
        noise(5_000, 2),
        noise(3_000_000),
        noise(200, 1),
        noise(6_000, 2),
    ]
    blobs.close()
    database.close()


def test_a_store_of_another_format_is_refused(store):
    store.close()
    (store.folder / "objects" / "format").write_bytes(b"howdah store 9\n")
    with pytest.raises(NewerStore, match="howdah store 9"):
        store.open()
    store.database.close()
    (store.folder / "objects" / "format").write_bytes(b"howdah store 1\n")
    store.open()


def test_packs_end_at_their_size_and_are_all_read(store):
    (content,) = put(store.blobs, noise(5_000_000))
    assert len(store.packs()) >= 4
    assert store.reopen().read_all(content) == noise(5_000_000)


def test_what_is_on_its_way_can_be_read(blobs, monkeypatch):
    go_on, store = threading.Event(), Ingest.store

    def held(*args, **options):
        go_on.wait(10)
        store(*args, **options)

    monkeypatch.setattr(Ingest, "store", held)
    data = [noise(600_000, seed) for seed in range(2)]
    with blobs.upload() as upload:
        hashes = [upload.put_block(each) for each in data]
        assert [upload.block(hash) for hash in hashes] == data
        assert upload.blocks(hashes[::-1]) == data[::-1]
        go_on.set()
        upload.sync()
    assert [blobs.block(hash) for hash in hashes] == data


def test_a_failure_on_the_way_reaches_the_writer(blobs, monkeypatch):
    def full(*_, **__):
        raise Unavailable("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(Ingest, "store", full)
        with blobs.upload() as upload:
            with pytest.raises(Unavailable, match="the disk is full"):
                for seed in range(4):
                    upload.put_block(noise(600_000, seed))
            with pytest.raises(Unavailable, match="begin another"):
                upload.sync()
    (content,) = put(blobs, noise(600_000))
    assert blobs.read_all(content) == noise(600_000)
