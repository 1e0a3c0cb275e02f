"""A state folder looked after while no daemon holds it: check, collect garbage, back up, restore.

Everything here takes the folder's lock, so that it fails with a Conflict that names the process while
a daemon runs. A backup is the store as it was, and beside it what the serving engine has been told;
settings and tokens stay behind.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from howdah.errors import AlreadyExists, Conflict, NotFound
from howdah.pachd.pipelines.tables import SCHEMA as PIPELINES
from howdah.pachd.storage import backup as copies
from howdah.pachd.storage.lock import FileLock, FolderInUse
from howdah.pachd.versions import check as checking
from howdah.pachd.versions import gc
from howdah.pachd.versions.opening import OpenStore

PACHD, SELDON = "pachd", "seldon"
SERVING = "seldon.db*"
"""What the serving engine was told; a daemon that was killed leaves a part of it in the -wal file."""


@dataclass(frozen=True, slots=True)
class Freed:
    bytes: int
    packs: int
    damaged: tuple[str, ...]
    """Packs left alone because something is wrong with them."""


def check(state: Path, data: bool) -> Iterator[str]:
    """Everything that is wrong, in sentences."""
    with _opened(state) as store:
        yield from map(str, checking.check(store.versions, data=data))


def collect(state: Path, dry_run: bool) -> Freed:
    with _opened(state) as store:
        report = gc.collect_garbage(store.versions, dry_run=dry_run)
    packs = report.deleted_packs + report.rewritten_packs
    return Freed(report.freed_bytes, packs, tuple(report.damaged_packs))


def back_up(state: Path, target: Path) -> None:
    """`target` must not exist; it appears whole, or not at all."""
    target = target.absolute()
    if target.exists():
        raise AlreadyExists(f"{target} exists", remedy="Name a new folder.")
    unfinished = target.with_name(f".{target.name}.unfinished-{os.getpid()}")
    try:
        unfinished.mkdir(parents=True, mode=0o700)
        with _opened(state) as store:
            copies.backup(store.blobs, unfinished / PACHD)
            _copy_serving(state, unfinished)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def restore(source: Path, state: Path) -> None:
    """Make `state`, which must not hold a store yet, what `source` is a backup of."""
    if not (source / PACHD).is_dir():
        raise NotFound(f"{source} is no backup of Howdah", remedy="Name a folder made by `howdah backup`.")
    if (state / PACHD).exists():
        raise AlreadyExists(
            f"{state} holds a store already", remedy="Move it away, or restore to another with --state."
        )
    state.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(state):
        _copy_serving(source, state)
        copies.restore(source / PACHD, state / PACHD)


def _copy_serving(source: Path, target: Path) -> None:
    (target / SELDON).mkdir(exist_ok=True, mode=0o700)
    for path in (source / SELDON).glob(SERVING):
        if not path.name.endswith("-shm"):
            shutil.copy2(path, target / SELDON / path.name)


@contextmanager
def _opened(state: Path) -> Iterator[OpenStore]:
    if not (state / PACHD).is_dir():
        raise NotFound(f"{state} holds no store", remedy="Name the state folder with --state.")
    with ExitStack() as stack:
        stack.enter_context(_locked(state))
        yield stack.enter_context(OpenStore(state / PACHD, schemas=[PIPELINES]))


@contextmanager
def _locked(state: Path) -> Iterator[None]:
    try:
        lock = FileLock(state / "lock")
    except FolderInUse as error:
        raise Conflict(
            f"a daemon runs on {state}",
            why=str(error),
            remedy="Run `howdah down` first; `howdah check` also works beside a running daemon.",
        ) from error
    try:
        yield
    finally:
        lock.close()
