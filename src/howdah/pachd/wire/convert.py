"""Between the store's records and the protocol's messages, in both directions."""

from collections.abc import Mapping
from typing import Any

from howdah.core.refs import DEFAULT_PROJECT, USER, BranchRef, CommitId, CommitRef, CommitSpec, RepoRef
from howdah.errors import Invalid
from howdah.pachd.versions import BranchInfo, CommitInfo, CommitState, Origin, ProjectInfo, RepoInfo, Trigger
from howdah.pachd.wire.contract import google, pfs

type AnyCommit = CommitRef | CommitSpec

# -- from messages


def repo_ref(repo: Any) -> RepoRef:
    if not repo.name:
        raise Invalid("repo cannot be nil")
    return RepoRef(repo.name, repo.type or USER, repo.project.name or DEFAULT_PROJECT)


def branch_ref(branch: Any) -> BranchRef:
    if not branch.HasField("repo"):
        raise Invalid("branch cannot be nil")
    return BranchRef(repo_ref(branch.repo), branch.name)


def commit_spec(commit: Any) -> CommitSpec:
    """A commit as a client names it: the repo may stand in the commit or in its branch."""
    repo = commit.repo if commit.HasField("repo") else commit.branch.repo
    if not repo.name:
        raise Invalid("commit cannot be nil")
    return CommitSpec.of(repo_ref(repo), commit.branch.name, commit.id)


def optional_commit(message: Any, field: str) -> CommitSpec | None:
    """None where the field is absent or names nothing."""
    if not message.HasField(field):
        return None
    commit = getattr(message, field)
    return commit_spec(commit) if commit.id or commit.branch.name else None


def project_name(project: Any) -> str:
    return project.name or DEFAULT_PROJECT


def pick_project(picker: Any) -> str:
    return picker.name or DEFAULT_PROJECT


def pick_repo(picker: Any) -> RepoRef:
    if not picker.name.name:
        raise Invalid("a repo picker must name a repo")
    return RepoRef(picker.name.name, picker.name.type or USER, pick_project(picker.name.project))


def pick_branch(picker: Any) -> BranchRef:
    return BranchRef(pick_repo(picker.name.repo), picker.name.name)


def pick_commit(picker: Any) -> CommitSpec:
    kind = picker.WhichOneof("picker")
    if kind == "id":
        return CommitSpec(pick_repo(picker.id.repo), picker.id.id)
    if kind == "branch_head":
        branch = pick_branch(picker.branch_head)
        return CommitSpec(branch.repo, branch.name)
    if kind == "branch_root":
        branch = pick_branch(picker.branch_root.branch)
        return CommitSpec(branch.repo, f"{branch.name}.{picker.branch_root.offset}")
    if kind == "ancestor":
        return _pick_ancestor(picker)
    raise Invalid("commit picker cannot be nil")


def _pick_ancestor(picker: Any) -> CommitSpec:
    """Nested ancestors add up; in the protocol they nest without limit, here without recursion."""
    offset = 0
    while picker.WhichOneof("picker") == "ancestor":
        offset += picker.ancestor.offset
        picker = picker.ancestor.start
    start = pick_commit(picker)
    if "." in start.expression:
        raise Invalid("an ancestor of a branch's root has no name of its own; pick from the branch's head")
    return CommitSpec(start.repo, f"{start.expression}^{offset}" if offset else start.expression)


def trigger(message: Any) -> Trigger | None:
    if not message.HasField("trigger"):
        return None
    said = message.trigger
    return Trigger(
        branch=said.branch,
        all=said.all,
        rate_limit_spec=said.rate_limit_spec,
        size=said.size,
        commits=said.commits,
        cron_spec=said.cron_spec,
    )


def origin(kind: int) -> Origin | None:
    return None if kind == 0 else Origin(pfs.OriginKind.Value.Name(kind))


def commit_state(number: int) -> CommitState:
    return CommitState(number) if number else CommitState.STARTED


# -- to messages


def project_message(name: str) -> Any:
    return pfs.Project(name=name)


def repo_message(ref: RepoRef) -> Any:
    return pfs.Repo(name=ref.name, type=ref.type, project=pfs.Project(name=ref.project))


