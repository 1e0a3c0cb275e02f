"""OpenAPI, versions 2 and 3: enough for kubectl to validate, explain, diff and apply.

The schema of a SeldonDeployment is derived from the very models that parse it. Kubernetes' own
types below it (pod specs and the like) are left open here; the server checks them strictly.
"""

import hashlib
import json

from howdah.core.json import Json, JsonObject, as_object
from howdah.seldon.kube.resources import ALL, GROUP, Resource
from howdah.seldon.manifests.fields import Spec

PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")


def index() -> JsonObject:
    """What /openapi/v3 answers: where the document of each group is, by its hash."""
    return {"paths": {_folder(group): {"serverRelativeURL": _address(group)} for group in ("", GROUP)}}


def _folder(group: str) -> str:
    return f"apis/{group}/v1" if group else "api/v1"


def _address(group: str) -> str:
    text = json.dumps(v3(group), sort_keys=True).encode()
    return f"/openapi/v3/{_folder(group)}?hash={hashlib.sha256(text).hexdigest()[:32]}"


def v3(group: str) -> JsonObject:
    served = [resource for resource in ALL if resource.group == group]
    paths: JsonObject = {}
    for resource in served:
        paths.update(_paths(resource, "#/components/schemas/", v2=False))
    return {
        "openapi": "3.0.0",
        "info": {"title": "Howdah", "version": "v1"},
        "paths": paths,
        "components": {"schemas": {_schema_name(r): _schema(r, "#/components/schemas/") for r in served}},
    }


def v2() -> JsonObject:
    paths: JsonObject = {}
    for resource in ALL:
        paths.update(_paths(resource, "#/definitions/", v2=True))
    definitions: JsonObject = {_schema_name(r): _schema(r, "#/definitions/") for r in ALL}
    info: JsonObject = {"title": "Howdah", "version": "v1"}
    return {"swagger": "2.0", "info": info, "paths": paths, "definitions": definitions}


def _schema_name(resource: Resource) -> str:
    if resource.group:
        return f"io.seldon.machinelearning.{resource.version}.{resource.kind}"
    return f"io.k8s.api.core.v1.{resource.kind}"


def _kind(resource: Resource) -> JsonObject:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _paths(resource: Resource, prefix: str, v2: bool) -> JsonObject:
    scope = "/namespaces/{namespace}" if resource.namespaced else ""
    one = f"{resource.prefix}{scope}/{resource.plural}/{{name}}"
    many = f"{resource.prefix}{scope}/{resource.plural}"
    below: dict[str, str] = {"get": "get", "update": "put", "patch": "patch", "delete": "delete"}
    found: JsonObject = {
        one: {
            method: _operation(resource, verb, prefix, v2)
            for verb, method in below.items()
            if verb in resource.verbs
        }
    }
    collection: dict[str, str] = {"list": "get", "create": "post"}
    found[many] = {
        method: _operation(resource, verb, prefix, v2)
        for verb, method in collection.items()
        if verb in resource.verbs
    }
    return found


def _operation(resource: Resource, verb: str, prefix: str, v2: bool) -> JsonObject:
    named: list[Json] = []
    if verb not in ("get", "list"):
        named = [
            {"name": name, "in": "query", **({"type": "string"} if v2 else {"schema": {"type": "string"}})}
            for name in PARAMETERS
        ]
    reference: JsonObject = {"$ref": prefix + _schema_name(resource)}
    answer: JsonObject = {"description": "OK"}
    answer.update({"schema": reference} if v2 else {"content": {"application/json": {"schema": reference}}})
    return {
        "operationId": f"{verb}{resource.kind}",
        "parameters": named,
        "responses": {"200": answer},
        "x-kubernetes-action": verb,
        "x-kubernetes-group-version-kind": _kind(resource),
    }


def _schema(resource: Resource, prefix: str) -> JsonObject:
    properties: JsonObject = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    }
    if resource.group:
        properties["spec"] = _inlined(Spec.model_json_schema(by_alias=True))
        properties["status"] = _open()
    elif resource.kind == "Secret":
        text: JsonObject = {"type": "object", "additionalProperties": {"type": "string"}}
        properties.update({"data": text, "stringData": text, "type": {"type": "string"}})
        properties["immutable"] = {"type": "boolean"}
    else:
        properties.update({"spec": _open(), "status": _open()})
    return {
        "type": "object",
        "description": f"{resource.kind}, as the embedded engine serves it.",
        "properties": properties,
        "x-kubernetes-group-version-kind": [_kind(resource)],
    }


def _open() -> JsonObject:
    return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def _inlined(schema: JsonObject) -> JsonObject:
    """pydantic's schema without references and unions, which Kubernetes' structural schemas lack."""
    definitions = as_object(schema.get("$defs"))

    def resolved(node: Json, depth: int) -> Json:
        if isinstance(node, list):
            return [resolved(entry, depth) for entry in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str):
            name = reference.rsplit("/", 1)[-1]
            # children hold children: Seldon's CRD stops at ten levels, explain is served with five.
            return _open() if depth > 9 or name.startswith("Json") else resolved(definitions[name], depth + 1)
        options = node.get("anyOf")
        if isinstance(options, list):
            given = [option for option in options if option != {"type": "null"}]
            return resolved(given[0], depth) if len(given) == 1 else _open()
        dropped = ("title", "default", "$defs", "additionalProperties" if "properties" in node else "")
        return {key: resolved(value, depth) for key, value in node.items() if key not in dropped}

    return as_object(resolved(schema, 0))
