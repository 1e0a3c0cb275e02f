"""`pps_v2.API`, defaults of the cluster and of projects."""

from typing import Any

from howdah.core.refs import DEFAULT_PROJECT
from howdah.pachd.pipelines import operations, tables
from howdah.pachd.pipelines.defaults import effective_spec, parse_defaults
from howdah.pachd.pipelines.engine import Engine
from howdah.pachd.pipelines.records import PipelineInfo
from howdah.pachd.pipelines.refs import PipelineRef
from howdah.pachd.versions import Transaction
from howdah.pachd.wire import convert, pps_convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import pps


class DefaultsCalls:
    service = "pps_v2.API"

    def __init__(self, engine: Engine) -> None:
        self._versions = engine.versions

    def get_cluster_defaults(self, request: Any, call: Call) -> Any:
        with self._versions.view() as view:
            document, _ = tables.defaults(view.connection)
        return pps.GetClusterDefaultsResponse(cluster_defaults_json=document or "{}")

    def set_cluster_defaults(self, request: Any, call: Call) -> Any:
        affected = self._set("", request.cluster_defaults_json, request)
        return pps.SetClusterDefaultsResponse(affected_pipelines=affected)

    def get_project_defaults(self, request: Any, call: Call) -> Any:
        project = request.project.name or DEFAULT_PROJECT
        with self._versions.view() as view:
            view.project(project)
            document, created_ns = tables.defaults(view.connection, project)
        message = pps.GetProjectDefaultsResponse(project_defaults_json=document or "{}")
        if created_ns:
            message.created_at.CopyFrom(convert.timestamp(created_ns))
        return message

    def set_project_defaults(self, request: Any, call: Call) -> Any:
        project = request.project.name or DEFAULT_PROJECT
        affected = self._set(project, request.project_defaults_json, request)
        return pps.SetProjectDefaultsResponse(affected_pipelines=affected)

    def _set(self, project: str, document: str, request: Any) -> list[Any]:
        parse_defaults(document)

        def change(tx: Transaction) -> list[PipelineRef]:
            if project:
                tx.view.project(project)
            tables.set_defaults(tx.connection, project, document, tx.now_ns)
            return _regenerate(tx, project, request.reprocess) if request.regenerate else []

        affected = self._versions.transact(change, dry_run=request.dry_run)
        return [pps_convert.pipeline_message(ref) for ref in affected]


def _regenerate(tx: Transaction, project: str, reprocess: bool) -> list[PipelineRef]:
    """Update every pipeline whose effective spec comes out otherwise under the new defaults."""
    changed = [info for info in tables.pipelines(tx.connection) if _comes_out_otherwise(tx, info, project)]
    for info in changed:
        operations.create(tx, operations.effective(tx, info.user_json), update=True, reprocess=reprocess)
    return [info.ref for info in changed]


def _comes_out_otherwise(tx: Transaction, info: PipelineInfo, project: str) -> bool:
    if project and info.ref.project != project:
        return False
    cluster, _ = tables.defaults(tx.connection)
    own, _ = tables.defaults(tx.connection, info.ref.project)
    return effective_spec(info.user_json, cluster, own).effective_json != info.effective_json
