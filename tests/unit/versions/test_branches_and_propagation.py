"""Repos, branches and what follows when one moves, on a store without files."""

from functools import partial

import pytest

from howdah.core.refs import META, SPEC, BranchRef, CommitId, CommitRef, CommitSpec, RepoRef
from howdah.errors import Conflict, Invalid, NotFound
from howdah.pachd.versions import Changes, CommitState, Origin, Transaction, Trigger, Versions, tables
from howdah.pachd.versions.errors import (
    BranchCycle,
    BranchInUse,
    BranchNotFound,
    CommitOnOutputBranch,
    InvalidProvenanceStructure,
    ParentNotFinished,
    ProjectNotEmpty,
    RepoExists,
    RepoNotFound,
)
from howdah.pachd.versions.finish import finish_one

RAW, CLEAN, MODEL = RepoRef("raw"), RepoRef("clean"), RepoRef("model")


def master(repo: RepoRef) -> BranchRef:
    return BranchRef(repo, "master")


def chain(versions: Versions) -> None:
    """raw -> clean -> model."""

    def change(tx: Transaction) -> None:
        for repo in (RAW, CLEAN, MODEL):
            tx.create_repo(repo)
        tx.create_branch(master(RAW))
        tx.create_branch(master(CLEAN), provenance=[master(RAW)])
        tx.create_branch(master(MODEL), provenance=[master(CLEAN)])

    versions.transact(change)


def commit_to(versions: Versions, branch: BranchRef) -> CommitRef:
    def change(tx: Transaction) -> CommitRef:
        ref = tx.start_commit(branch)
        tx.finish_commit(ref)
        return ref

    return versions.transact(change)


def test_a_repo_is_made_once_and_updated_when_asked(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_repo(RAW, "first"))
    with pytest.raises(RepoExists, match="repo default/raw already exists"):
        versions.transact(lambda tx: tx.create_repo(RAW))
    versions.transact(lambda tx: tx.create_repo(RAW, "second", update=True))
    with versions.view() as view:
        assert view.repo(RAW).description == "second"
        assert [info.ref for info in view.repos("user")] == [RAW]


def test_deleting_a_missing_repo_says_so_without_failing(versions: Versions) -> None:
    assert versions.transact(lambda tx: tx.delete_repo(RAW)) is False
    with versions.view() as view, pytest.raises(RepoNotFound, match="repo default/raw not found"):
        view.repo(RAW)


def test_a_system_repo_needs_its_user_repo_and_goes_with_it(versions: Versions) -> None:
    meta = RepoRef("clean", META)
    with pytest.raises(RepoNotFound):
        versions.transact(lambda tx: tx.create_repo(meta))
    versions.transact(lambda tx: (tx.create_repo(CLEAN), tx.create_repo(meta)))
    assert versions.transact(lambda tx: tx.delete_repo(CLEAN))
    with versions.view() as view:
        assert view.repos() == []


def test_a_project_that_is_not_empty_stays(versions: Versions) -> None:
    repo = RepoRef("raw", project="lab")
    versions.transact(lambda tx: (tx.create_project("lab"), tx.create_repo(repo)))
    with pytest.raises(ProjectNotEmpty, match="repo lab/raw still exists"):
        versions.transact(lambda tx: tx.delete_project("lab"))
    versions.transact(lambda tx: tx.delete_project("lab", force=True))
    with versions.view() as view:
        assert [info.name for info in view.projects()] == ["default"]


@pytest.mark.parametrize("name", ["", "a b", "ä", "a/b", "a.b", "x" * 300])
def test_bad_names_are_refused(versions: Versions, name: str) -> None:
    with pytest.raises(Invalid, match="name"):
        versions.transact(lambda tx: tx.create_repo(RepoRef(name)))


