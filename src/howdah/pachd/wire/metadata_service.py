"""`metadata.API`: key-value notes on the cluster, projects, repos, branches and commits."""

from collections.abc import Callable
from typing import Any

from howdah.errors import Invalid
from howdah.pachd.versions import Transaction, Versions
from howdah.pachd.wire import convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import metadata


class MetadataService:
    """All edits of a call happen, or none. Pipelines register an editor of their own."""

    service = "metadata.API"

    def __init__(
        self, versions: Versions, edit_pipeline: Callable[[Transaction, Any], None] | None = None
    ) -> None:
        self._versions = versions
        self._edit_pipeline = edit_pipeline

    def edit_metadata(self, request: Any, call: Call) -> Any:
        def change(tx: Transaction) -> None:
            for number, edit in enumerate(request.edits):
                try:
                    self._edit(tx, edit)
                except Invalid as error:
                    raise Invalid(f"edit #{number}: {error}") from error

        self._versions.transact(change)
        return metadata.EditMetadataResponse()

    def _edit(self, tx: Transaction, edit: Any) -> None:
        target = edit.WhichOneof("target")
        if target == "project":
            project = convert.pick_project(edit.project)
            tx.set_project_metadata(project, convert.edited(tx.view.project(project).metadata, edit))
        elif target == "repo":
            repo = convert.pick_repo(edit.repo)
            tx.set_repo_metadata(repo, convert.edited(tx.view.repo(repo).metadata, edit))
        elif target == "branch":
            branch = convert.pick_branch(edit.branch)
            tx.set_branch_metadata(branch, convert.edited(tx.view.branch(branch).metadata, edit))
        elif target == "commit":
            commit = convert.pick_commit(edit.commit)
            tx.set_commit_metadata(commit, convert.edited(tx.view.commit(commit).metadata, edit))
        elif target == "cluster":
            tx.set_cluster_metadata(convert.edited(tx.view.cluster_metadata(), edit))
        elif target == "pipeline" and self._edit_pipeline is not None:
            self._edit_pipeline(tx, edit)
        else:
            raise Invalid(
                "unknown target: an edit names a cluster, project, repo, branch, commit or pipeline"
            )
