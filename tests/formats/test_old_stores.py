"""Every format of the store that was ever released must open, read and check clean."""

import contextlib
import json
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from howdah.pachd.storage import tables
from howdah.pachd.storage.blobs import FORMAT, FORMAT_OBJECT, Blobs
from howdah.pachd.storage.check import check
from howdah.pachd.storage.collection import Collection
from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.files import LocalObjects
from howdah.pachd.storage.rebuild import rebuild_index

STORES = sorted(Path(__file__).parent.glob("store-*"))


def words(seed, size):
    return (random.Random(seed).randbytes(700) * (size // 700 + 1))[:size]


FILES = {
    "empty": b"", "tiny": b"tiny\n", "small": random.Random(1).randbytes(900),
    "text": b"a line of text\n" * 300, "chunks": words(2, 400_000), "single": words(3, 16_384),
}  # fmt: skip


@pytest.fixture(params=STORES, ids=lambda path: path.name)
def folder(request, tmp_path):
    shutil.copytree(request.param, tmp_path / "store")
    return tmp_path / "store"


def assert_whole(folder):
    expected = json.loads((folder / "contents.json").read_text())
    block = Hash(bytes.fromhex(expected.pop("block")))
    database = Database(folder / "pachd.sqlite", [tables.SCHEMA])
    blobs = Blobs(LocalObjects(folder / "objects"), database)
    try:
        assert expected.keys() == FILES.keys()
        for name, data in FILES.items():
            assert blobs.read_all(Content.decode(bytes.fromhex(expected[name]))) == data
        assert blobs.block(block) == b"a block " * 20
        assert list(check(blobs, data=True)) == []
        with blobs.upload() as upload:  # what is written now is the same value, and found
            before = blobs.packs.find([block])
            for name, data in FILES.items():
                upload.write(data)
                assert upload.end_file().encode().hex() == expected[name]
            upload.put_block(b"a block " * 20)
            upload.sync()
            assert blobs.packs.find([block]) == before
        with Collection(blobs) as collection:
            collection.mark(block)
            for content in expected.values():
                collection.mark_all(blobs.hashes(Content.decode(bytes.fromhex(content))))
            collection.sweep()
        assert list(check(blobs, data=True)) == []
    finally:
        blobs.close()
        database.close()


def test_there_is_a_store_of_each_version():
    """Whoever gives the schema another version adds a store that was written in it."""
    found = []
    for path in STORES:
        place = f"{(path / 'pachd.sqlite').as_uri()}?immutable=1"
        with contextlib.closing(sqlite3.connect(place, uri=True)) as connection:
            found += connection.execute("SELECT version FROM schemas WHERE name = 'storage'").fetchone()
    assert found == list(range(1, tables.SCHEMA.version + 1))
    assert (STORES[-1] / "objects" / FORMAT_OBJECT).read_bytes() == FORMAT


def test_opens_reads_and_goes_on(folder):
    assert_whole(folder)


def test_the_packs_alone_are_enough(folder):
    (folder / "pachd.sqlite").unlink()
    database = Database(folder / "pachd.sqlite", [tables.SCHEMA])
    assert rebuild_index(LocalObjects(folder / "objects"), database) > 5
    database.close()
    assert_whole(folder)
