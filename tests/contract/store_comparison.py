"""What must be the same in the store and in the model after every step."""

from store_machine import branch_key, commit_key, commit_ref, repo_name
from store_model import FINISHED, FINISHING, OPEN, Model

from howdah.core.refs import CommitId, CommitRef, RepoRef
from howdah.pachd.versions import CommitFiles, CommitInfo, Versions, View
from howdah.pachd.versions.files import tables as file_tables
from howdah.pachd.versions.records import FILESETS_REPO


def compare(versions: Versions, model: Model) -> None:
    """AssertionError where they differ."""
    with versions.view() as view:
        _compare_things(view, model)
        _compare_branches(view, model)
        commits = {commit_key(info.ref): info for info in view.commits()}
        living = {
            id: row.expires_ns / 1e9
            for id, row in file_tables.filesets(view.connection).items()
            if row.expires_ns > versions.clock.now_ns()
        }
    _compare_commits(commits, model)
    assert living == {id: one.expires_s for id, one in model.filesets.items() if one.expires_s > model.now_s}
    for key, commit in model.commits.items():
        expected = model.files(key)
        if commit.state != FINISHING and expected is not None:
            files = versions.files(commit_ref(key))
            assert _read(files) == expected
            if commit.state == FINISHED:
                assert files.info.size_bytes == sum(map(len, expected.values()))
    for id in living:
        assert _read(versions.files(CommitRef(RepoRef(FILESETS_REPO), CommitId(id)))) == model.fileset(id)


def _read(files: CommitFiles) -> dict[str, bytes]:
    return {file.path: b"".join(files.read(file)) for file in files.tree.files()}


def _compare_things(view: View, model: Model) -> None:
    assert view.cluster_metadata() == model.metadata
    projects = {info.name: (info.description, info.metadata) for info in view.projects()}
    assert projects == {name: (one.description, one.metadata) for name, one in model.projects.items()}
    repos = {repo_name(info.ref): (info.description, info.metadata) for info in view.repos()}
    assert repos == {name: (one.description, one.metadata) for name, one in model.repos.items()}
    assert {one.id: list(one.requests) for one in view.stored_transactions()} == model.transactions


def _compare_branches(view: View, model: Model) -> None:
    branches = {branch_key(info.ref): info for info in view.branches()}
    assert branches.keys() == model.branches.keys()
    for key, branch in model.branches.items():
        found = branches[key]
        assert commit_key(found.head) == branch.head
        assert {branch_key(ref) for ref in found.provenance} == model.full(key)
        assert {branch_key(ref) for ref in found.subvenance} == model.full(key, True)
        assert {branch_key(ref) for ref in found.never} == branch.never
        assert (found.trigger and found.trigger.branch) == (branch.trigger and branch.trigger.branch)
        assert (found.metadata, found.updated_ns / 1e9) == (branch.metadata, branch.updated_s)


def _compare_commits(commits: dict[tuple[str, str], CommitInfo], model: Model) -> None:
    assert commits.keys() == model.commits.keys()
    for key, commit in model.commits.items():
        info = commits[key]
        state = FINISHED if info.finished else OPEN if info.open else FINISHING
        assert (state, info.origin) == (commit.state, commit.origin)
        assert info.error.partition(" (")[0] == commit.error
        assert (info.description, info.metadata) == (commit.description, commit.metadata)
        assert (info.parent and commit_key(info.parent)) == commit.parent
        assert {commit_key(ref) for ref in info.children} == set(model.children(key))
        assert {commit_key(ref) for ref in info.direct_provenance} == set(commit.provenance)
        assert info.branch == (commit.branch[1] if commit.branch else "")
