"""The real kubectl, lightkube and the official client against the Kubernetes API."""

import json
import subprocess
import threading

import pytest

pytestmark = pytest.mark.slow


def manifest(name: str = "kept", **spec: object) -> dict:
    """One that is stored and never becomes ready: its model does not exist."""
    graph = {"name": "m", "implementation": "SKLEARN_SERVER", "modelUri": "/no/such/model"}
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": name, "namespace": "kubectl"},
        "spec": {"predictors": [{"name": "p", "graph": graph}], **spec},
    }


def test_apply_get_diff_describe_delete(engine):
    assert "created" in engine.kubectl("apply", "-f", "-", stdin=manifest())
    assert "unchanged" in engine.kubectl("apply", "-f", "-", stdin=manifest())
    assert "configured" in engine.kubectl("apply", "-f", "-", stdin=manifest(replicas=2))
    row = engine.kubectl("get", "sdep", "kept", "-n", "kubectl").splitlines()
    assert row[0].split() == ["NAME", "STATE", "REPLICAS", "AGE"]
    assert row[1].split()[0] == "kept"
    changed = engine.kubectl("diff", "-f", "-", stdin=manifest(replicas=3), check=False)
    assert "-  replicas: 2" in changed
    assert "+  replicas: 3" in changed
    engine.until(lambda: engine.status("kept", "kubectl").get("state") == "Failed", "the failure to be told")
    told = engine.kubectl("describe", "sdep", "kept", "-n", "kubectl")
    assert "/no/such/model: no such file or folder" in told
    assert "deleted" in engine.kubectl("delete", "sdep", "kept", "-n", "kubectl")
    assert "NotFound" in engine.kubectl("get", "sdep", "kept", "-n", "kubectl", check=False)


def test_server_side_apply_and_its_conflicts(engine):
    engine.kubectl("apply", "--server-side", "-f", "-", stdin=manifest("owned", replicas=1))
    words = ("apply", "--server-side", "--field-manager=other", "-f", "-")
    refused = engine.kubectl(*words, stdin=manifest("owned", replicas=2), check=False)
    assert 'conflict with "kubectl"' in refused
    assert ".spec.replicas" in refused
    engine.kubectl(*words, "--force-conflicts", stdin=manifest("owned", replicas=2))
    shown = engine.kubectl("get", "sdep", "owned", "-n", "kubectl", "-o", "json", "--show-managed-fields")
    managers = [entry["manager"] for entry in json.loads(shown)["metadata"]["managedFields"]]
    assert "other" in managers
    engine.kubectl("delete", "sdep", "owned", "-n", "kubectl")


def test_mistakes_are_told_with_their_path(engine):
    wrong = manifest("wrong")
    wrong["spec"]["predictors"][0]["grph"] = {}
    told = engine.kubectl("apply", "-f", "-", stdin=wrong, check=False)
    assert 'unknown field "spec.predictors[0].grph" (did you mean "graph"?)' in told
    shadow = manifest("wrong")
    shadow["spec"]["predictors"][0]["shadow"] = True
    assert "Shadow can not exist" in engine.kubectl("apply", "-f", "-", stdin=shadow, check=False)


def test_patches_labels_and_explain(engine):
    engine.apply(manifest("patched"))
    engine.kubectl(
        "patch", "sdep", "patched", "-n", "kubectl", "--type", "merge", "-p", '{"spec":{"replicas":2}}'
    )
    operation = '[{"op":"replace","path":"/spec/replicas","value":3}]'
    engine.kubectl("patch", "sdep", "patched", "-n", "kubectl", "--type", "json", "-p", operation)
    engine.kubectl("label", "sdep", "patched", "-n", "kubectl", "tier=gold")
    assert "patched" in engine.kubectl("get", "sdep", "-n", "kubectl", "-l", "tier=gold", "-o", "name")
    assert engine.kubectl("get", "sdep", "-n", "kubectl", "-l", "tier=tin", "-o", "name") == ""
    stored = json.loads(engine.kubectl("get", "sdep", "patched", "-n", "kubectl", "-o", "json"))
    assert stored["spec"]["replicas"] == 3
    assert "modelUri" in engine.kubectl("explain", "sdep.spec.predictors.graph")
    engine.kubectl("delete", "sdep", "patched", "-n", "kubectl")


