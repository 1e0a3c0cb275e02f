"""A state folder looked after: check, collect garbage, back up, restore.

Whoever holds the folder's lock does it: a running daemon, which is asked through a socket in the folder
(`door`), or else the process that asks. A backup is the store as it was, and beside it what the
serving engine has been told; settings and tokens stay behind.
"""

import shutil
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event
from typing import Protocol

from howdah.core.json import Json, JsonObject
from howdah.daemon import door
from howdah.errors import AlreadyExists, Conflict, Invalid, NotFound, Unavailable
from howdah.pachd.pipelines.tables import SCHEMA as PIPELINES
from howdah.pachd.storage import backup as copies
from howdah.pachd.storage.database import Database
from howdah.pachd.storage.durability import sync_file, sync_folder
from howdah.pachd.storage.files import LocalObjects
from howdah.pachd.storage.lock import FileLock, FolderInUse
from howdah.pachd.storage.progress import Progress, unwatched
from howdah.pachd.storage.rebuild import rebuild_index
from howdah.pachd.storage.tables import SCHEMA as STORAGE
from howdah.pachd.versions import Versions, gc
from howdah.pachd.versions import check as checking
from howdah.pachd.versions.opening import OpenStore, refuse_lost_database
from howdah.seldon import tables as serving_tables

PACHD, SELDON = "pachd", "seldon"
SERVING = "seldon.db"
"""What the serving engine was told."""


@dataclass(frozen=True, slots=True)
class Freed:
    bytes: int
    packs: int
    damaged: tuple[str, ...]
    """Packs left alone because something is wrong with them."""


class Upkeep(Protocol):
    """Beside readers and writers. Each raises Conflict while another of them runs."""

    def check(self, data: bool) -> Iterator[str]:
        """Everything that is wrong, in sentences."""
        ...

    def collect(self, dry_run: bool) -> Freed: ...

    def back_up(self, target: Path) -> None:
        """`target` must not exist; it appears whole and durable, or not at all."""
        ...


class Held:
    """By the process that has the store open."""

    def __init__(self, state: Path, versions: Versions, progress: Progress = unwatched) -> None:
        self._state, self._versions, self._progress = state, versions, progress

    def check(self, data: bool) -> Iterator[str]:
        yield from map(str, checking.check(self._versions, data=data, progress=self._progress))

    def collect(self, dry_run: bool) -> Freed:
        report = gc.collect_garbage(self._versions, dry_run=dry_run, progress=self._progress)
        packs = report.deleted_packs + report.rewritten_packs
        return Freed(report.freed_bytes, packs, tuple(report.damaged_packs))

    def back_up(self, target: Path) -> None:
        if target.exists():
            raise AlreadyExists(f"{target} exists", remedy="Name a new folder.")
        unfinished = target.with_name(f".{target.name}.unfinished")
        try:
            unfinished.mkdir(parents=True, mode=0o700)
        except FileExistsError:
            raise Conflict(
                f"a backup to {target} was begun already",
                why=f"{unfinished} is there: the backup still runs, or it was killed.",
                remedy="Wait for it. If none runs, remove that folder.",
            ) from None
        try:
            copies.backup(self._versions.blobs, unfinished / PACHD, self._progress)
            self._back_up_serving(unfinished / SELDON)
            sync_folder(unfinished)
            unfinished.rename(target)
            sync_folder(target.parent)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _back_up_serving(self, target: Path) -> None:
        target.mkdir(mode=0o700)
        source = self._state / SELDON / SERVING
        if source.exists():
            serving_tables.back_up(source, target / SERVING)
            _sync(target / SERVING)
        sync_folder(target)


def until(stop: Event) -> Progress:
    """Ends what is being done, once the event is set."""

    def progress(count: int, total: int) -> None:
        if stop.is_set():
            raise Unavailable(
                "the daemon stops, and so does what it was asked to do",
                remedy="Ask again: without a daemon the command does it itself.",
            )

    return progress


