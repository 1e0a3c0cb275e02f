"""The documents by which clients find out what is served."""

from howdah.core.json import Json, JsonObject
from howdah.seldon.kube.resources import ALL, GROUP, POD_METRICS, Resource

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


VERSIONS = {GROUP: "v1", POD_METRICS.group: POD_METRICS.version}


def group(name: str) -> JsonObject:
    version: JsonObject = {"groupVersion": f"{name}/{VERSIONS[name]}", "version": VERSIONS[name]}
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": [version],
        "preferredVersion": version,
    }


def groups() -> JsonObject:
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group(name) for name in VERSIONS]}


def resource_list(group: str) -> JsonObject:
    served = [resource for resource in (*ALL, POD_METRICS) if resource.group == group]
    listed: list[Json] = [entry for resource in served for entry in _entries(resource)]
    version = f"{group}/{VERSIONS[group]}" if group else "v1"
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
