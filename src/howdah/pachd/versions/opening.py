"""A store in a folder: what has to be opened together, in which order it is closed.

pachd.sqlite     the database; its lock keeps a second process out
objects/         packs
scratch/         sorting; emptied at every start
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from howdah.core.clock import Clock
from howdah.errors import Corrupt
from howdah.pachd.storage import tables as storage_tables
from howdah.pachd.storage.backup import DATABASE, OBJECTS
from howdah.pachd.storage.blobs import FORMAT_OBJECT, Blobs
from howdah.pachd.storage.database import Database, Schema
from howdah.pachd.storage.durability import make_folder
from howdah.pachd.storage.files import LocalObjects
from howdah.pachd.versions.cron import CronTriggers
from howdah.pachd.versions.finish import Finisher
from howdah.pachd.versions.store import Versions
from howdah.pachd.versions.tables import SCHEMA

SCRATCH = "scratch"


class LostDatabase(Corrupt):
    """A folder with packs and without the database that says what is in them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path} is missing, and packs are there",
            why="Without it nobody knows what is stored: an empty one would have gc delete all packs.",
            remedy="Put it back, or restore a backup into a new state folder.",
        )


def refuse_lost_database(folder: Path) -> None:
    """A new store has its database before anything else."""
    if (folder / OBJECTS / FORMAT_OBJECT).exists() and not (folder / DATABASE).exists():
        raise LostDatabase(folder / DATABASE)


class OpenStore:
    """Opens or creates. Nothing happens by itself before `start`."""

    def __init__(self, folder: Path, clock: Clock | None = None, schemas: Sequence[Schema] = ()) -> None:
        """`schemas` are those of packages that keep their tables in the same database. Raises what
        `Database` and `Blobs` raise: FolderInUse, NewerVersion, NewerStore, Corrupt, Unavailable; and
        LostDatabase."""
        make_folder(folder)
        refuse_lost_database(folder)
        self._closing = ExitStack()
        try:
            self.database = Database(folder / DATABASE, [storage_tables.SCHEMA, SCHEMA, *schemas])
            self._closing.callback(self.database.close)
            scratch = folder / SCRATCH
            scratch.mkdir(mode=0o700, exist_ok=True)
            for left in scratch.iterdir():  # the folder itself stays: making it anew needs room
                left.unlink()
            self.blobs = Blobs(LocalObjects(folder / OBJECTS), self.database)
            self._closing.callback(self.blobs.close)
            self.versions = Versions(self.database, self.blobs, scratch, clock)
            self._closing.callback(self.versions.close)
        except BaseException:
            self._closing.close()
            raise

    def start(self) -> None:
        """Let commits finish, those included that were finishing when the store was last open, and
        let cron triggers tick."""
        self._closing.callback(Finisher(self.versions).close)
        self._closing.callback(CronTriggers(self.versions).close)

    def close(self) -> None:
        """After everything that uses the store has ended. Idempotent."""
        self._closing.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
