"""What the process that holds a store does for its upkeep."""

import random
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event

import pytest

from howdah.core.refs import BranchRef, RepoRef
from howdah.daemon.door import Door
from howdah.daemon.upkeep import PACHD, Asked, Held, Upkeep, answer, at, reindex, restore, until
from howdah.errors import Conflict, Unavailable
from howdah.pachd.storage.backup import DATABASE
from howdah.pachd.storage.lock import FileLock
from howdah.pachd.versions import Versions
from howdah.pachd.versions.opening import LostDatabase, OpenStore

RAW = RepoRef("raw")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    return folder


@pytest.fixture
def versions(state: Path) -> Iterator[Versions]:
    """With a file of 300,000 bytes in a commit that is open."""
    with OpenStore(state / PACHD) as store:
        store.versions.transact(lambda tx: tx.create_repo(RAW))
        ref = store.versions.transact(lambda tx: tx.start_commit(BranchRef(RAW, "master")))
        with store.versions.modify(ref) as session:
            session.put("/file", random.Random(1).randbytes(300_000))
        yield store.versions


def test_a_second_backup_to_the_same_folder_leaves_the_first_alone(
    state: Path, versions: Versions, tmp_path: Path
) -> None:
    copy, other = tmp_path / "copies" / "copy", tmp_path / "copies" / "other"
    refused = []

    def in_the_middle(count: int, total: int) -> None:
        for target, why in ((copy, "begun already"), (other, "cannot run while backup does")):
            with pytest.raises(Conflict, match=why):
                Held(state, versions).back_up(target)
            refused.append(target)

    Held(state, versions, in_the_middle).back_up(copy)
    assert refused
    assert list(copy.parent.iterdir()) == [copy]
    restore(copy, tmp_path / "again")
    with at(tmp_path / "again") as keeper:
        assert list(keeper.check(data=True)) == []


def test_what_a_killed_backup_left_is_named(state: Path, versions: Versions, tmp_path: Path) -> None:
    left = tmp_path / ".copy.unfinished"
    left.mkdir()
    with pytest.raises(Conflict) as raised:
        Held(state, versions).back_up(tmp_path / "copy")
    assert str(left) in raised.value.why
    assert left.exists()
    left.rmdir()
    Held(state, versions).back_up(tmp_path / "copy")


def test_nothing_is_made_in_place_of_a_lost_database(state: Path) -> None:
    with OpenStore(state / PACHD):
        pass
    (state / PACHD / DATABASE).unlink()
    with pytest.raises(LostDatabase):
        reindex(state)
    with pytest.raises(LostDatabase), at(state):
        pass
    assert not (state / PACHD / DATABASE).exists()


@pytest.mark.parametrize(
    "act",
    [
        lambda keeper, target: list(keeper.check(data=False)),
        lambda keeper, target: keeper.collect(dry_run=False),
        lambda keeper, target: keeper.back_up(target),
    ],
)
def test_what_is_being_done_can_be_ended(
    act: Callable[[Upkeep, Path], object], state: Path, versions: Versions, tmp_path: Path
) -> None:
    stop, target = Event(), tmp_path / "copies" / "copy"
    keeper = Held(state, versions, until(stop))
    stop.set()
    with pytest.raises(Unavailable, match="the daemon stops"):
        act(keeper, target)
    assert not target.parent.exists() or not list(target.parent.iterdir())
    stop.clear()
    act(keeper, target)


def test_walking_trees_can_be_ended_too(state: Path, versions: Versions) -> None:
    """It counts no bytes of packs, and takes long where there are many files."""
    told: list[tuple[int, int]] = []
    keeper = Held(state, versions, lambda count, total: told.append((count, total)))
    for act in (lambda: list(keeper.check(data=False)), lambda: keeper.collect(dry_run=True)):
        told.clear()
        act()
        assert (0, 0) in told


@pytest.mark.slow
def test_a_backup_to_where_nothing_can_be_written_says_so(
    state: Path, versions: Versions, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    with (
        closing(FileLock(state / "lock")),
        closing(Door(state, partial(answer, Held(state, versions)))),
        at(state) as keeper,
    ):
        assert isinstance(keeper, Asked)
        with pytest.raises(NotADirectoryError) as raised:
            keeper.back_up(tmp_path / "file" / "copy")
    assert str(tmp_path / "file") in raised.value.filename
