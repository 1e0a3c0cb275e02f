"""`pps_v2.API`, pipelines."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from howdah.errors import Invalid
from howdah.pachd.pipelines import operations, tables
from howdah.pachd.pipelines.defaults import EffectiveSpec
from howdah.pachd.pipelines.engine import Engine
from howdah.pachd.pipelines.errors import NoCronInput, PipelineNotFound
from howdah.pachd.pipelines.inputs import crons
from howdah.pachd.pipelines.records import JobState, PipelineInfo, PipelineState
from howdah.pachd.pipelines.refs import PipelineRef
from howdah.pachd.pipelines.spec import not_honoured
from howdah.pachd.versions import Transaction, View
from howdah.pachd.versions.names import parse_ancestry
from howdah.pachd.wire import convert, pps_convert
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import pps
from howdah.pachd.wire.errors import NotServed
from howdah.pachd.wire.jq_filter import jq_filter
from howdah.pachd.wire.transactor import Transactor

_UNHEALTHY = {JobState.KILLED, JobState.FAILURE, JobState.UNRUNNABLE}
_FAILED = {PipelineState.FAILURE, PipelineState.CRASHING}


class CreatePipelineCalls:
    service = "pps_v2.API"

    def __init__(self, engine: Engine, transactor: Transactor) -> None:
        self._engine = engine
        self._transactor = transactor
        transactor.register("create_pipeline_v2", _create)

    def create_pipeline_v2(self, request: Any, call: Call) -> Any:
        text = request.create_pipeline_request_json
        said = operations.said_in_spec(text)
        change = pps.CreatePipelineRequest(
            update=request.update or said.update, reprocess=request.reprocess or said.reprocess
        )
        planned = pps.CreatePipelineTransaction(user_json=text, create_pipeline_request=change)
        if request.dry_run or said.dry_run:
            effective = self._engine.versions.transact(
                lambda tx: _create_now(tx, planned).effective_json, dry_run=True
            )
        else:
            with self._engine.versions.view() as view:
                effective = operations.effective_in(view.connection, text).effective_json
            self._transactor.run("create_pipeline_v2", planned, call)
        return pps.CreatePipelineV2Response(effective_create_pipeline_request_json=effective)

    def create_pipeline(self, request: Any, call: Call) -> Any:
        """The first version of the call: its message is the spec."""
        text = json.dumps(pps_convert.as_json(request))
        wrapped = pps.CreatePipelineV2Request(create_pipeline_request_json=text)
        self.create_pipeline_v2(wrapped, call)
        return convert.empty()

    def render_template(self, request: Any, call: Call) -> Any:
        raise NotServed(
            "/pps_v2.API/RenderTemplate",
            "jsonnet templates are not rendered here; render them yourself and create the pipeline from JSON",
        )


def _create(tx: Transaction, request: Any) -> Any:
    _create_now(tx, request)
    return convert.empty()


def _create_now(tx: Transaction, request: Any) -> EffectiveSpec:
    effective = operations.effective(tx, request.user_json)
    change = request.create_pipeline_request
    operations.create(tx, effective, update=change.update, reprocess=change.reprocess)
    return effective


class PipelineCalls:
    service = "pps_v2.API"

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._versions = engine.versions

    def inspect_pipeline(self, request: Any, call: Call) -> Any:
        ref = pps_convert.pipeline_ref(request.pipeline)
        ancestry = parse_ancestry(ref.name)
        ref = replace(ref, name=ancestry.base)
        with self._versions.view() as view:
            info = tables.pipeline(view.connection, ref)
            if info is not None and ancestry.back:
                if ancestry.back >= info.version:
                    raise Invalid(
                        f'pipeline "{ref}" has only {info.version} versions, '
                        f"not enough to find ancestor {ancestry.back}"
                    )
                info = tables.pipeline(view.connection, ref, info.version - ancestry.back)
            if info is None:
                raise PipelineNotFound(ref)
            return self._message(view, info)

    def list_pipeline(self, request: Any, call: Call) -> Iterator[Any]:
        keep = jq_filter(request.jq_filter)
        projects = {project.name for project in request.projects}
        wanted = pps_convert.pipeline_ref(request.pipeline) if request.HasField("pipeline") else None
        with self._versions.view() as view:
            messages = [
                self._message(view, info)
                for info in tables.pipelines(view.connection, request.history)
                if (wanted is None or info.ref == wanted)
                and (not projects or info.ref.project in projects)
                and _in_set(view, info, request.commit_set.id)
            ]
        kept = [message for message in messages if keep(message)]
        if request.page.page_size:
            start = request.page.page_index * request.page.page_size
            kept = kept[start : start + request.page.page_size]
        return iter(kept)

    def _message(self, view: View, info: PipelineInfo) -> Any:
        last = tables.last_job_state(view.connection, info.ref)
        return pps_convert.pipeline_info(info, last, self._engine.workers_of(info))

    def start_pipeline(self, request: Any, call: Call) -> Any:
        ref = pps_convert.pipeline_ref(request.pipeline)
        self._versions.transact(lambda tx: operations.start(tx, ref))
        return convert.empty()

    def stop_pipeline(self, request: Any, call: Call) -> Any:
        ref = pps_convert.pipeline_ref(request.pipeline)

        def change(tx: Transaction) -> None:
            if request.must_exist or tables.pipeline(tx.connection, ref) is not None:
                operations.stop(tx, ref)

        self._versions.transact(change)
        return convert.empty()

    def rerun_pipeline(self, request: Any, call: Call) -> Any:
        ref = pps_convert.pipeline_ref(request.pipeline)
        self._versions.transact(lambda tx: operations.rerun(tx, ref, reprocess=request.reprocess))
        return convert.empty()

    def delete_pipeline(self, request: Any, call: Call) -> Any:
        if request.all:
            self._delete_all(None, request.force, request.keep_repo)
            return convert.empty()
        ref = pps_convert.pipeline_ref(request.pipeline)
        deleted = self._versions.transact(
            lambda tx: operations.delete(tx, ref, force=request.force, keep_repo=request.keep_repo)
        )
        if request.must_exist and not deleted:
            raise PipelineNotFound(ref)
        self._engine.logs.forget(ref)
        return convert.empty()

    def delete_pipelines(self, request: Any, call: Call) -> Any:
        projects = None if request.all else [convert.project_name(each) for each in request.projects]
        gone = self._delete_all(projects, request.force, request.keep_repo)
        return pps.DeletePipelinesResponse(pipelines=map(pps_convert.pipeline_message, gone))

    def _delete_all(self, projects: list[str] | None, force: bool, keep_repo: bool) -> list[PipelineRef]:
        gone = self._versions.transact(
            lambda tx: operations.delete_all(tx, projects, force=force, keep_repo=keep_repo)
        )
        for ref in gone:
            self._engine.logs.forget(ref)
        return gone

    def delete_all(self, request: Any, call: Call) -> Any:
        """Pipelines with everything that hangs on them; secrets stay, as in Pachyderm."""
        self._delete_all(None, True, False)
        self._versions.transact(lambda tx: tables.delete_defaults(tx.connection))
        return convert.empty()

    def run_cron(self, request: Any, call: Call) -> Any:
        ref = pps_convert.pipeline_ref(request.pipeline)
        with self._versions.view() as view:
            info = tables.pipeline(view.connection, ref)
        if info is None:
            raise PipelineNotFound(ref)
        if not crons(info.spec.input):
            raise NoCronInput
        self._engine.controller.run_cron(info)
        return convert.empty()

    def check_status(self, request: Any, call: Call) -> Iterator[Any]:
        """One message a pipeline that needs attention, or could do with some."""
        project = request.project.name
        with self._versions.view() as view:
            infos = tables.pipelines(view.connection)
        for info in infos:
            alerts = _alerts(info)
            if alerts and project in ("", info.ref.project):
                yield pps.CheckStatusResponse(
                    project=convert.project_message(info.ref.project),
                    pipeline=pps_convert.pipeline_message(info.ref),
                    alerts=alerts,
                )

    def pipelines_summary(self, request: Any, call: Call) -> Any:
        with self._versions.view() as view:
            projects = [convert.pick_project(picker) for picker in request.projects]
            projects = projects or [info.name for info in view.projects()]
            summaries = {
                name: pps.PipelinesSummary(project=convert.project_message(name)) for name in projects
            }
            for info in tables.pipelines(view.connection):
                summary = summaries.get(info.ref.project)
                if summary is None:
                    continue
                if info.state in _FAILED:
                    summary.failed_pipelines += 1
                elif info.stopped:
                    summary.paused_pipelines += 1
                else:
                    summary.active_pipelines += 1
                if tables.last_job_state(view.connection, info.ref) in _UNHEALTHY:
                    summary.unhealthy_pipelines += 1
        return pps.PipelinesSummaryResponse(summaries=summaries.values())


def _in_set(view: View, info: PipelineInfo, set_id: str) -> bool:
    """Whether the set's commits were computed by this version."""
    if not set_id:
        return True
    return any(commit.ref == info.spec_commit for commit in view.commit_set(set_id).commits)


def _alerts(info: PipelineInfo) -> list[str]:
    alerts = [info.reason] if info.state in _FAILED else []
    unhonoured = not_honoured(info.effective)
    if unhonoured:
        alerts.append(f"not honoured outside Kubernetes: {', '.join(unhonoured)}")
    return alerts
