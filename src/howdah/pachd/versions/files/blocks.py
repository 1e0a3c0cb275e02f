"""Trees in the blob store: nodes are its blocks, written through an upload, read from anywhere."""

from collections.abc import Callable, Sequence
from pathlib import Path

from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.content import Content, Hash
from howdah.pachd.storage.trees import Trees
from howdah.pachd.storage.upload import Upload


class _Stored:
    def __init__(self, blobs: Blobs) -> None:
        self.get, self.get_all = blobs.block, blobs.blocks

    def put(self, data: bytes) -> Hash:
        raise RuntimeError("trees are written through an upload")


class _Uploading:
    def __init__(self, upload: Upload) -> None:
        self.get, self.get_all = upload.block, upload.blocks
        self.put = upload.put_block


def trees_in(blobs: Blobs, folder: Path) -> Trees:
    return Trees(_Stored(blobs), folder)


def through(trees: Trees, upload: Upload) -> Trees:
    """The same trees; what is written is durable with the upload's next sync."""
    return trees.on(_Uploading(upload))


def joining(upload: Upload) -> Callable[[Sequence[Content]], Content]:
    """How an append comes to be one file: the bytes are hashed again, and what is stored is used."""

    def concat(parts: Sequence[Content]) -> Content:
        for part in parts:
            upload.extend(part)
        return upload.end_file()

    return concat
