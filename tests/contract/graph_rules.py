"""Projects, repos, branches and commits."""

from collections.abc import Callable
from operator import attrgetter

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule
from store_machine import (
    BRANCHES,
    PROJECTS,
    REPOS,
    STATES,
    Machine,
    branch_ref,
    commit_key,
    commit_ref,
    keys,
    labels,
    picks,
    repo_ref,
    words,
)
from store_model import OPEN, Key, Model, OnBranch, Refused

from howdah.core.refs import CommitSpec
from howdah.pachd.versions import Transaction, Trigger
from howdah.pachd.versions.cron import run_due

triggers = st.one_of(
    st.builds(
        OnBranch,
        st.sampled_from(BRANCHES),
        all=st.booleans(),
        size=st.sampled_from([0, 1, 1000, 40_000]),
        commits=st.integers(0, 3),
        pause_s=st.sampled_from([0, 60]),
        every_s=st.just(0),
    ),
    st.builds(
        OnBranch,
        st.sampled_from(BRANCHES),
        all=st.just(False),
        size=st.just(0),
        commits=st.sampled_from([0, 0, 0, 1]),
        pause_s=st.just(0),
        every_s=st.just(60),
    ),
)


def spelt(trigger: OnBranch) -> Trigger:
    return Trigger(
        trigger.branch,
        all=trigger.all,
        size=str(trigger.size) if trigger.size else "",
        commits=trigger.commits,
        rate_limit_spec=f"@every {trigger.pause_s}s" if trigger.pause_s else "",
        cron_spec=f"@every {trigger.every_s}s" if trigger.every_s else "",
    )


DESCRIBED = {
    "project": (attrgetter("projects"), str, Transaction.set_project_metadata),
    "repo": (attrgetter("repos"), repo_ref, Transaction.set_repo_metadata),
    "branch": (attrgetter("branches"), branch_ref, Transaction.set_branch_metadata),
    "commit": (attrgetter("commits"), commit_ref, Transaction.set_commit_metadata),
}


