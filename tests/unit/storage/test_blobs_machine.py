"""Every operation of the bytes against a dictionary, with gc, check, reopening and crashes as steps."""

import random
import shutil
import tempfile
from pathlib import Path

import pytest
from blake3 import blake3
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    rule,
    run_state_machine_as_test,
)

from howdah.pachd.storage import tables
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.check import check
from howdah.pachd.storage.collection import Collection
from howdah.pachd.storage.content import Content
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.files import LocalObjects
from howdah.pachd.storage.rebuild import rebuild_index

sizes = st.one_of(st.integers(0, 300), st.integers(0, 40_000), st.integers(0, 1_500_000))
seeds = st.integers(0, 3)


def bytes_of(seed, size):
    noise = random.Random(seed).randbytes(size)
    return noise if seed % 2 else (noise[:5_000] * (size // 5_000 + 1))[:size]


class BytesMachine(RuleBasedStateMachine):
    files = Bundle("files")

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp())
        self.model = {}
        self.open()

    def open(self):
        self.database = Database(self.folder / "db.sqlite", [tables.SCHEMA])
        self.blobs = Blobs(LocalObjects(self.folder / "objects"), self.database, pack_bytes=200_000)

    def close(self):
        self.blobs.close()
        self.database.close()

    def end(self, upload, data):
        content = upload.end_file()
        assert (content.size, content.hash) == (len(data), blake3(data).digest())
        upload.sync()
        self.model[content] = data
        return content

    @rule(target=files, seed=seeds, size=sizes, pieces=st.integers(1, 3))
    def put(self, seed, size, pieces):
        data = bytes_of(seed, size)
        with self.blobs.upload() as upload:
            for n in range(pieces):
                upload.write(data[n * size // pieces : (n + 1) * size // pieces])
            return self.end(upload, data)

    @rule(target=files, begun=files, seed=seeds, size=sizes)
    def extend(self, begun, seed, size):
        if begun not in self.model:
            return begun
        more = bytes_of(seed, size)
        with self.blobs.upload() as upload:
            upload.extend(begun)
            upload.write(more)
            return self.end(upload, self.model[begun] + more)

    @rule(content=files, start=sizes, length=sizes)
    def read(self, content, start, length):
        if content in self.model:
            assert (
                b"".join(self.blobs.read(content, start, length))
                == self.model[content][start : start + length]
            )

    @rule(content=consumes(files))
    def drop(self, content):
        self.model.pop(content, None)

    @rule()
    def collect(self):
        with Collection(self.blobs) as collection:
            for content in self.model:
                collection.mark_all(self.blobs.hashes(content))
            collection.sweep()

    @rule(seed=seeds, size=sizes)
    def give_up_an_upload(self, seed, size):
        with self.blobs.upload() as upload:
            upload.write(bytes_of(seed, size))
            upload.end_file()
            upload.put_block(bytes_of(seed, min(size, 9_000)))

    @rule(deep=st.booleans())
    def check(self, deep):
        assert list(check(self.blobs, data=deep)) == []

    @rule()
    def reopen(self):
        self.close()
        self.open()

    @rule(seed=seeds, size=sizes)
    def crash(self, seed, size):
        """Go on from a copy of the folder taken in the middle of an upload."""
        with self.blobs.upload() as upload:
            upload.write(bytes_of(seed, size))
            upload.end_file()
            copy = Path(tempfile.mkdtemp())
            shutil.copytree(self.folder, copy, dirs_exist_ok=True)
        self.close()
        shutil.rmtree(self.folder)
        self.folder = copy
        self.open()

    @rule()
    def lose_the_index(self):
        self.close()
        for left in self.folder.glob("db.sqlite*"):
            left.unlink()
        database = Database(self.folder / "db.sqlite", [tables.SCHEMA])
        rebuild_index(LocalObjects(self.folder / "objects"), database)
        database.close()
        self.open()

    def teardown(self):
        if hasattr(self, "blobs"):
            for content, data in self.model.items():
                assert self.blobs.read_all(Content.decode(content.encode())) == data
            assert list(check(self.blobs, data=True)) == []
            self.close()
            shutil.rmtree(self.folder)


def _run(examples, steps):
    run_state_machine_as_test(
        BytesMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_a_few_hundred_steps():
    _run(8, 25)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ten_thousand_steps():
    _run(200, 50)
