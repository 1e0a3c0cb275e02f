"""What a spec leaves unsaid: built-in < cluster < project < the user's own words.

Layers meet by JSON merge patch (RFC 7396) after their field names are made canonical:
objects merge key by key, null deletes, anything else replaces.
"""

import json
from dataclasses import dataclass

import yaml

from howdah.pachd.pipelines.schema import Json, JsonObject, SpecError, canonical, canonical_spec

DEFAULT_IMAGE = "ubuntu:20.04"
DEFAULT_DATUM_TRIES = 3
UNTIL_SUCCESS, EVERY_JOB = "until_success", "every_job"

_BUILT_IN: JsonObject = {
    "transform": {"image": DEFAULT_IMAGE},
    "outputBranch": "master",
    "datumTries": str(DEFAULT_DATUM_TRIES),
    "reprocessSpec": UNTIL_SUCCESS,
}


@dataclass(frozen=True, slots=True)
class EffectiveSpec:
    user_json: str  # verbatim
    effective_json: str
    value: JsonObject  # the effective spec, canonical


def built_in() -> JsonObject:
    copy: JsonObject = json.loads(json.dumps(_BUILT_IN))
    return copy


def merge_patch(target: Json, patch: Json) -> Json:
    if not isinstance(patch, dict):
        return patch
    merged: JsonObject = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def parse_defaults(text: str) -> JsonObject:
    """The spec part of a ClusterDefaults or ProjectDefaults document; empty text is no defaults."""
    if not text.strip():
        return {}
    document = canonical(parse_text(text), "pps_v2.ClusterDefaults")
    part = document.get("createPipelineRequest") or {}
    assert isinstance(part, dict)
    for key in ("pipeline", "update", "reprocess", "dryRun", "specCommit"):
        if key in part:
            raise SpecError(f"createPipelineRequest.{key}", "defaults cannot set this")
    return part


def effective_spec(user_text: str, cluster_text: str = "", project_text: str = "") -> EffectiveSpec:
    user = canonical_spec(parse_text(user_text))
    merged: Json = built_in()
    for layer in (parse_defaults(cluster_text), parse_defaults(project_text), user):
        merged = merge_patch(merged, layer)
    assert isinstance(merged, dict)
    return EffectiveSpec(user_text, json.dumps(merged, separators=(",", ":"), sort_keys=True), merged)


class _PlainLoader(yaml.SafeLoader):
    """YAML as JSON knows it: no dates, since a spec's times are texts."""


_PlainLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def parse_text(text: str) -> Json:
    """JSON, or YAML with one document."""
    try:
        parsed: Json = json.loads(text)
        return parsed
    except json.JSONDecodeError as not_json:
        try:
            parsed = yaml.load(text, Loader=_PlainLoader)
        except yaml.YAMLError as not_yaml:
            if text.lstrip().startswith(("{", "[")):
                raise SpecError("", f"the spec is not JSON: {not_json}") from None
            raise SpecError("", f"the spec is neither JSON nor YAML: {_first_line(not_yaml)}") from None
        return parsed


def _first_line(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"{problem} (line {mark.line + 1}, column {mark.column + 1})" if mark else str(problem)