class Asked:
    """By the daemon that runs on the folder."""

    def __init__(self, state: Path, in_use: FolderInUse) -> None:
        self._state, self._in_use = state, in_use

    def check(self, data: bool) -> Iterator[str]:
        yield from map(str, self._ask("check", data=data))

    def collect(self, dry_run: bool) -> Freed:
        match list(self._ask("gc", dry_run=dry_run)):
            case [{"bytes": int(freed), "packs": int(packs), "damaged": list(damaged)}]:
                return Freed(freed, packs, tuple(map(str, damaged)))
        raise Invalid("the daemon answered in a way that is not known here", remedy=_ANOTHER_VERSION)

    def back_up(self, target: Path) -> None:
        list(self._ask("backup", target=str(target)))

    def _ask(self, act: str, **arguments: Json) -> Iterator[Json]:
        try:
            yield from door.ask(self._state, act, **arguments)
        except door.NobodyAnswers:
            raise Conflict(
                f"{self._state} is held by a process that does not answer",
                why=str(self._in_use),
                remedy="A daemon that starts or stops is soon done: try again.",
            ) from None


_ANOTHER_VERSION = "It runs another version of Howdah: `howdah down`, then `howdah up`."


def answer(upkeep: Upkeep, asked: JsonObject) -> Generator[Json]:
    """The other side of `Asked`: what is answered at the daemon's door."""
    match asked:
        case {"act": "check", "data": bool(data)}:
            yield from upkeep.check(data)
        case {"act": "gc", "dry_run": bool(dry_run)}:
            yield asdict(upkeep.collect(dry_run))
        case {"act": "backup", "target": str(target)}:
            upkeep.back_up(Path(target))
        case _:
            raise Invalid("the daemon does not know what it was asked to do", remedy=_ANOTHER_VERSION)


@contextmanager
def at(state: Path, progress: Progress = unwatched) -> Iterator[Upkeep]:
    """Whoever may look after this folder: the daemon that runs on it or, for this long, this process,
    which alone tells how far it is."""
    _check_holds_store(state)
    with ExitStack() as stack:
        try:
            stack.callback(FileLock(state / "lock").close)
        except FolderInUse as error:
            yield Asked(state, error)
            return
        store = stack.enter_context(OpenStore(state / PACHD, schemas=[PIPELINES]))
        yield Held(state, store.versions, progress)


def reindex(state: Path) -> None:
    """Learn anew from the packs where everything lies. Conflict while a daemon runs; LostDatabase;
    NotFound where packs are missing."""
    _check_holds_store(state)
    folder = state / PACHD
    refuse_lost_database(folder)
    with (
        closing(FileLock(state / "lock")),
        closing(Database(folder / copies.DATABASE, [STORAGE])) as database,
        closing(LocalObjects(folder / copies.OBJECTS)) as objects,
    ):
        rebuild_index(objects, database)


def _check_holds_store(state: Path) -> None:
    if not (state / PACHD).is_dir():
        raise NotFound(f"{state} holds no store", remedy="Name the state folder with --state.")


def restore(source: Path, state: Path, progress: Progress = unwatched) -> None:
    """Make `state`, which must not hold a store yet, what `source` is a backup of."""
    if not (source / PACHD).is_dir():
        raise NotFound(f"{source} is no backup of Howdah", remedy="Name a folder made by `howdah backup`.")
    if (state / PACHD).exists():
        raise AlreadyExists(
            f"{state} holds a store already", remedy="Move it away, or restore to another with --state."
        )
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with closing(FileLock(state / "lock")):
        _restore_serving(source / SELDON, state / SELDON)
        copies.restore(source / PACHD, state / PACHD, progress)


def _restore_serving(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True, mode=0o700)
    for path in source.glob(f"{SERVING}*"):  # older backups have a -wal file, too
        shutil.copy2(path, target)
        _sync(target / path.name)
    sync_folder(target)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        sync_file(file.fileno())
