"""Trees on blocks in memory, shared by a session: nothing in a store of blocks ever changes."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from howdah.errors import NotFound
from howdah.pachd.storage.content import Hash, hash_of
from howdah.pachd.storage.trees import NodeCache, Trees
from howdah.pachd.storage.trees.nodes import Nodes


class MemoryBlocks:
    def __init__(self) -> None:
        self.blocks: dict[Hash, bytes] = {}

    def get(self, hash: Hash) -> bytes:
        if hash not in self.blocks:
            raise NotFound(f"there is no block {hash.hex()}")
        return self.blocks[hash]

    def get_all(self, hashes: Sequence[Hash]) -> list[bytes]:
        return [self.get(hash) for hash in hashes]

    def put(self, data: bytes) -> Hash:
        hash = hash_of(data)
        self.blocks[hash] = data
        return hash


@pytest.fixture(scope="session")
def blocks() -> MemoryBlocks:
    return MemoryBlocks()


@pytest.fixture(scope="session")
def nodes(blocks: MemoryBlocks) -> Nodes:
    # A cache of next to nothing, so that what is read is what was encoded.
    return Nodes(blocks, NodeCache(200_000))


@pytest.fixture(scope="session")
def trees(blocks: MemoryBlocks, tmp_path_factory: pytest.TempPathFactory) -> Trees:
    folder: Path = tmp_path_factory.mktemp("sorting")
    return Trees(blocks, folder)