def test_a_branch_begins_with_an_empty_finished_commit(versions: Versions) -> None:
    versions.transact(lambda tx: (tx.create_repo(RAW), tx.create_branch(master(RAW))))
    with versions.view() as view:
        head = view.commit(view.branch(master(RAW)).head)
    assert (head.origin, head.finished, head.branch) == (Origin.AUTO, True, "master")


def test_a_commit_moves_everything_downstream_with_one_id(versions: Versions) -> None:
    chain(versions)
    ref = commit_to(versions, master(RAW))
    with versions.view() as view:
        infos = view.commit_set(ref.id).commits
        assert [info.ref for info in infos] == [CommitRef(repo, ref.id) for repo in (RAW, CLEAN, MODEL)]
        assert [info.origin for info in infos] == [Origin.USER, Origin.AUTO, Origin.AUTO]
        assert view.commit(CommitRef(MODEL, ref.id)).direct_provenance == (CommitRef(CLEAN, ref.id),)
        assert view.branch(master(MODEL)).provenance == (master(RAW), master(CLEAN))
        assert view.branch(master(RAW)).subvenance == (master(CLEAN), master(MODEL))


def test_an_id_without_a_commit_here_resolves_through_provenance(versions: Versions) -> None:
    other = RepoRef("labels")

    def change(tx: Transaction) -> None:
        for repo in (RAW, other, CLEAN):
            tx.create_repo(repo)
        tx.create_branch(master(CLEAN), provenance=[master(RAW), master(other)])

    versions.transact(change)
    labels = commit_to(versions, master(other))
    ref = commit_to(versions, master(RAW))
    with versions.view() as view:
        assert view.commit(CommitRef(other, ref.id)).ref == labels
        assert view.commit(CommitRef(CLEAN, ref.id)).direct_provenance == (labels, ref)
        with pytest.raises(NotFound, match=r"commit default/raw@0000.* not found"):
            view.commit(CommitRef(RAW, CommitId("0" * 12 + "4" + "0" * 19)))


def test_two_branches_that_move_at_once_make_one_commit_downstream(versions: Versions) -> None:
    left, right, both = RepoRef("left"), RepoRef("right"), RepoRef("both")

    def change(tx: Transaction) -> None:
        for repo in (left, right, both):
            tx.create_repo(repo)
        tx.create_branch(master(both), provenance=[master(left), master(right)])

    versions.transact(change)

    def write(tx: Transaction) -> CommitRef:
        tx.finish_commit(tx.start_commit(master(left)))
        return tx.start_commit(master(right))

    ref = versions.transact(write)
    with versions.view() as view:
        found = view.commit(CommitRef(both, ref.id))
        assert found.direct_provenance == (CommitRef(left, ref.id), CommitRef(right, ref.id))
        assert view.state(found) is CommitState.STARTED


def test_never_stops_propagation(versions: Versions) -> None:
    def change(tx: Transaction) -> None:
        tx.create_repo(RAW)
        tx.create_repo(CLEAN)
        tx.create_branch(master(CLEAN), provenance=[master(RAW)], never=[master(RAW)])

    versions.transact(change)
    ref = commit_to(versions, master(RAW))
    with versions.view() as view:
        assert view.find_commit(CommitRef(CLEAN, ref.id)) is None


def test_spouts_are_left_alone(versions: Versions) -> None:
    spec, out = BranchRef(RepoRef("spout", SPEC), "master"), master(RepoRef("spout"))

    def change(tx: Transaction) -> None:
        tx.create_repo(out.repo)
        tx.create_repo(spec.repo)
        tx.create_branch(out, provenance=[spec])

    versions.transact(change)
    ref = commit_to(versions, spec)
    with versions.view() as view:
        assert view.find_commit(CommitRef(out.repo, ref.id)) is None