class GraphRules(Machine):
    # -- projects and repos

    @rule(name=st.sampled_from(PROJECTS), description=words, update=st.booleans())
    def create_project(self, name: str, description: str, update: bool) -> None:
        self.both(
            lambda model, _: model.create_project(name, description, update),
            lambda tx: tx.create_project(name, description, update),
        )

    @rule(name=st.sampled_from(PROJECTS), force=st.booleans())
    def delete_project(self, name: str, force: bool) -> None:
        self.both(
            lambda model, _: model.delete_project(name, force), lambda tx: tx.delete_project(name, force)
        )

    @rule(name=st.sampled_from(REPOS), description=words, update=st.booleans())
    def create_repo(self, name: str, description: str, update: bool) -> None:
        self.both(
            lambda model, _: model.create_repo(name, description, update),
            lambda tx: tx.create_repo(repo_ref(name), description, update),
        )

    @precondition(lambda self: len(self.model.repos) > 1)
    @rule(name=st.sampled_from(REPOS), force=st.booleans(), really=st.integers(0, 3))
    def delete_repo(self, name: str, force: bool, really: int) -> None:
        if name in self.model.repos and really == 3:
            self.both(
                lambda model, _: model.delete_repos([name], force),
                lambda tx: tx.delete_repo(repo_ref(name), force),
            )

    @precondition(lambda self: len(self.model.commits) > 5)
    @rule(really=st.integers(0, 9))
    def delete_all(self, really: int) -> None:
        if really == 9:
            self.both(lambda model, _: model.delete_all(), lambda tx: tx.delete_all())

    # -- branches

    @rule(
        key=keys,
        provenance=st.lists(keys, max_size=2, unique=True),
        never=st.booleans(),
        pick=st.none() | st.integers(0, 9),
    )
    def create_branch(self, key: Key, provenance: list[Key], never: bool, pick: int | None) -> None:
        head = None if pick is None else self.some_commit(pick, *STATES, repo=key[0])
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

    @rule(key=keys, trigger=triggers)
    def set_trigger(self, key: Key, trigger: OnBranch) -> None:
        if key[0] in self.model.repos:
            self.both(
                lambda model, set_id: model.create_branch(key, set_id, trigger=trigger),
                lambda tx: tx.create_branch(branch_ref(key), trigger=spelt(trigger)),
            )

    @rule(key=keys, pick=picks)
    def move_head(self, key: Key, pick: int) -> None:
        head = self.some_commit(pick, *STATES, repo=key[0])
        if key in self.model.branches and head is not None:
            self.both(
                lambda model, set_id: model.move_head(key, head, set_id),
                lambda tx: tx.move_head(branch_ref(key), commit_ref(head)),
            )

    @rule(key=keys, force=st.booleans())
    def delete_branch(self, key: Key, force: bool) -> None:
        if key in self.model.branches:
            self.both(
                lambda model, _: model.delete_branch(key, force),
                lambda tx: tx.delete_branch(branch_ref(key), force),
            )

    @rule(seconds=st.sampled_from([1, 30, 61, 400]))
    def time_passes(self, seconds: int) -> None:
        self.clock.now_s += seconds
        self.model.now_s += seconds
        _, ids = self.watched(lambda: run_due(self.versions))
        for _ in self.model.tick(ids):
            self.changed()

    # -- commits

    @rule(wanted=st.lists(keys, min_size=1, max_size=2, unique=True), description=words)
    def start(self, wanted: list[Key], description: str) -> None:
        if not {repo for repo, _ in wanted} <= self.model.repos.keys():
            return

        def of_model(model: Model, set_id: str) -> None:
            # Propagation comes once, at the end of the transaction.
            later, model.propagate = model.propagate, lambda moved, set_id: None  # type: ignore[method-assign]
            for key in wanted:
                made = model.start(key, set_id)
                model.commits[made].description = description
            del model.propagate
            later.__func__(model, wanted, set_id)

        self.both(
            of_model,
            lambda tx: [tx.start_commit(branch_ref(key), description=description) for key in wanted],
        )

    @rule(key=keys, pick=picks)
    def start_after(self, key: Key, pick: int) -> None:
        parent = self.some_commit(pick, *STATES, repo=key[0])
        if parent is not None:
            self.both(
                lambda model, set_id: model.start(key, set_id, parent),
                lambda tx: tx.start_commit(branch_ref(key), parent=commit_ref(parent)),
            )

    @rule(pick=picks, error=st.sampled_from(["", "", "bad"]), description=words)
    def finish(self, pick: int, error: str, description: str) -> None:
        key = self.some_commit(pick, OPEN)
        if key is not None:
            self.both(
                lambda model, _: model.finish(key, error, description),
                lambda tx: tx.finish_commit(commit_ref(key), error=error, description=description),
            )

    @rule()
    def let_finish(self) -> None:
        self.finish_all()

    @rule(pick=picks)
    def clear(self, pick: int) -> None:
        key = self.some_commit(pick, OPEN) or self.some_commit(pick, *STATES)
        if key is None:
            return

        def of_model(model: Model, _: str) -> None:
            if model.commits[key].state != OPEN:
                raise Refused
            model.commits[key].ops.clear()

        self.both(of_model, lambda tx: tx.clear_commit(commit_ref(key)))

    @rule(pick=picks)
    def forget(self, pick: int) -> None:
        computed = [key for key, commit in self.model.commits.items() if commit.provenance]
        key = computed[pick % len(computed)] if computed else None
        if key is not None and not self.model.commits[key].forgotten:
            self.both(lambda model, _: model.forget(key), lambda tx: tx.forget_commit(commit_ref(key)))

    @rule(pick=picks, whole=st.booleans())
    def squash(self, pick: int, whole: bool) -> None:
        self.remove(pick, whole, lambda model, key: not model.children(key), "squash")

    @rule(pick=picks, whole=st.booleans())
    def drop(self, pick: int, whole: bool) -> None:
        self.remove(pick, whole, lambda model, key: bool(model.children(key)), "drop")

    def remove(self, pick: int, whole: bool, refuses: Callable[[Model, Key], bool], verb: str) -> None:
        start = self.some_commit(pick, *STATES)
        if start is None:
            return
        with self.versions.view() as view:
            order = [commit_key(info.ref) for info in view.commit_set(start[1], aliases=False).commits]
            nearest = view.commit_provenance(commit_ref(start), downstream=True)

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

        if whole:
            self.both(of_model, lambda tx: getattr(tx, f"{verb}_commit_set")(start[1]))
        else:
            self.both(of_model, lambda tx: getattr(tx, f"{verb}_commit")(commit_ref(start), recursive=True))

    # -- metadata, and transactions that a client assembles

    @rule(metadata=labels)
    def describe_cluster(self, metadata: dict[str, str]) -> None:
        self.both(
            lambda model, _: setattr(model, "metadata", metadata),
            lambda tx: tx.set_cluster_metadata(metadata),
        )

    @rule(metadata=labels, of=st.sampled_from(sorted(DESCRIBED)), pick=picks)
    def describe(self, metadata: dict[str, str], of: str, pick: int) -> None:
        within, ref, describe = DESCRIBED[of]
        if names := list(within(self.model)):
            name = names[pick % len(names)]
            self.both(
                lambda model, _: setattr(within(model)[name], "metadata", metadata),
                lambda tx: describe(tx, ref(name), metadata),
            )

    @rule(id=st.sampled_from(["t1", "t2"]), request=st.binary(max_size=3), ends=st.booleans())
    def assemble(self, id: str, request: bytes, ends: bool) -> None:
        if id not in self.model.transactions:
            self.both(
                lambda model, _: model.transactions.__setitem__(id, []), lambda tx: tx.store_transaction(id)
            )
        elif ends:
            self.both(
                lambda model, _: model.transactions.pop(id), lambda tx: tx.delete_stored_transaction(id)
            )
        else:
            self.both(
                lambda model, _: model.transactions[id].append(request),
                lambda tx: tx.append_to_stored_transaction(id, request),
            )

    # -- questions

    @rule(key=keys, steps=st.integers(0, 4), mark=st.sampled_from("^~."))
    def name_an_ancestor(self, key: Key, steps: int, mark: str) -> None:
        if key not in self.model.branches:
            return
        line = self.model.line(self.model.branches[key].head)
        expected = (line[::-1] if mark == "." else line)[steps : steps + 1]
        expression = f"{key[1]}{mark}{steps}" if mark != "^" else key[1] + "^" * steps
        with self.versions.view() as view:
            spec = CommitSpec(repo_ref(key[0]), expression)
            if expected:
                assert commit_key(view.commit(spec).ref) == expected[0]
            else:
                self.refused(lambda: view.commit(spec))

    @rule(pick=picks, other=picks, number=st.integers(0, 3))
    def list_a_line(self, pick: int, other: int, number: int) -> None:
        to = self.some_commit(pick, *STATES)
        if to is None:
            return
        line = self.model.line(to)
        from_ = line[other % len(line)] if other % 2 else None
        expected = line[: line.index(from_)] if from_ else line
        with self.versions.view() as view:
            found = view.commits(
                repo_ref(to[0]),
                to=commit_ref(to),
                from_=commit_ref(from_) if from_ else None,
                number=number,
            )
            assert [commit_key(info.ref) for info in found] == expected[: number or None]
