"""Specs and inputs as the API shows them: JSON in the protocol's canonical form.

What a user wrote stands verbatim beside it; here defaults are filled in, inputs are fixed to
commits where a job read them, and fields that only Kubernetes honours are echoed.
"""

from datetime import UTC, datetime

from howdah.pachd.pipelines.inputs import CronInput, Input, PfsInput, Trigger
from howdah.pachd.pipelines.records import PipelineInfo
from howdah.pachd.pipelines.schema import JsonObject, shape


def details_json(info: PipelineInfo, message: str, fixed: Input | None = None) -> JsonObject:
    """The effective spec's fields that a `…Details` message has, with what was filled in."""
    fields = {field.json_name for field in shape(message).values()}
    shown = {key: value for key, value in info.effective.items() if key in fields}
    shown["input"] = input_json(fixed or info.spec.input)
    shown["salt"] = info.salt
    service = shown.get("service")
    if isinstance(service, dict) and info.spec.service is not None:
        shown["service"] = service | {"type": info.spec.service.type}
    return shown


def input_json(root: Input) -> JsonObject:
    if isinstance(root, PfsInput):
        return {"pfs": _pfs(root)}
    if isinstance(root, CronInput):
        return {"cron": _cron(root)}
    return {root.kind: [input_json(part) for part in root.parts]}


def _pfs(leaf: PfsInput) -> JsonObject:
    texts = {
        "project": leaf.repo.project,
        "name": leaf.name,
        "repo": leaf.repo.name,
        "repoType": leaf.repo.type,
        "branch": leaf.branch,
        "commit": leaf.commit,
        "glob": leaf.glob,
        "joinOn": leaf.join_on,
        "groupBy": leaf.group_by,
    }
    flags = {
        "outerJoin": leaf.outer_join,
        "lazy": leaf.lazy,
        "emptyFiles": leaf.empty_files,
        "s3": leaf.s3,
        "reference": leaf.reference,
    }
    shown: JsonObject = {key: text for key, text in texts.items() if text}
    shown |= {key: True for key, flag in flags.items() if flag}
    if leaf.never_propagates:
        shown["propagationSpec"] = {"never": True}
    if leaf.trigger is not None:
        shown["trigger"] = _trigger(leaf.trigger)
    return shown


def _trigger(trigger: Trigger) -> JsonObject:
    shown: JsonObject = {
        "branch": trigger.branch,
        "all": trigger.all,
        "rateLimitSpec": trigger.rate_limit_spec,
        "size": trigger.size,
        "commits": str(trigger.commits) if trigger.commits else "",
        "cronSpec": trigger.cron_spec,
    }
    return {key: value for key, value in shown.items() if value}


def _cron(leaf: CronInput) -> JsonObject:
    shown: JsonObject = {
        "name": leaf.name,
        "project": leaf.repo.project,
        "repo": leaf.repo.name,
        "commit": leaf.commit,
        "spec": leaf.spec,
        "overwrite": leaf.overwrite,
    }
    if leaf.start_ns:
        shown["start"] = datetime.fromtimestamp(leaf.start_ns / 1e9, UTC).isoformat().replace("+00:00", "Z")
    return {key: value for key, value in shown.items() if value}
