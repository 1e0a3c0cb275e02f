"""What a spec leaves unsaid: built-in < cluster < project < the user's own words.

Layers meet by JSON merge patch (RFC 7396) after their field names are made canonical:
objects merge key by key, null deletes, anything else replaces.
"""

import json
from dataclasses import dataclass

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


def parse_text(text: str) -> Json:
    """JSON, or YAML with one document."""
    try:
        parsed: Json = json.loads(text)
        return parsed
    except json.JSONDecodeError as not_json:
        from howdah.pachd.pipelines import plain_yaml  # most specs are JSON, and so are all defaults

        try:
            return plain_yaml.parse(text)
        except plain_yaml.NotYaml as not_yaml:
            if text.lstrip().startswith(("{", "[")):
                raise SpecError("", f"the spec is not JSON: {not_json}") from None
            raise SpecError("", f"the spec is neither JSON nor YAML: {not_yaml}") from None
