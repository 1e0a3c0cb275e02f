"""`pfs_v2.API`, projects and repos."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from howdah.core.refs import USER
from howdah.errors import Invalid
from howdah.pachd.pipelines.tables import defaults
from howdah.pachd.versions import Transaction, Versions
from howdah.pachd.wire import convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import pfs
from howdah.pachd.wire.transactor import Transactor


class ProjectCalls:
    service = "pfs_v2.API"

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def create_project(self, request: Any, call: Call) -> Any:
        name = convert.project_name(request.project)
        self._versions.transact(lambda tx: tx.create_project(name, request.description, request.update))
        return convert.empty()

    def inspect_project(self, request: Any, call: Call) -> Any:
        with self._versions.view() as view:
            return convert.project_info(view.project(convert.project_name(request.project)))

    def inspect_project_v2(self, request: Any, call: Call) -> Any:
        """With the defaults that the project's pipelines start from."""
        name = convert.project_name(request.project)
        with self._versions.view() as view:
            info = convert.project_info(view.project(name))
            document, _ = defaults(view.connection, name)
        return pfs.InspectProjectV2Response(info=info, defaults_json=document or "{}")

    def list_project(self, request: Any, call: Call) -> Iterator[Any]:
        with self._versions.view() as view:
            infos = view.projects()
        return map(convert.project_info, infos)

    def delete_project(self, request: Any, call: Call) -> Any:
        name = convert.project_name(request.project)
        self._versions.transact(lambda tx: tx.delete_project(name, request.force))
        return convert.empty()

    def repos_summary(self, request: Any, call: Call) -> Any:
        wanted = [convert.pick_project(picker) for picker in request.projects]
        counts: defaultdict[str, int] = defaultdict(int)
        sizes: defaultdict[str, int] = defaultdict(int)
        with self._versions.view() as view:
            for name in wanted:
                view.project(name)
            for repo in view.repos(USER, wanted):
                counts[repo.ref.project] += 1
                sizes[repo.ref.project] += repo.size_bytes
        summaries = [
            pfs.ReposSummary(
                project=convert.project_message(name), user_repo_count=counts[name], size_bytes=sizes[name]
            )
            for name in (wanted or sorted(counts))
        ]
        return pfs.ReposSummaryResponse(summaries=summaries)


class RepoCalls:
    service = "pfs_v2.API"

    def __init__(self, versions: Versions, transactor: Transactor) -> None:
        self._versions = versions
        self._transactor = transactor
        transactor.register("create_repo", _create_repo)
        transactor.register("delete_repo", _delete_repo)

    def create_repo(self, request: Any, call: Call) -> Any:
        return self._transactor.run("create_repo", request, call)

    def delete_repo(self, request: Any, call: Call) -> Any:
        return self._transactor.run("delete_repo", request, call)

    def inspect_repo(self, request: Any, call: Call) -> Any:
        with self._versions.view() as view:
            return convert.repo_info(view.repo(convert.repo_ref(request.repo)))

    def list_repo(self, request: Any, call: Call) -> Iterator[Any]:
        projects = [convert.project_name(project) for project in request.projects]
        with self._versions.view() as view:
            infos = view.repos(request.type, projects)
        if request.HasField("page"):
            infos.sort(key=lambda info: info.ref)
            size, index = request.page.page_size, request.page.page_index
            if size < 0 or index < 0:
                raise Invalid("page size and index must not be negative")
            infos = infos[size * index : size * (index + 1)] if size else infos
        return map(convert.repo_info, infos)

    def delete_repos(self, request: Any, call: Call) -> Any:
        projects = [convert.project_name(project) for project in request.projects]
        if not projects and not request.all:
            return pfs.DeleteReposResponse()
        gone = self._versions.transact(
            lambda tx: tx.delete_repos([] if request.all else projects, request.force)
        )
        return pfs.DeleteReposResponse(repos=map(convert.repo_message, gone))

    def delete_all(self, request: Any, call: Call) -> Any:
        self._versions.transact(lambda tx: tx.delete_all())
        return convert.empty()


def _create_repo(tx: Transaction, request: Any) -> Any:
    tx.create_repo(convert.repo_ref(request.repo), request.description, request.update)
    return convert.empty()


def _delete_repo(tx: Transaction, request: Any) -> Any:
    deleted = tx.delete_repo(convert.repo_ref(request.repo), request.force)
    return pfs.DeleteRepoResponse(deleted=deleted)