def test_what_a_graph_may_not_be(versions: Versions) -> None:
    chain(versions)
    with pytest.raises(Invalid, match="cannot be in the provenance of its own branch"):
        versions.transact(lambda tx: tx.create_branch(BranchRef(RAW, "b"), provenance=[master(RAW)]))
    with pytest.raises(BranchCycle, match="cycle detected"):
        versions.transact(lambda tx: tx.create_branch(master(RAW), provenance=[master(MODEL)]))
    with pytest.raises(InvalidProvenanceStructure, match='same repo, "default/raw"'):
        versions.transact(
            lambda tx: tx.create_branch(master(MODEL), provenance=[BranchRef(RAW, "dev"), master(CLEAN)])
        )
    with pytest.raises(Invalid, match="both provenance and a trigger"):
        versions.transact(
            lambda tx: tx.create_branch(
                BranchRef(CLEAN, "slow"), provenance=[master(RAW)], trigger=Trigger("master", commits=2)
            )
        )
    with pytest.raises(Conflict, match="cannot start a commit on an output branch: default/clean@master"):
        versions.transact(lambda tx: tx.start_commit(master(CLEAN)))
    with pytest.raises(CommitOnOutputBranch):
        versions.transact(lambda tx: tx.start_commit(master(MODEL)))


def with_two_triggered(versions: Versions) -> None:
    """Two branches of raw, moved by the same commits; clean has a branch of the first."""

    for repo in (RAW, CLEAN, MODEL):
        versions.transact(partial(Transaction.create_repo, repo=repo))
    versions.transact(lambda tx: tx.create_branch(master(RAW)))
    on_master = Trigger("master", commits=1)
    for name in ("a", "b"):
        ref = BranchRef(RAW, name)
        versions.transact(partial(Transaction.create_branch, branch=ref, trigger=on_master))
    versions.transact(lambda tx: tx.create_branch(BranchRef(CLEAN, "a"), provenance=[BranchRef(RAW, "a")]))


def test_branches_that_one_commit_moves_may_not_meet_in_a_repo(versions: Versions) -> None:
    with_two_triggered(versions)
    second, source = BranchRef(CLEAN, "b"), BranchRef(RAW, "b")
    with pytest.raises(InvalidProvenanceStructure):
        versions.transact(lambda tx: tx.create_branch(second, provenance=[source]))
    versions.transact(lambda tx: tx.create_branch(second, provenance=[source], never=[source]))
    first = BranchRef(CLEAN, "a")
    with versions.view() as view:
        before = {ref: view.branch(ref).head for ref in (first, second)}
    ref = commit_to(versions, master(RAW))
    with versions.view() as view:
        row = view.commit(ref).row
    finish_one(versions, row)
    with versions.view() as view:
        assert view.branch(source).head == ref
        assert view.branch(first).head != before[first]
        assert view.branch(second).head == before[second]


def test_triggers_that_meet_already_refuse_no_other_branch(versions: Versions) -> None:
    with_two_triggered(versions)

    def meet(tx: Transaction) -> None:
        """As a store from before they were refused has it."""
        tx.create_branch(BranchRef(CLEAN, "b"))
        branch, source = (tx.view.branch(ref).row for ref in (BranchRef(CLEAN, "b"), BranchRef(RAW, "b")))
        tables.set_branch_provenance(tx.connection, branch, {source: False})

    versions.transact(meet)
    versions.transact(lambda tx: tx.create_branch(BranchRef(RAW, "c"), trigger=Trigger("master", commits=1)))
    versions.transact(lambda tx: tx.create_branch(master(MODEL), provenance=[BranchRef(RAW, "c")]))
    with pytest.raises(InvalidProvenanceStructure):
        versions.transact(
            lambda tx: tx.create_branch(BranchRef(CLEAN, "c"), provenance=[BranchRef(RAW, "c")])
        )


def test_a_failed_transaction_leaves_nothing(versions: Versions) -> None:
    chain(versions)
    with versions.view() as view:
        before = view.last_event()
    with pytest.raises(ParentNotFinished, match=r"parent commit .* has not been finished"):
        versions.transact(
            lambda tx: (tx.create_repo(RepoRef("new")), tx.start_commit(master(RAW)), commit_again(tx))
        )
    with versions.view() as view:
        assert not view.repo_exists(RepoRef("new"))
        assert view.last_event() == before


