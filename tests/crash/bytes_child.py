"""Writes files until something kills it, and says on stdout what was acknowledged.

    bytes_child.py FOLDER FIRST_SEED FAILPOINTS

A line `seed size content` is printed only after the sync that covers it. Every few files gc runs with
everything acknowledged alive (before this life, in FOLDER/alive), so that its failpoints are met too.
"""

import random
import sys
from pathlib import Path

from howdah.core import failpoints
from howdah.pachd.storage import tables
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.collection import Collection
from howdah.pachd.storage.content import Content
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.files import LocalObjects

PACK_BYTES = 256 << 10
SIZES = (50, 900, 5_000, 40_000, 300_000, 1_200_000)


def noise(seed: int, size: int) -> bytes:
    return random.Random(f"{seed}/{size}").randbytes(size)


def open_store(folder: Path) -> tuple[Database, Blobs]:
    database = Database(folder / "db.sqlite", [tables.SCHEMA])
    return database, Blobs(LocalObjects(folder / "objects"), database, pack_bytes=PACK_BYTES)


def main(folder: Path, seed: int, armed: str) -> None:
    _, blobs = open_store(folder)
    failpoints.arm(armed)
    before = (folder / "alive").read_text().split()
    alive = [Content.decode(bytes.fromhex(content)) for content in before]
    while True:
        batch = []
        with blobs.upload() as upload:
            for _ in range(3):
                size = SIZES[seed % len(SIZES)]
                upload.write(noise(seed, size))
                batch.append((seed, size, upload.end_file()))
                seed += 1
            upload.sync()
        for written, size, content in batch:
            alive.append(content)
            sys.stdout.write(f"{written} {size} {content.encode().hex()}\n")
            sys.stdout.flush()
        if seed % 4 == 0:
            with blobs.upload() as garbage:
                garbage.write(noise(-seed, 400_000))
                garbage.end_file()
                garbage.sync()
            with Collection(blobs) as collection:
                for content in alive:
                    collection.mark_all(blobs.hashes(content))
                collection.sweep()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
