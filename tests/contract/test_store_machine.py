"""The store against the model: any order of any operations, gc, check, backups, reopening and crashes at
any write among them.

A power cut takes from the copy what no sync made durable of packs; the database is taken at its word, which
is SQLite's. Reading page by page and tar are left to tests of their own."""

import pytest
from file_rules import FileRules
from graph_rules import GraphRules, triggers
from house_rules import HouseRules
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, run_state_machine_as_test
from model_files import Op
from reading_rules import ReadingRules
from store_comparison import compare
from store_machine import REPOS, branch_ref, commit_ref, ops, repo_ref
from store_model import OPEN, OnBranch

from howdah.pachd.versions.check import check


class StoreMachine(GraphRules, FileRules, ReadingRules, HouseRules):
    steps = 0
    """Of all runs together: Hypothesis makes fewer than it may."""

    @initialize(far=st.booleans(), trigger=st.none() | triggers, history=st.lists(ops, max_size=4))
    def begin(self, far: bool, trigger: OnBranch | None, history: list[list[Op]]) -> None:
        """With something in place: from nothing few runs would come far."""
        self.create_project("p", "", update=False)
        for name in REPOS:
            self.create_repo(name, "", update=False)
        self.create_branch(("b", "master"), [("a", "master")], never=False, pick=None)
        self.create_branch(("p/c", "master"), [("b", "master")] if far else [], never=False, pick=None)
        if trigger is not None:
            self.set_trigger(("a", "live"), trigger._replace(branch="master"))
            self.create_branch(("b", "live"), [("a", "live")], never=False, pick=None)
        for what in [FIRST, *history]:
            self.write_to_branch(("a", "master"), what, at_once=True)
            while self.some_commit(0, OPEN):
                self.write(0, what)
                self.finish(0, "", "")
            self.let_finish()
        self.start_after(("a", "dev"), -1)  # an open one that rests on files

    @invariant()
    def is_the_same(self) -> None:
        StoreMachine.steps += 1
        self.go_on_after_a_crash()
        assert [str(finding) for finding in check(self.versions)] == []
        compare(self.versions, self.model)

    @invariant()
    def is_what_the_log_of_changes_comes_to(self) -> None:
        with self.versions.view() as view:
            events = view.events(limit=1_000_000)
        there: set[tuple[str, str]] = set()
        for event in events:
            noun, _, happened = event.kind.partition(".")
            if happened in ("created", "started"):
                there.add((noun, event.subject))
            elif happened == "deleted":
                there.discard((noun, event.subject))
        expected = {("repo", str(repo_ref(name))) for name in self.model.repos}
        expected |= {("branch", str(branch_ref(key))) for key in self.model.branches}
        expected |= {("commit", str(commit_ref(key))) for key in self.model.commits}
        assert {one for one in there if one[0] in ("repo", "branch", "commit")} == expected


FIRST = [Op("put", path, "", path.encode() * 60) for path in ("/f", "/d/x", "/d-z")]
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
    StoreMachine.steps = 0
    while StoreMachine.steps < 10_000:
        run_state_machine_as_test(
            StoreMachine,
            settings=settings(
                max_examples=100,
                stateful_step_count=50,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=QUIET,
            ),
        )
