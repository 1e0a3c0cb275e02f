"""`pfs_v2.API`, branches."""

from collections.abc import Iterator
from typing import Any

from howdah.pachd.versions import Transaction, Versions
from howdah.pachd.wire import convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.transactor import Transactor

_NO_LIMIT = 1 << 30


class BranchCalls:
    service = "pfs_v2.API"

    def __init__(self, versions: Versions, transactor: Transactor) -> None:
        self._versions = versions
        self._transactor = transactor
        transactor.register("create_branch", _create_branch)
        transactor.register("delete_branch", _delete_branch)

    def create_branch(self, request: Any, call: Call) -> Any:
        return self._transactor.run("create_branch", request, call)

    def delete_branch(self, request: Any, call: Call) -> Any:
        return self._transactor.run("delete_branch", request, call)

    def inspect_branch(self, request: Any, call: Call) -> Any:
        with self._versions.view() as view:
            return convert.branch_info(view.branch(convert.branch_ref(request.branch)))

    def list_branch(self, request: Any, call: Call) -> Iterator[Any]:
        repo = convert.repo_ref(request.repo) if request.repo.name else None
        with self._versions.view() as view:
            infos = view.branches(repo, oldest_first=request.reverse)
        return map(convert.branch_info, infos)

    def walk_branch_provenance(self, request: Any, call: Call) -> Iterator[Any]:
        return self._walk(request, downstream=False)

    def walk_branch_subvenance(self, request: Any, call: Call) -> Iterator[Any]:
        return self._walk(request, downstream=True)

    def _walk(self, request: Any, downstream: bool) -> Iterator[Any]:
        depth = request.max_depth or _NO_LIMIT
        limit = request.max_branches or _NO_LIMIT
        for picker in request.start:
            with self._versions.view() as view:
                found = view.branch_provenance(convert.pick_branch(picker), downstream, depth, limit)
            yield from map(convert.branch_info, found)


def _create_branch(tx: Transaction, request: Any) -> Any:
    branch = convert.branch_ref(request.branch)
    never = [
        convert.branch_ref(spec.branch)
        for spec in request.branch_propagation_specs
        if spec.propagation_spec.never
    ]
    tx.create_branch(
        branch,
        head=convert.optional_commit(request, "head"),
        provenance=[convert.branch_ref(upstream) for upstream in request.provenance],
        trigger=convert.trigger(request),
        never=never,
    )
    return convert.empty()


def _delete_branch(tx: Transaction, request: Any) -> Any:
    tx.delete_branch(convert.branch_ref(request.branch), request.force)
    return convert.empty()
