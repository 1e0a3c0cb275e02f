"""A disk without room: the error says so, what was acknowledged stays, and the store goes on afterwards."""

import contextlib
import random
import resource
import signal

import pytest

from howdah.core import failpoints
from howdah.errors import Unavailable
from howdah.pachd.storage.check import check


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


@contextlib.contextmanager
def no_file_beyond(size):
    """The system refuses to let any file grow further, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("size", [300_000, 3_000_000])
def test_a_pack_that_cannot_grow(store, size):
    (kept,) = put(store.blobs, noise(400_000, 1))
    with no_file_beyond(600_000), pytest.raises(Unavailable, match="disk is full"):
        put(store.blobs, noise(size, 2))
    assert store.blobs.read_all(kept) == noise(400_000, 1)
    (after,) = put(store.blobs, noise(size, 2))
    assert store.blobs.read_all(after) == noise(size, 2)
    assert list(check(store.blobs, data=True)) == []
    assert store.reopen().read_all(after) == noise(size, 2)


def test_an_index_that_cannot_grow(store):
    (kept,) = put(store.blobs, noise(400_000, 1))
    log = (store.folder / "db.sqlite-wal").stat().st_size
    files = [noise(200, n) for n in range(1000)]
    with no_file_beyond(max(log, 450_000)), store.blobs.upload() as upload, pytest.raises(Unavailable):
        while True:
            for data in files:
                upload.write(data)
                upload.end_file()
            upload.sync()
            files = [noise(200, random.random()) for _ in files]
    (after,) = put(store.blobs, noise(300_000, 3))
    blobs = store.reopen()
    assert [blobs.read_all(kept), blobs.read_all(after)] == [noise(400_000, 1), noise(300_000, 3)]
    assert list(check(blobs, data=True)) == []


@pytest.mark.parametrize(
    "moment", ["packs.appended", "packs.synced", "packs.indexed", "database.before_commit"]
)
def test_a_failure_at_each_step_of_a_sync(store, moment):
    (kept,) = put(store.blobs, noise(400_000, 1))
    failpoints.arm(f"{moment}=full")
    with pytest.raises(Unavailable, match="disk is full"):
        put(store.blobs, noise(100_000, 2))
    (again,) = put(store.blobs, noise(100_000, 2))
    blobs = store.reopen()
    assert [blobs.read_all(kept), blobs.read_all(again)] == [noise(400_000, 1), noise(100_000, 2)]
    assert list(check(blobs, data=True)) == []


class FailingSync:
    """A writer whose disk forgets what it was given since the last sync."""

    def __init__(self, writer):
        self._writer = writer
        self.write, self.close = writer.write, writer.close

    def sync(self):
        raise Unavailable("the disk reports an error")


def test_after_a_failed_sync_nobody_relies_on_the_pack(store, monkeypatch):
    blobs = store.blobs
    create = blobs.objects.create
    with blobs.upload() as first, blobs.upload() as second, blobs.upload() as third:
        with monkeypatch.context() as patch:
            patch.setattr(blobs.objects, "create", lambda name: FailingSync(create(name)))
            for upload in (first, second):  # the second finds what the first wrote
                upload.write(noise(300_000))
                upload.end_file()
            with pytest.raises(Unavailable, match="reports an error"):
                first.sync()
        for upload in (first, second):
            with pytest.raises(Unavailable, match="failed to keep"):
                upload.sync()
        third.write(noise(300_000))
        content = third.end_file()
        third.sync()
    assert store.reopen().read_all(content) == noise(300_000)
    assert list(check(store.blobs, data=True)) == []


def test_after_a_failed_sync_of_several_packs_nobody_relies_on_them(store, monkeypatch):
    """Those that are full and sealed fail like the one that is written to; the store goes on."""
    blobs = store.blobs
    (kept,) = put(blobs, noise(400_000, 1))
    blobs.packs.seal()
    create = blobs.objects.create
    with blobs.upload() as upload:
        with monkeypatch.context() as patch:
            patch.setattr(blobs.objects, "create", lambda name: FailingSync(create(name)))
            with pytest.raises(Unavailable, match=r"reports an error|failed to keep"):
                for seed in range(40):  # the packs of this store hold a megabyte
                    upload.write(noise(300_000, 10 + seed))
                    upload.end_file()
                upload.sync()
        with pytest.raises(Unavailable):
            upload.sync()
    (after,) = put(blobs, noise(3_000_000, 2))
    blobs = store.reopen()
    assert [blobs.read_all(kept), blobs.read_all(after)] == [noise(400_000, 1), noise(3_000_000, 2)]
    assert list(check(blobs, data=True)) == []


@pytest.mark.parametrize("moment", ["files.opening", "files.reading"])
@pytest.mark.parametrize(("error", "words"), [("broken", "reports an error"), ("no_files", "too many open")])
def test_a_read_that_the_disk_refuses_says_so_and_succeeds_later(store, moment, error, words):
    (content,) = put(store.blobs, noise(400_000, 1))
    blobs = store.reopen()
    failpoints.arm(f"{moment}={error}")
    with pytest.raises(Unavailable, match=words):
        blobs.read_all(content)
    assert blobs.read_all(content) == noise(400_000, 1)