def commit_again(tx: Transaction) -> None:
    tx.start_commit(master(RAW))


def test_a_rehearsal_answers_and_leaves_nothing(versions: Versions) -> None:
    chain(versions)
    ref = versions.transact(lambda tx: tx.start_commit(master(RAW)), dry_run=True)
    assert ref.repo == RAW
    with versions.view() as view, pytest.raises(NotFound):
        view.commit(ref)


def test_a_branch_in_use_stays_unless_forced(versions: Versions) -> None:
    chain(versions)
    with pytest.raises(BranchInUse, match="because it's in the direct provenance of"):
        versions.transact(lambda tx: tx.delete_branch(master(RAW)))
    versions.transact(lambda tx: tx.delete_branch(master(RAW), force=True))
    with versions.view() as view:
        assert view.branch(master(CLEAN)).provenance == ()
        with pytest.raises(BranchNotFound, match='branch "master" not found in repo default/raw'):
            view.branch(master(RAW))


@pytest.mark.parametrize(
    ("expression", "index"),
    [("master", 3), ("master^", 2), ("master~2", 1), ("master^^^", 0), ("master.0", 0), ("master.1", 1)],
)
def test_ancestry(versions: Versions, expression: str, index: int) -> None:
    versions.transact(lambda tx: tx.create_repo(RAW))
    refs = [commit_to(versions, master(RAW)) for _ in range(4)]
    with versions.view() as view:
        assert view.commit(CommitSpec(RAW, expression)).ref == refs[index]
        assert view.commit(CommitSpec(RAW, f"{refs[3].id}^")).ref == refs[2]
        with pytest.raises(Invalid, match="invalid offset"):
            view.commit(CommitSpec(RAW, "master^9"))
        with pytest.raises(Invalid, match="cannot mix"):
            view.commit(CommitSpec(RAW, "master^~"))


@pytest.mark.parametrize("steps", ["^²", "~٣", "." + "1" * 5000, "^" + "0" * 5000, "~-1", "~1 "])
def test_ancestry_that_counts_in_no_number_of_ours_is_refused(versions: Versions, steps: str) -> None:
    versions.transact(lambda tx: tx.create_repo(RAW))
    commit_to(versions, master(RAW))
    with versions.view() as view, pytest.raises(Invalid, match="invalid ancestry syntax"):
        view.commit(CommitSpec(RAW, f"master{steps}"))


def test_listings(versions: Versions) -> None:
    chain(versions)
    refs = [commit_to(versions, master(RAW)) for _ in range(4)]
    with versions.view() as view:
        newest = [info.ref for info in view.commits(RAW)]
        assert newest[:4] == refs[::-1]
        assert [info.ref for info in view.commits(RAW, number=2)] == refs[:1:-1]
        between = view.commits(RAW, to=CommitSpec(RAW, "master"), from_=refs[1])
        assert [info.ref for info in between] == [refs[3], refs[2]]
        assert [info.ref for info in view.commits(RAW, origin=Origin.USER, oldest_first=True)] == refs
        assert [each.id for each in view.commit_sets()][:4] == [ref.id for ref in refs[::-1]]
        assert [info.ref.repo for info in view.commit_provenance(CommitRef(MODEL, refs[0].id))] == [
            CLEAN,
            RAW,
        ]
        below = view.commit_provenance(refs[0], downstream=True, max_depth=1)
        assert [info.ref.repo for info in below] == [CLEAN]
        assert [info.ref for info in view.branch_provenance(master(MODEL))] == [master(CLEAN), master(RAW)]


