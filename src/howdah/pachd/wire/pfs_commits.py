"""`pfs_v2.API`, commits and commit sets."""

from collections.abc import Iterator
from typing import Any

from howdah.core.refs import BranchRef
from howdah.pachd.versions import CommitInfo, CommitState, Transaction, Versions
from howdah.pachd.versions.errors import CommitSetNotFound
from howdah.pachd.wire import convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import pfs
from howdah.pachd.wire.transactor import Transactor

_NO_LIMIT = 1 << 30


class CommitCalls:
    service = "pfs_v2.API"

    def __init__(self, versions: Versions, transactor: Transactor) -> None:
        self._versions = versions
        self._transactor = transactor
        transactor.register("start_commit", _start_commit)
        transactor.register("finish_commit", _finish_commit)

    def start_commit(self, request: Any, call: Call) -> Any:
        return self._transactor.run("start_commit", request, call)

    def finish_commit(self, request: Any, call: Call) -> Any:
        return self._transactor.run("finish_commit", request, call)

    def inspect_commit(self, request: Any, call: Call) -> Any:
        commit = convert.commit_spec(request.commit)
        state = convert.commit_state(request.wait)
        with self._versions.view() as view:
            info = view.commit(commit)
            if state <= CommitState.STARTED or view.state(info) >= state:
                return convert.commit_info(info)
        with call.waiting() as cancel:
            return convert.commit_info(self._versions.wait_commit(info.ref, state, cancel=cancel))

    def list_commit(self, request: Any, call: Call) -> Iterator[Any]:
        started_ns = request.started_time.ToNanoseconds() if request.HasField("started_time") else None
        with self._versions.view() as view:
            infos = list(
                view.commits(
                    convert.repo_ref(request.repo) if request.repo.name else None,
                    to=convert.optional_commit(request, "to"),
                    from_=convert.optional_commit(request, "from"),
                    number=request.number,
                    oldest_first=request.reverse,
                    origin=convert.origin(request.origin_kind),
                    started_before_ns=started_ns,
                )
            )
        return map(convert.commit_info, infos)

    def subscribe_commit(self, request: Any, call: Call) -> Iterator[Any]:
        with call.waiting() as cancel:
            infos = self._versions.subscribe_commits(
                convert.repo_ref(request.repo),
                branch=request.branch,
                from_=convert.optional_commit(request, "from"),
                state=convert.commit_state(request.state),
                origin=convert.origin(request.origin_kind),
                cancel=cancel,
            )
            yield from map(convert.commit_info, infos)

    def clear_commit(self, request: Any, call: Call) -> Any:
        commit = convert.commit_spec(request.commit)
        self._versions.transact(lambda tx: tx.clear_commit(commit))
        return convert.empty()

    def squash_commit(self, request: Any, call: Call) -> Any:
        commit = convert.commit_spec(request.commit)
        self._versions.transact(lambda tx: tx.squash_commit(commit, request.recursive))
        return pfs.SquashCommitResponse()

    def drop_commit(self, request: Any, call: Call) -> Any:
        commit = convert.commit_spec(request.commit)
        self._versions.transact(lambda tx: tx.drop_commit(commit, request.recursive))
        return pfs.DropCommitResponse()

    def forget_commit(self, request: Any, call: Call) -> Any:
        commit = convert.pick_commit(request.commit)
        self._versions.transact(lambda tx: tx.forget_commit(commit))
        return pfs.ForgetCommitResponse()

    def walk_commit_provenance(self, request: Any, call: Call) -> Iterator[Any]:
        return self._walk(request, downstream=False)

    def walk_commit_subvenance(self, request: Any, call: Call) -> Iterator[Any]:
        return self._walk(request, downstream=True)

    def _walk(self, request: Any, downstream: bool) -> Iterator[Any]:
        depth = request.max_depth or _NO_LIMIT
        limit = request.max_commits or _NO_LIMIT
        for picker in request.start:
            with self._versions.view() as view:
                found = view.commit_provenance(convert.pick_commit(picker), downstream, depth, limit)
            yield from map(convert.commit_info, found)


class CommitSetCalls:
    service = "pfs_v2.API"

    def __init__(self, versions: Versions, transactor: Transactor) -> None:
        self._versions = versions
        self._transactor = transactor
        transactor.register("squash_commit_set", _squash_commit_set)

    def inspect_commit_set(self, request: Any, call: Call) -> Iterator[Any]:
        """With `wait` each commit is sent once it has finished, upstream first."""
        infos = self._commits(request.commit_set.id)
        if not request.wait:
            yield from map(convert.commit_info, infos)
            return
        sent: set[object] = set()
        # Commits may join the set while earlier ones are awaited: look again until all are sent.
        while waiting := [info for info in infos if info.ref not in sent]:
            for info in waiting:
                sent.add(info.ref)
                yield convert.commit_info(self._finished(info, call))
            infos = self._commits(request.commit_set.id)

    def _finished(self, info: CommitInfo, call: Call) -> CommitInfo:
        if info.finished:
            return info
        with call.waiting() as cancel:
            return self._versions.wait_commit(info.ref, cancel=cancel)

    def _commits(self, id: str) -> tuple[CommitInfo, ...]:
        with self._versions.view() as view:
            commits = view.commit_set(id).commits
        if not commits:
            raise CommitSetNotFound(id)
        return commits

    def list_commit_set(self, request: Any, call: Call) -> Iterator[Any]:
        project = convert.project_name(request.project) if request.HasField("project") else None
        with self._versions.view() as view:
            sets = list(view.commit_sets(project))
        for found in sets:
            yield pfs.CommitSetInfo(
                commit_set=pfs.CommitSet(id=found.id), commits=map(convert.commit_info, found.commits)
            )

    def squash_commit_set(self, request: Any, call: Call) -> Any:
        return self._transactor.run("squash_commit_set", request, call)

    def drop_commit_set(self, request: Any, call: Call) -> Any:
        self._versions.transact(lambda tx: tx.drop_commit_set(request.commit_set.id))
        return convert.empty()


def _start_commit(tx: Transaction, request: Any) -> Any:
    branch = convert.branch_ref(request.branch)
    ref = tx.start_commit(
        BranchRef(branch.repo, branch.name),
        parent=convert.optional_commit(request, "parent"),
        description=request.description,
    )
    return convert.commit_message(ref)


def _finish_commit(tx: Transaction, request: Any) -> Any:
    tx.finish_commit(
        convert.commit_spec(request.commit),
        error=request.error,
        description=request.description,
        force=request.force,
    )
    return convert.empty()


def _squash_commit_set(tx: Transaction, request: Any) -> Any:
    tx.squash_commit_set(request.commit_set.id)
    return convert.empty()
