import pytest

from howdah.core import failpoints
from howdah.pachd.storage import tables
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.files import LocalObjects


class Store:
    """A store in a folder that tests may close, damage and open again."""

    def __init__(self, folder, **options):
        self.folder, self.options = folder, options
        self.open()

    def open(self, objects=None):
        self.database = Database(self.folder / "db.sqlite", [tables.SCHEMA])
        self.blobs = Blobs(objects or LocalObjects(self.folder / "objects"), self.database, **self.options)

    def close(self):
        self.blobs.close()
        self.database.close()

    def reopen(self):
        self.close()
        self.open()
        return self.blobs

    def packs(self):
        return sorted((self.folder / "objects" / "packs").glob("*"))


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path, pack_bytes=1 << 20)
    yield store
    failpoints.disarm_all()
    store.close()


@pytest.fixture
def blobs(store):
    return store.blobs
