"""The store against the model: any order of any operations, gc, check, reopening and crashes among them."""

import copy
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from store_model import FINISHED, FINISHING, OPEN, Branch, Key, Model, Op, Refused

from howdah.core.refs import BranchRef, CommitId, CommitRef, CommitSpec, RepoRef, new_commit_id
from howdah.errors import HowdahError
from howdah.pachd.storage.backup import backup
from howdah.pachd.versions import Transaction, Versions, tables
from howdah.pachd.versions.check import check
from howdah.pachd.versions.files.session import FileSession
from howdah.pachd.versions.finish import finish_one
from howdah.pachd.versions.gc import collect_garbage
from howdah.pachd.versions.opening import OpenStore

REPOS = ["a", "b", "c"]
BRANCHES = ["master", "dev"]
PATHS = ["/f", "/f/g", "/d/x", "/d/y", "/d-z"]
FOLDERS = ["/", "/d/", "/f/"]
DATUMS = ["", "", "", "one", "two"]

keys = st.tuples(st.sampled_from(REPOS), st.sampled_from(BRANCHES))
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


def branch_ref(key: Key) -> BranchRef:
    return BranchRef(RepoRef(key[0]), key[1])


def commit_ref(key: Key) -> CommitRef:
    return CommitRef(RepoRef(key[0]), CommitId(key[1]))


def commit_key(ref: CommitRef) -> Key:
    return ref.repo.name, str(ref.id)


def play(session: FileSession, what: list[Op]) -> None:
    for op in what:
        if op.act == "put":
            session.put(op.path, op.data, op.datum)
        elif op.act == "append":
            session.append(op.path, op.data, op.datum)
        else:
            session.delete(op.path, op.datum)


type OfModel = Callable[[Model, str], object]
type OfStore = Callable[[Transaction], object]


class StoreMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="howdah-machine-"))
        self.generation = 0
        self.store = OpenStore(self.folder / "0")
        self.model = Model()

    @property
    def versions(self) -> Versions:
        return self.store.versions

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def both(
        self, of_model: Callable[[Model, str], object], of_store: Callable[[Transaction], object]
    ) -> None:
        """The same change to both, or neither. The model decides whether it may happen."""
        set_id = new_commit_id()
        trial = copy.deepcopy(self.model)
        try:
            of_model(trial, set_id)
        except Refused:
            with pytest.raises(HowdahError):
                self.versions.transact(of_store, id=set_id)
            return
        self.versions.transact(of_store, id=set_id)
        self.model = trial

    def some_commit(self, pick: int, *states: str) -> Key | None:
        found = sorted(key for key, commit in self.model.commits.items() if commit.state in states)
        # Ids are random and so their order: order by what does not depend on them.
        found.sort(key=lambda key: (key[0], list(self.model.commits).index(key)))
        return found[pick % len(found)] if found else None

    # -- the graph

    @rule(name=st.sampled_from(REPOS))
    def create_repo(self, name: str) -> None:
        def of_model(model: Model, _: str) -> None:
            if name in model.repos:
                raise Refused
            model.repos[name] = ""

        self.both(of_model, lambda tx: tx.create_repo(RepoRef(name)))

    @precondition(lambda self: len(self.model.repos) > 1)
    @rule(name=st.sampled_from(REPOS), force=st.booleans(), really=st.integers(0, 3))
    def delete_repo(self, name: str, force: bool, really: int) -> None:
        if name in self.model.repos and not really:
            self.both(
                lambda model, _: model.delete_repo(name, force),
                lambda tx: tx.delete_repo(RepoRef(name), force),
            )

    @rule(
        key=keys,
        provenance=st.lists(keys, max_size=2, unique=True),
        never=st.booleans(),
        pick=st.none() | st.integers(0, 9),
    )
    def create_branch(self, key: Key, provenance: list[Key], never: bool, pick: int | None) -> None:
        head = None if pick is None else self.some_commit(pick, OPEN, FINISHING, FINISHED)
        if head is not None and head[0] != key[0]:
            head = None
        wanted = {up for up in provenance if up[0] != key[0]}
        if not {key[0], *(repo for repo, _ in wanted)} <= self.model.repos.keys():
            return
        not_from = frozenset(wanted if never else ())
        self.both(
            lambda model, set_id: model.create_branch(key, set_id, head, tuple(sorted(wanted)), not_from),
            lambda tx: tx.create_branch(
                branch_ref(key),
                head=None if head is None else commit_ref(head),
                provenance=[branch_ref(up) for up in wanted],
                never=[branch_ref(up) for up in not_from],
            ),
        )

    @rule(key=keys, force=st.booleans())
    def delete_branch(self, key: Key, force: bool) -> None:
        if key in self.model.branches:
            self.both(
                lambda model, _: model.delete_branch(key, force),
                lambda tx: tx.delete_branch(branch_ref(key), force),
            )

    # -- commits

    @rule(wanted=st.lists(keys, min_size=1, max_size=2, unique=True))
    def start(self, wanted: list[Key]) -> None:
        if not {repo for repo, _ in wanted} <= self.model.repos.keys():
            return

        def of_model(model: Model, set_id: str) -> None:
            # Propagation comes once, at the end of the transaction.
            later, model.propagate = model.propagate, lambda moved, set_id: None  # type: ignore[method-assign]
            for key in wanted:
                model.start(key, set_id)
            del model.propagate
            later.__func__(model, wanted, set_id)

        self.both(of_model, lambda tx: [tx.start_commit(branch_ref(key)) for key in wanted])

    @rule(pick=st.integers(0, 99), error=st.sampled_from(["", "", "bad"]))
    def finish(self, pick: int, error: str) -> None:
        key = self.some_commit(pick, OPEN)
        if key is None:
            return

        def of_model(model: Model, _: str) -> None:
            model.commits[key].state, model.commits[key].error = FINISHING, error

        self.both(of_model, lambda tx: tx.finish_commit(commit_ref(key), error=error))

    @rule()
    def let_finish(self) -> None:
        changed = True
        while changed:
            with self.versions.view() as view:
                rows = tables.commits_finishing(view.connection)
            done = [finish_one(self.versions, row) for row in rows]
            changed = any(done)
        self.model.finish_all()

    @rule(pick=st.integers(0, 99))
    def clear(self, pick: int) -> None:
        key = self.some_commit(pick, OPEN)
        if key is not None:
            self.both(
                lambda model, _: model.commits[key].ops.clear(), lambda tx: tx.clear_commit(commit_ref(key))
            )

    @rule(pick=st.integers(0, 99), whole=st.booleans())
    def squash(self, pick: int, whole: bool) -> None:
        self.remove(pick, whole, lambda model, key: not model.children(key), "squash")

    @rule(pick=st.integers(0, 99), whole=st.booleans())
    def drop(self, pick: int, whole: bool) -> None:
        self.remove(pick, whole, lambda model, key: bool(model.children(key)), "drop")

    def remove(self, pick: int, whole: bool, refuses: Callable[[Model, Key], bool], verb: str) -> None:
        start = self.some_commit(pick, OPEN, FINISHING, FINISHED)
        if start is None:
            return
        with self.versions.view() as view:
            order = [commit_key(info.ref) for info in view.commit_set(start[1], aliases=False).commits]

        def of_model(model: Model, set_id: str) -> None:
            below = model.subvenance(start)
            if whole:
                doomed = order
                if any(model.subvenance(key) - set(order) for key in order):
                    raise Refused
            else:
                doomed = [start, *(commit_key(info.ref) for info in nearest)]
            assert whole or set(doomed) == {start} | below
            if any(refuses(model, key) for key in doomed):
                raise Refused
            model.remove(doomed, set_id)

        with self.versions.view() as view:
            nearest = view.commit_provenance(commit_ref(start), downstream=True)
        if whole:
            self.both(of_model, lambda tx: getattr(tx, f"{verb}_commit_set")(start[1]))
        else:
            self.both(of_model, lambda tx: getattr(tx, f"{verb}_commit")(commit_ref(start), recursive=True))

    # -- files

    @rule(pick=st.integers(0, 99), what=ops)
    def write(self, pick: int, what: list[Op]) -> None:
        key = self.some_commit(pick, OPEN)
        if key is not None:
            with self.versions.modify(commit_ref(key)) as session:
                play(session, what)
            self.model.commits[key].ops += what

    @rule(key=keys, what=ops, at_once=st.booleans())
    def write_to_branch(self, key: Key, what: list[Op], at_once: bool) -> None:
        self.versions.finishes_at_once = at_once
        if key[0] not in self.model.repos:
            return
        target = CommitSpec(RepoRef(key[0]), key[1])
        branch: Branch | None = self.model.branches.get(key)
        if branch is not None and self.model.commits[branch.head].state == OPEN:
            with self.versions.modify(target) as session:
                play(session, what)
            self.model.commits[branch.head].ops += what
            return
        trial = copy.deepcopy(self.model)
        try:
            trial.start(key, "made")
        except Refused:
            with pytest.raises(HowdahError), self.versions.modify(target) as session:
                play(session, what)
            return
        with self.versions.modify(target) as session:
            play(session, what)
        assert session.commit is not None
        made = self.model.commits[self.model.start(key, session.commit.id)]
        made.ops, made.state = list(what), FINISHING
        with self.versions.view() as view:
            if view.commit(session.commit).finished:
                assert at_once and self.model.finish_one(made)

    @rule(pick=st.integers(0, 99), parts=st.lists(ops, min_size=1, max_size=2))
    def add_fileset(self, pick: int, parts: list[list[Op]]) -> None:
        key = self.some_commit(pick, OPEN)
        if key is None:
            return
        ids = []
        for part in parts:
            with self.versions.prepare() as session:
                play(session, part)
                ids.append(self.versions.create_fileset(session))
        self.versions.add_fileset(commit_ref(key), self.versions.compose_filesets(ids))
        self.model.commits[key].ops += [op for part in parts for op in part]

    @rule(pick=st.integers(0, 99))
    def abandon_a_write(self, pick: int) -> None:
        key = self.some_commit(pick, OPEN)
        if key is not None:
            with pytest.raises(ZeroDivisionError), self.versions.modify(commit_ref(key)) as session:
                session.put("/abandoned", os.urandom(1000))
                raise ZeroDivisionError

    # -- the house

    @rule(dry_run=st.booleans())
    def gc(self, dry_run: bool) -> None:
        assert collect_garbage(self.versions, dry_run=dry_run).damaged_packs == []
        self.check_data()

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = OpenStore(self.folder / str(self.generation))
        self.check_data()

    @rule()
    def crash(self) -> None:
        """The folder as it is on disk at this moment, without the process that wrote it."""
        old, self.generation = self.folder / str(self.generation), self.generation + 1
        shutil.copytree(old, self.folder / str(self.generation))
        self.store.close()
        shutil.rmtree(old)
        self.store = OpenStore(self.folder / str(self.generation))
        self.check_data()

    @rule()
    def restore_a_backup(self) -> None:
        old, self.generation = self.folder / str(self.generation), self.generation + 1
        backup(self.store.blobs, self.folder / str(self.generation))
        self.store.close()
        shutil.rmtree(old)
        self.store = OpenStore(self.folder / str(self.generation))
        self.check_data()

    def check_data(self) -> None:
        assert [str(finding) for finding in check(self.versions, data=True)] == []

    # -- what must hold after every step

    @invariant()
    def is_sound(self) -> None:
        assert [str(finding) for finding in check(self.versions)] == []

    @invariant()
    def is_the_same_graph(self) -> None:
        with self.versions.view() as view:
            assert {info.ref.name for info in view.repos()} == self.model.repos.keys()
            branches = {(info.ref.repo.name, info.ref.name): info for info in view.branches()}
            commits = {commit_key(info.ref): info for info in view.commits()}
        assert branches.keys() == self.model.branches.keys()
        for key, branch in self.model.branches.items():
            found = branches[key]
            assert commit_key(found.head) == branch.head
            assert {(ref.repo.name, ref.name) for ref in found.provenance} == self.model.full(key)
            assert {(ref.repo.name, ref.name) for ref in found.subvenance} == self.model.full(key, True)
        assert commits.keys() == self.model.commits.keys()
        for key, commit in self.model.commits.items():
            info = commits[key]
            state = FINISHED if info.finished else OPEN if info.open else FINISHING
            assert (state, info.origin) == (commit.state, commit.origin)
            assert info.error.partition(" (")[0] == commit.error
            assert (info.parent and commit_key(info.parent)) == commit.parent
            assert {commit_key(ref) for ref in info.children} == set(self.model.children(key))
            assert {commit_key(ref) for ref in info.direct_provenance} == set(commit.provenance)
            assert info.branch == (commit.branch[1] if commit.branch else "")

    @invariant()
    def holds_the_same_files(self) -> None:
        for key, commit in self.model.commits.items():
            expected = self.model.files(key)
            if commit.state == FINISHING or expected is None:
                continue
            files = self.versions.files(commit_ref(key))
            found = {file.path: b"".join(files.read(file)) for file in files.tree.files()}
            assert found == expected
            if commit.state == FINISHED:
                assert files.info.size_bytes == sum(map(len, expected.values()))


QUIET = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.mark.slow
def test_any_order_of_operations() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=15,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=QUIET,
        ),
    )


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_ten_thousand_steps() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=200,
            stateful_step_count=50,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=QUIET,
        ),
    )
