"""Writing, copying, filesets, and questions about files."""

import copy
import os

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from model_files import Op, copied
from store_machine import (
    PATHS,
    STATES,
    Machine,
    commit_key,
    commit_ref,
    keys,
    ops,
    picks,
    play,
    repo_ref,
)
from store_model import FINISHED, FINISHING, OPEN, Fileset, Key, Model, Refused

from howdah.core.refs import CommitId, CommitRef, CommitSpec, RepoRef
from howdah.errors import HowdahError
from howdah.pachd.versions import Cancel, Cancelled, CommitState, TimedOut
from howdah.pachd.versions.records import FILESETS_REPO

lives_s = st.sampled_from([1, 100, 600])
WAITED_FOR = {
    CommitState.STARTED: STATES,
    CommitState.FINISHING: STATES[1:],
    CommitState.FINISHED: STATES[2:],
}


class FileRules(Machine):
    # -- writing

    @rule(pick=picks, what=ops)
    def write(self, pick: int, what: list[Op]) -> None:
        key = self.some_commit(pick, OPEN) or self.some_commit(pick, *STATES)
        if key is None:
            return
        if self.model.commits[key].state != OPEN:
            self.refused(lambda: self.versions.modify(commit_ref(key)).__enter__())
            return
        with self.versions.modify(commit_ref(key)) as session:
            play(session, what)
        self.model.commits[key].ops += what
        self.changed()

    @rule(key=keys, what=ops, at_once=st.booleans())
    def write_to_branch(self, key: Key, what: list[Op], at_once: bool) -> None:
        self.versions.finishes_at_once = at_once
        if key[0] not in self.model.repos:
            return
        target = CommitSpec(repo_ref(key[0]), key[1])
        branch = self.model.branches.get(key)
        if branch is not None and self.model.commits[branch.head].state == OPEN:
            with self.versions.modify(target) as session:
                play(session, what)
            self.model.commits[branch.head].ops += what
            self.changed()
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
        made = self.model.start(key, session.commit.id)
        self.model.commits[made].ops = list(what)
        self.model.finish(made)
        with self.versions.view() as view:
            if view.commit(session.commit).finished:
                assert at_once
                assert self.model.finish_one(made, lambda: "no trigger may fire")
        self.changed()

    @rule(
        pick=picks,
        other=picks,
        path=picks,
        to=st.sampled_from([*PATHS, "/n"]),
        append=st.booleans(),
        datum=st.sampled_from(["", "one"]),
    )
    def copy_files(self, pick: int, other: int, path: int, to: str, append: bool, datum: str) -> None:
        key = self.some_commit(pick, OPEN)
        sources = [
            (found, files)
            for found, commit in self.model.commits.items()
            if commit.state != FINISHING and (files := self.model.files(found))
        ]
        if key is None or not sources:
            return
        source, files = sources[other % len(sources)]
        what = ["/", "/d", *sorted(files)][path % (len(files) + 2)]
        with self.versions.modify(commit_ref(key)) as session:
            session.copy(self.versions.files(commit_ref(source)), what, to, append, datum)
        self.model.commits[key].ops += copied(files, what, to, append, datum)
        self.changed()

    @rule(pick=picks)
    def abandon_a_write(self, pick: int) -> None:
        key = self.some_commit(pick, OPEN)
        if key is not None:
            with pytest.raises(ZeroDivisionError), self.versions.modify(commit_ref(key)) as session:
                session.put("/abandoned", os.urandom(1000))
                raise ZeroDivisionError

    # -- filesets

    @rule(what=ops, life_s=lives_s)
    def create_fileset(self, what: list[Op], life_s: int) -> None:
        with self.versions.prepare() as session:
            play(session, what)
            id = self.versions.create_fileset(session, life_s)
        self.model.filesets[id] = Fileset(self.model.now_s + life_s, {}, what)
        self.changed()

    @rule(pick=picks, life_s=lives_s)
    def fileset_of_commit(self, pick: int, life_s: int) -> None:
        key = self.some_commit(pick, *STATES)
        if key is None:
            return
        commit = self.model.commits[key]
        base = commit.tree if commit.state == FINISHED else self.model.base(commit)
        if commit.forgotten or base is None:
            self.refused(lambda: self.versions.fileset_of_commit(commit_ref(key), life_s))
            return
        id = self.versions.fileset_of_commit(commit_ref(key), life_s)
        self.model.filesets[id] = Fileset(self.model.now_s + life_s, base, list(commit.ops))
        self.changed()

    @rule(first=picks, second=picks, life_s=lives_s)
    def compose_filesets(self, first: int, second: int, life_s: int) -> None:
        if not self.model.filesets:
            return
        known = list(self.model.filesets)
        ids = [known[first % len(known)], known[second % len(known)]]
        try:
            base, ops = self.model.compose(ids)
        except Refused:
            self.refused(lambda: self.versions.compose_filesets(ids, life_s))
            return
        id = self.versions.compose_filesets(ids, life_s)
        self.model.filesets[id] = Fileset(self.model.now_s + life_s, base, ops)
        self.changed()

    @rule(pick=picks, life_s=lives_s)
    def renew_fileset(self, pick: int, life_s: int) -> None:
        if not self.model.filesets:
            return
        id = list(self.model.filesets)[pick % len(self.model.filesets)]

        def of_model(model: Model, _: str) -> None:
            fileset = model.living(id)
            fileset.expires_s = max(fileset.expires_s, model.now_s + life_s)

        self.both(of_model, lambda tx: tx.renew_fileset(id, life_s))

    @rule(pick=picks, other=picks)
    def add_fileset(self, pick: int, other: int) -> None:
        key = self.some_commit(pick, OPEN) or self.some_commit(pick, *STATES)
        if key is None or not self.model.filesets:
            return
        id = list(self.model.filesets)[other % len(self.model.filesets)]
        try:
            written = self.model.written_by(id)
            if self.model.commits[key].state != OPEN:
                raise Refused
        except Refused:
            self.refused(lambda: self.versions.add_fileset(commit_ref(key), id))
            return
        self.versions.add_fileset(commit_ref(key), id)
        self.model.commits[key].ops += written
        self.changed()

    @rule(pick=picks)
    def read_a_dead_fileset(self, pick: int) -> None:
        dead = [id for id, one in self.model.filesets.items() if one.expires_s <= self.model.now_s]
        if dead:
            ref = CommitRef(RepoRef(FILESETS_REPO), CommitId(dead[pick % len(dead)]))
            self.refused(lambda: self.versions.files(ref))

    # -- questions

    @rule(pick=picks, path=st.sampled_from(PATHS), limit=st.integers(0, 2))
    def find_commits(self, pick: int, path: str, limit: int) -> None:
        start = self.some_commit(pick, *STATES)
        if start is None:
            return
        expected = self.model.found(start, path)
        if expected is None:
            if not limit:
                self.refused(lambda: list(self.versions.find_commits(commit_ref(start), path)))
            return
        found, last = expected
        if limit and len(found) >= limit:
            found = found[:limit]
            last = found[-1]
        *results, end = self.versions.find_commits(commit_ref(start), path, limit)
        assert [commit_key(each.found) for each in results if each.found] == found
        assert (end.found, commit_key(end.last_searched)) == (None, last)

    @rule(pick=picks, state=st.sampled_from(CommitState))
    def wait_for_a_commit(self, pick: int, state: CommitState) -> None:
        key = self.some_commit(pick, *STATES)
        if key is None:
            return
        commit = self.model.commits[key]
        if state is CommitState.READY:
            reached = commit.state != OPEN or self.model.is_ready(commit)
        else:
            reached = commit.state in WAITED_FOR[state]
        if reached:
            info = self.versions.wait_commit(commit_ref(key), state, timeout_s=0)
            assert commit_key(info.ref) == key
        else:
            with pytest.raises(TimedOut):
                self.versions.wait_commit(commit_ref(key), state, timeout_s=0)

    @rule(key=keys, state=st.sampled_from(sorted(WAITED_FOR)), of_branch=st.booleans())
    def subscribe(self, key: Key, state: CommitState, of_branch: bool) -> None:
        """Whoever no longer listens has heard of all up to the first that has not got there."""
        if key[0] not in self.model.repos:
            return
        expected = []
        for found, commit in self.model.commits.items():
            if found[0] == key[0] and (not of_branch or commit.branch == key):
                if commit.state not in WAITED_FOR[state]:
                    break
                expected.append(found)
        cancel = Cancel()
        cancel.cancel()
        heard = []
        with pytest.raises(Cancelled):
            for info in self.versions.subscribe_commits(
                repo_ref(key[0]), branch=key[1] if of_branch else "", state=state, cancel=cancel
            ):
                heard.append(commit_key(info.ref))
        assert heard == expected