def branch_message(ref: BranchRef) -> Any:
    return pfs.Branch(repo=repo_message(ref.repo), name=ref.name)


def commit_message(ref: CommitRef) -> Any:
    return pfs.Commit(repo=repo_message(ref.repo), id=ref.id)


def timestamp(at_ns: int) -> Any:
    return google.Timestamp(seconds=at_ns // 1_000_000_000, nanos=at_ns % 1_000_000_000)


def project_info(info: ProjectInfo) -> Any:
    return pfs.ProjectInfo(
        project=project_message(info.name),
        description=info.description,
        created_at=timestamp(info.created_ns),
        metadata=info.metadata,
    )


def repo_info(info: RepoInfo, details: bool = True) -> Any:
    message = pfs.RepoInfo(
        repo=repo_message(info.ref),
        created=timestamp(info.created_ns),
        description=info.description,
        size_bytes_upper_bound=info.size_bytes,
        branches=[branch_message(branch) for branch in info.branches],
        metadata=info.metadata,
    )
    if details:
        message.details.size_bytes = info.size_bytes
    return message


def branch_info(info: BranchInfo) -> Any:
    message = pfs.BranchInfo(
        branch=branch_message(info.ref),
        head=commit_message(info.head),
        provenance=[branch_message(branch) for branch in info.provenance],
        subvenance=[branch_message(branch) for branch in info.subvenance],
        direct_provenance=[branch_message(branch) for branch in info.direct_provenance],
        metadata=info.metadata,
        created_at=timestamp(info.created_ns),
        updated_at=timestamp(info.updated_ns),
        branch_propagation_specs=[
            pfs.BranchPropagationSpec(
                branch=branch_message(branch), propagation_spec=pfs.PropagationSpec(never=True)
            )
            for branch in sorted(info.never)
        ],
    )
    if info.trigger is not None:
        message.trigger.CopyFrom(trigger_message(info.trigger))
    return message


def trigger_message(said: Trigger) -> Any:
    return pfs.Trigger(
        branch=said.branch,
        all=said.all,
        rate_limit_spec=said.rate_limit_spec,
        size=said.size,
        commits=said.commits,
        cron_spec=said.cron_spec,
    )


def commit_info(info: CommitInfo) -> Any:
    message = pfs.CommitInfo(
        commit=commit_message(info.ref),
        origin=pfs.CommitOrigin(kind=getattr(pfs.OriginKind, info.origin.value)),
        description=info.description,
        child_commits=[commit_message(ref) for ref in info.children],
        started=timestamp(info.started_ns),
        direct_provenance=[commit_message(ref) for ref in info.direct_provenance],
        error=info.error,
        size_bytes_upper_bound=info.size_bytes,
        metadata=info.metadata,
        created_at=timestamp(info.started_ns),
        updated_at=timestamp(info.finished_ns or info.finishing_ns or info.started_ns),
    )
    if info.parent is not None:
        message.parent_commit.CopyFrom(commit_message(info.parent))
    if info.finishing_ns is not None:
        message.finishing.CopyFrom(timestamp(info.finishing_ns))
    if info.finished_ns is not None:
        message.finished.CopyFrom(timestamp(info.finished_ns))
        message.details.size_bytes = info.size_bytes
    return message


def commit_ref_of(repo: RepoRef, id: str) -> CommitRef:
    return CommitRef(repo, CommitId(id))


def empty() -> Any:
    return google.Empty()


def edited(metadata: Mapping[str, str], edit: Any) -> dict[str, str]:
    """The metadata after one edit of the Metadata API."""
    operation = edit.WhichOneof("op")
    if operation == "replace":
        return dict(edit.replace.replacement)
    change = None if operation is None else getattr(edit, operation)
    if change is None:
        raise Invalid("unknown op: an edit needs one of replace, add_key, edit_key, delete_key")
    if not change.key:
        raise Invalid("a metadata key may not be empty")
    if operation == "add_key" and change.key in metadata:
        raise Invalid(f'add_key target key "{change.key}" already exists; use edit_key instead')
    if operation == "delete_key":
        return {key: value for key, value in metadata.items() if key != change.key}
    return {**metadata, change.key: change.value}
