"""The documents by which clients find out what is served."""

from howdah.core.json import Json, JsonObject
from howdah.seldon.kube.resources import ALL, GROUP, Resource

VERSION: JsonObject = {
    "major": "1",
    "minor": "30",
    "gitVersion": "v1.30.0+howdah",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "",
}


def core_versions() -> JsonObject:
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}


def group() -> JsonObject:
    version: JsonObject = {"groupVersion": f"{GROUP}/v1", "version": "v1"}
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": GROUP,
        "versions": [version],
        "preferredVersion": version,
    }


def groups() -> JsonObject:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group()]}


def resource_list(group: str) -> JsonObject:
    served = [resource for resource in ALL if resource.group == group]
    listed: list[Json] = [entry for resource in served for entry in _entries(resource)]
    version = f"{group}/v1" if group else "v1"
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": listed}


def _entries(resource: Resource) -> list[JsonObject]:
    base: JsonObject = {
        "name": resource.plural,
        "singularName": resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        base["shortNames"] = list(resource.short_names)
    if resource.categories:
        base["categories"] = list(resource.categories)
    below: list[JsonObject] = [
        {
            "name": f"{resource.plural}/{name}",
            "singularName": "",
            "namespaced": resource.namespaced,
            "kind": resource.kind,
            "verbs": ["get"] if name == "log" else ["get", "patch", "update"],
        }
        for name in resource.subresources
    ]
    return [base, *below]
