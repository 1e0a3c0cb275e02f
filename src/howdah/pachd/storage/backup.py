"""A copy of a whole store while it runs, and back.

The database's snapshot is taken first and the packs are copied after it: packs only grow, and gc waits,
so everything that the snapshot refers to is in the copy. The copy is a store like any other.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from howdah.errors import AlreadyExists, NotFound
from howdah.pachd.storage import tables
from howdah.pachd.storage.blobs import FORMAT, FORMAT_OBJECT, Blobs
from howdah.pachd.storage.durability import sync_file, sync_folder
from howdah.pachd.storage.files import LocalObjects
from howdah.pachd.storage.objects import Objects
from howdah.pachd.storage.packs import name_of
from howdah.pachd.storage.progress import Progress, unwatched

DATABASE, OBJECTS = "pachd.sqlite", "objects"
"""What a store's folder holds."""

_PIECE_BYTES = 8 << 20


def backup(blobs: Blobs, folder: Path, progress: Progress = unwatched) -> None:
    """Copy the store to `folder`, which must not exist; it appears when it is complete and durable.
    Uploads and reads go on; Conflict when gc, a check or another backup runs."""
    if folder.exists():
        raise AlreadyExists(f"{folder} exists already; name a new folder for the backup")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    with blobs.maintenance("backup"):
        try:  # inside: as soon as another may begin, the folder is its
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir(parents=True, mode=0o700)
            blobs.database.backup(unfinished / DATABASE)
            _copy_packs(blobs, unfinished / OBJECTS, progress)
            sync_folder(unfinished)
            unfinished.rename(folder)
            sync_folder(folder.parent)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def restore(source: Path, folder: Path, progress: Progress = unwatched) -> None:
    """Make `folder`, which must not exist, a store with the state of the backup `source`. The backup
    stays as it is. Check the restored store before relying on it."""
    if not (source / DATABASE).is_file() or not (source / OBJECTS / FORMAT_OBJECT).is_file():
        raise NotFound(f"{source} is not a backup: it lacks {DATABASE} or {OBJECTS}/{FORMAT_OBJECT}")
    if folder.exists():
        raise AlreadyExists(f"{folder} exists already; move it away or restore elsewhere")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    total = sum(path.stat().st_size for path in source.rglob("*") if path.is_file())

    def copied(here: str, there: str) -> None:
        shutil.copy2(here, there)
        with Path(there).open("rb") as file:
            sync_file(file.fileno())
            progress(os.fstat(file.fileno()).st_size, total)

    shutil.rmtree(unfinished, ignore_errors=True)
    try:
        shutil.copytree(source, unfinished, copy_function=copied)
        for path in unfinished.rglob("*"):
            if path.is_dir():
                sync_folder(path)
        sync_folder(unfinished)
        unfinished.rename(folder)
        sync_folder(folder.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _copy_packs(blobs: Blobs, folder: Path, progress: Progress) -> None:
    with blobs.database.read() as connection:
        packs = tables.packs(connection)
    with closing(LocalObjects(folder)) as copies:
        copies.put(FORMAT_OBJECT, FORMAT)
        for pack, length in packs.items():
            if length:  # a pack without acknowledged bytes is only waiting for gc
                for count in _copy(blobs.objects, copies, name_of(pack), length):
                    progress(count, sum(packs.values()))


def _copy(source: Objects, target: Objects, name: str, length: int) -> Iterator[int]:
    """Gives how many bytes each piece had, once it is written."""
    writer = target.create(name)
    try:
        for start in range(0, length, _PIECE_BYTES):
            piece = source.get(name, start, min(_PIECE_BYTES, length - start))
            writer.write([piece])
            yield len(piece)
        writer.sync()
    finally:
        writer.close()
