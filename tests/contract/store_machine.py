"""What the rules of the state machine share: the store, the model, and changes made to both."""

import copy
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from model_files import Op
from store_disk import Disk, database_on, objects_on
from store_model import FINISHED, FINISHING, OPEN, Key, Model, NewId, Refused

from howdah.core.refs import DEFAULT_PROJECT, BranchRef, CommitId, CommitRef, RepoRef
from howdah.errors import HowdahError
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.versions import Transaction, Versions, opening, tables
from howdah.pachd.versions import store as facade
from howdah.pachd.versions.check import check
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.finish import finish_one
from howdah.pachd.versions.opening import OpenStore

PROJECTS = ["p", "q"]
REPOS = ["a", "b", "p/c"]
BRANCHES = ["master", "dev", "live"]
PATHS = ["/f", "/f/g", "/d/x", "/d/y", "/d-z"]
DATUMS = ["", "", "", "one", "two"]
STATES = OPEN, FINISHING, FINISHED

picks = st.integers(0, 99)
keys = st.tuples(st.sampled_from(REPOS), st.sampled_from(BRANCHES))
labels = st.dictionaries(st.sampled_from(["team", "source"]), st.sampled_from(["red", "blue"]), max_size=2)
words = st.sampled_from(["", "what it is", "what it was"])
data = st.tuples(st.integers(0, 5), st.sampled_from([0, 3, 200, 40_000])).map(
    lambda pair: bytes([65 + pair[0]]) * pair[1]
)
ops = st.lists(
    st.one_of(
        st.builds(Op, st.just("put"), st.sampled_from(PATHS), st.sampled_from(DATUMS), data),
        st.builds(Op, st.just("append"), st.sampled_from(PATHS), st.sampled_from(DATUMS), data),
        st.builds(Op, st.just("delete"), st.sampled_from(PATHS), st.sampled_from(DATUMS)),
        st.builds(
            Op, st.just("delete folder"), st.sampled_from(["/", "/d/", "/f/"]), st.sampled_from(DATUMS)
        ),
    ),
    max_size=6,
)


def repo_ref(name: str) -> RepoRef:
    project, _, short = name.rpartition("/")
    return RepoRef(short, project=project or DEFAULT_PROJECT)


def repo_name(ref: RepoRef) -> str:
    return ref.name if ref.project == DEFAULT_PROJECT else f"{ref.project}/{ref.name}"


def branch_ref(key: Key) -> BranchRef:
    return BranchRef(repo_ref(key[0]), key[1])


def branch_key(ref: BranchRef) -> Key:
    return repo_name(ref.repo), ref.name


def commit_ref(key: Key) -> CommitRef:
    return CommitRef(repo_ref(key[0]), CommitId(key[1]))


def commit_key(ref: CommitRef) -> Key:
    return repo_name(ref.repo), str(ref.id)


def play(session: FileSession, what: list[Op]) -> None:
    for op in what:
        if op.act == "put":
            session.put(op.path, op.data, op.datum)
        elif op.act == "append":
            session.append(op.path, op.data, op.datum)
        else:
            session.delete(op.path, op.datum)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_700_000_000

    def now_ns(self) -> int:
        return self.now_s * 10**9

    def monotonic_s(self) -> float:
        return float(self.now_s)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="howdah-machine-"))
        self.places = 0
        self.place = self.new_place()
        self.clock = HandClock()
        self.disk = Disk()
        self.ids: list[str] = []
        self._patches = ExitStack()
        self._patches.enter_context(patch.object(facade, "new_commit_id", self.new_id))
        self._patches.enter_context(patch.object(opening, "LocalObjects", objects_on(self.disk)))
        self._patches.enter_context(patch.object(opening, "Database", database_on(self.disk)))
        # Packs so small that gc finds some without life.
        self._patches.enter_context(patch.object(opening, "Blobs", partial(Blobs, pack_bytes=2_000)))
        self.store = OpenStore(self.place, self.clock)
        self.model = Model(self.clock.now_s)
        self.acknowledged: list[Model] | None = None
        """Once a crash has been copied: the model as it was then, and after each change since."""

    def new_place(self) -> Path:
        self.places += 1
        return self.folder / str(self.places)

    def go_on_at(self, place: Path) -> None:
        """Open the store that is there, and forget the one that was open."""
        self.store.close()
        shutil.rmtree(self.place)
        self.place = place
        self.store = OpenStore(place, self.clock)
        self.check_data()

    @property
    def versions(self) -> Versions:
        return self.store.versions

    def teardown(self) -> None:
        self.disk.calm()
        self.store.close()
        self._patches.close()
        shutil.rmtree(self.folder)

    def new_id(self) -> CommitId:
        """The next commit set's: in order, so that a run can be repeated."""
        self.ids.append(f"{len(self.ids):012x}4{0:019x}")
        return CommitId(self.ids[-1])

    def watched[T](self, act: Callable[[], T]) -> tuple[T, NewId]:
        """Let the store act; what came of it, and what gives the ids that it drew, one by one."""
        first = len(self.ids)
        value = act()
        left = iter(self.ids[first:])
        return value, lambda: next(left)

    def both(
        self, of_model: Callable[[Model, str], object], of_store: Callable[[Transaction], object]
    ) -> None:
        """The same change to both, or neither. The model decides whether it may happen."""
        set_id = self.new_id()
        trial = copy.deepcopy(self.model)
        try:
            of_model(trial, set_id)
        except Refused:
            with pytest.raises(HowdahError):
                self.versions.transact(of_store, id=set_id)
            return
        self.versions.transact(of_store, id=set_id)
        self.model = trial
        self.changed()

    def changed(self) -> None:
        """Called whenever the store has acknowledged something and the model has followed."""
        if self.acknowledged is not None:
            self.acknowledged.append(copy.deepcopy(self.model))

    def refused(self, act: Callable[[], object]) -> None:
        with pytest.raises(HowdahError):
            act()

    def some_commit(self, pick: int, *states: str, repo: str | None = None) -> Key | None:
        found = [
            key
            for key, commit in self.model.commits.items()
            if commit.state in states and repo in (None, key[0])
        ]
        return found[pick % len(found)] if found else None

    def finishing(self) -> list[tuple[int, Key]]:
        with self.versions.view() as view:
            rows = tables.commits_finishing(view.connection)
            infos = [tables.commit_by_row(view.connection, row) for row in rows]
        return [(info.row, commit_key(info.ref)) for info in infos if info is not None]

    def finish_all(self) -> None:
        """Let commits finish until none can."""
        done = True
        while done:
            done = False
            for row, key in self.finishing():
                has_finished, ids = self.watched(partial(finish_one, self.versions, row))
                assert self.model.finish_one(key, ids) == has_finished
                self.changed()
                done |= has_finished

    def check_data(self) -> None:
        assert [str(finding) for finding in check(self.versions, data=True)] == []