def test_secrets_and_read_only_kinds(engine):
    engine.kubectl("create", "secret", "generic", "keys", "-n", "kubectl", "--from-literal=a=b")
    data = json.loads(engine.kubectl("get", "secret", "keys", "-n", "kubectl", "-o", "json"))["data"]
    assert data == {"a": "Yg=="}
    assert "kubectl" in engine.kubectl("get", "ns")
    assert "not allow" in engine.kubectl("create", "ns", "new", check=False)
    engine.kubectl("delete", "secret", "keys", "-n", "kubectl")


def test_a_watch_sees_every_change_and_waits_for_a_deletion(engine):
    engine.apply(manifest("watched"))
    words = ["kubectl", "--server", engine.api, "wait", "--for=delete", "sdep/watched", "-n", "kubectl"]
    waiting = subprocess.Popen([*words, "--timeout=30s"], stdout=subprocess.PIPE, text=True)
    engine.kubectl("delete", "sdep", "watched", "-n", "kubectl")
    assert waiting.wait(30) == 0
    assert waiting.stdout
    waiting.stdout.close()


def test_lightkube(engine):
    from lightkube import ApiError, Client, KubeConfig
    from lightkube.generic_resource import create_namespaced_resource
    from lightkube.resources.core_v1 import Secret
    from lightkube.types import PatchType

    kind = create_namespaced_resource(
        "machinelearning.seldon.io", "v1", "SeldonDeployment", "seldondeployments"
    )
    config = KubeConfig.from_dict(
        {
            "clusters": [{"name": "howdah", "cluster": {"server": engine.api}}],
            "users": [{"name": "howdah", "user": {}}],
            "contexts": [{"name": "howdah", "context": {"cluster": "howdah", "user": "howdah"}}],
            "current-context": "howdah",
        }
    )
    client = Client(config, field_manager="test")
    seen = []
    ready = threading.Event()

    def watch() -> None:
        for event, document in client.watch(kind, namespace="light", server_timeout=5):
            seen.append((event, document.metadata.name))
            ready.set()
            if event == "DELETED":
                return  # by itself, this client begins anew whenever the server ends a watch

    client.apply(kind.from_dict({**manifest("l"), "metadata": {"name": "l", "namespace": "light"}}))
    thread = threading.Thread(target=watch)
    thread.start()
    assert ready.wait(10)
    assert client.get(kind, "l", namespace="light").spec["predictors"][0]["name"] == "p"
    assert [found.metadata.name for found in client.list(kind, namespace="light")] == ["l"]
    client.patch(kind, "l", {"spec": {"replicas": 4}}, namespace="light", patch_type=PatchType.MERGE)
    client.delete(kind, "l", namespace="light")
    with pytest.raises(ApiError) as missing:
        client.get(kind, "l", namespace="light")
    assert missing.value.status.reason == "NotFound"
    assert list(client.list(Secret, namespace="light")) == []
    thread.join(20)
    assert ("DELETED", "l") in seen
    client._client._client.close()  # a watch that is left before its end keeps its connection


def test_the_official_client(engine):
    from kubernetes import client, watch
    from kubernetes.client.exceptions import ApiException

    configuration = client.Configuration(host=engine.api)
    with client.ApiClient(configuration) as api:
        custom = client.CustomObjectsApi(api)
        where = ("machinelearning.seldon.io", "v1", "official", "seldondeployments")
        body = {**manifest("o"), "metadata": {"name": "o"}}
        created = custom.create_namespaced_custom_object(*where, body)
        with pytest.raises(ApiException) as again:
            custom.create_namespaced_custom_object(*where, body)
        assert again.value.status == 409
        stale = {**created, "metadata": {**created["metadata"], "resourceVersion": "1"}}
        with pytest.raises(ApiException) as conflict:
            custom.replace_namespaced_custom_object(*where, "o", stale)
        assert json.loads(conflict.value.body)["reason"] == "Conflict"
        listed = custom.list_namespaced_custom_object(*where)
        version = listed["metadata"]["resourceVersion"]
        custom.delete_namespaced_custom_object(*where, "o")
        stream = watch.Watch().stream(
            custom.list_namespaced_custom_object, *where, resource_version=version, timeout_seconds=5
        )
        assert "DELETED" in [event["type"] for event in stream]
        core = client.CoreV1Api(api)
        assert "default" in [entry.metadata.name for entry in core.list_namespace().items]