class Recorder:
    def __init__(self) -> None:
        self.seen: list[Changes] = []

    def settle(self, tx: Transaction, changes: Changes) -> None:
        self.seen.append(changes)
        for info in changes.created:
            if info.ref.repo == CLEAN and info.open:
                tx.finish_commit(info.ref, force=True)

    def check_delete_repo(self, tx: Transaction, repo: RepoRef) -> None:
        if repo == CLEAN:
            raise Conflict("cannot delete a repo associated with a pipeline - delete the pipeline instead")

    def check_finish_commit(self, tx: Transaction, commit: object) -> None:
        raise Conflict("cannot finish a pipeline output or meta commit, use 'stop job' instead")


def test_participants_act_in_the_transaction_that_made_the_commits(versions: Versions) -> None:
    recorder = Recorder()
    versions.register(recorder)
    chain(versions)
    recorder.seen.clear()
    ref = versions.transact(lambda tx: tx.start_commit(master(RAW)))
    first, second = recorder.seen
    assert [info.ref.repo for info in first.created] == [RAW, CLEAN, MODEL]
    assert [info.ref.repo for info in second.finishing] == [CLEAN]
    with pytest.raises(Conflict, match="associated with a pipeline"):
        versions.transact(lambda tx: tx.delete_repo(CLEAN))
    with pytest.raises(Conflict, match="use 'stop job' instead"):
        versions.transact(lambda tx: tx.finish_commit(CommitRef(MODEL, ref.id)))


def test_stored_transactions(versions: Versions) -> None:
    versions.transact(lambda tx: tx.store_transaction("t1"))
    versions.transact(lambda tx: tx.append_to_stored_transaction("t1", b"one"))
    versions.transact(lambda tx: tx.append_to_stored_transaction("t1", b"two"))
    with versions.view() as view:
        assert [stored.requests for stored in view.stored_transactions()] == [(b"one", b"two")]
    versions.transact(lambda tx: tx.delete_stored_transaction("t1"))
    with pytest.raises(NotFound, match="transaction t1 not found"):
        versions.transact(lambda tx: tx.delete_stored_transaction("t1"))


def test_one_commit_cannot_move_two_branches_that_meet_downstream_in_a_repo(versions: Versions) -> None:
    """The commit could never finish: one set would need two commits of that repo."""
    chain(versions)
    fast, slow = BranchRef(RAW, "fast"), BranchRef(RAW, "slow")
    versions.transact(lambda tx: tx.create_branch(fast, trigger=Trigger("master", commits=1)))
    versions.transact(lambda tx: tx.create_branch(slow, trigger=Trigger("fast", commits=1)))
    versions.transact(lambda tx: tx.create_branch(BranchRef(CLEAN, "fast"), provenance=[fast]))
    with pytest.raises(InvalidProvenanceStructure):
        versions.transact(lambda tx: tx.create_branch(BranchRef(CLEAN, "slow"), provenance=[slow]))
    versions.transact(lambda tx: tx.create_branch(slow, trigger=Trigger("fast", cron_spec="@daily")))
    versions.transact(lambda tx: tx.create_branch(BranchRef(CLEAN, "slow"), provenance=[slow]))
    with pytest.raises(InvalidProvenanceStructure):
        versions.transact(lambda tx: tx.create_branch(slow, trigger=Trigger("fast", commits=1)))


def test_a_repo_goes_with_the_triggers_among_its_branches(versions: Versions) -> None:
    versions.transact(lambda tx: tx.create_repo(RAW))
    versions.transact(lambda tx: tx.create_branch(master(RAW)))
    slow = BranchRef(RAW, "slow")
    versions.transact(lambda tx: tx.create_branch(slow, trigger=Trigger("master", commits=2)))
    with pytest.raises(BranchInUse, match="triggers branches"):
        versions.transact(lambda tx: tx.delete_branch(master(RAW)))
    versions.transact(lambda tx: tx.delete_repo(RAW))
    with versions.view() as view:
        assert view.branches() == []
