"""Blocks that are kept only as long as somebody looks at them."""

import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from howdah.pachd.storage.content import Hash, hash_of
from howdah.pachd.storage.faults import told_as_unavailable
from howdah.pachd.storage.trees.nodes import Blocks


class Scratch:
    """Reads through to other blocks; what is put stays here, in an unnamed file, and goes with it.
    Unavailable where `folder` has no room for it."""

    def __init__(self, below: Blocks, folder: Path) -> None:
        self._below = below
        self._folder = folder
        self._places: dict[Hash, tuple[int, int]] = {}
        self._end = 0
        self._lock = Lock()
        self._file = tempfile.SpooledTemporaryFile[bytes](4 << 20, dir=str(folder))
        # Readers hold views for as long as they like, in any thread: the last one's end is the file's.
        weakref.finalize(self, self._file.close)

    def get(self, hash: Hash) -> bytes:
        with self._lock:
            place = self._places.get(hash)
            if place is not None:
                with told_as_unavailable(self._folder):
                    self._file.seek(place[0])
                    return self._file.read(place[1])
        return self._below.get(hash)

    def get_all(self, hashes: Sequence[Hash]) -> list[bytes]:
        return [self.get(hash) for hash in hashes]

    def put(self, data: bytes) -> Hash:
        hash = hash_of(data)
        with self._lock, told_as_unavailable(self._folder):
            if hash not in self._places:
                self._file.seek(self._end)
                self._file.write(data)
                self._places[hash] = (self._end, len(data))
                self._end += len(data)
        return hash
