import copy
import json
from pathlib import Path

import pytest

from howdah.seldon import manifests
from howdah.seldon.desired import desired

CRD = Path(__file__).parents[2] / "contract" / "seldondeployment.schema.json"
SERVICE = {"seldon.io/svc-name": "one"}
SKLEARN = {"name": "classifier", "implementation": "SKLEARN_SERVER", "modelUri": "/models/iris"}


def iris(**predictor: object) -> dict:
    return {
        "apiVersion": "machinelearning.seldon.io/v1",
        "kind": "SeldonDeployment",
        "metadata": {"name": "iris", "namespace": "models"},
        "spec": {
            "protocol": "v2",
            "predictors": [{"name": "default", "graph": copy.deepcopy(SKLEARN), **predictor}],
        },
    }


def two(**second: object) -> dict:
    document = iris(traffic=75)
    canary = {"name": "canary", "graph": copy.deepcopy(SKLEARN), "traffic": 25, **second}
    document["spec"]["predictors"].append(canary)
    return document


def endpoints(first: str, second: str) -> dict:
    child = {**SKLEARN, "name": "second", "endpoint": {"type": second}}
    return {**SKLEARN, "endpoint": {"type": first}, "children": [child]}


def container(name: str, **fields: object) -> list:
    return [{"spec": {"containers": [{"name": name, **fields}]}}]


VALUE_OF_A_MAP = {"env": [{"name": "V", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]}


def from_elsewhere(**source: object) -> dict:
    return iris(componentSpecs=container("classifier", env=[{"name": "V", "valueFrom": source}]))


def whole(source: dict) -> dict:
    return iris(componentSpecs=container("classifier", envFrom=[source]))


def detector(image: str, kind: str) -> dict:
    parameters = [{"name": "type", "value": kind, "type": "STRING"}]
    graph = {"name": "d", "type": "MODEL", "modelUri": "/x", "parameters": parameters}
    return iris(graph=graph, componentSpecs=container("d", image=image))


def changed(document: dict, path: str, value: object) -> dict:
    *parents, last = path.split(".")
    target = document
    for part in parents:
        target = target[int(part)] if part.isdigit() else target[part]
    target[last] = value
    return document


def test_defaults_are_seldons():
    first, second = manifests.read(two()).spec.predictors
    assert first.labels == {"version": "default"}
    assert first.graph.type == "MODEL"
    assert first.graph.endpoint is not None
    assert (first.graph.endpoint.http_port, first.graph.endpoint.grpc_port) == (9000, 9500)
    assert second.graph.endpoint == first.graph.endpoint, "one port per container name, as Seldon gives them"


def test_a_node_of_no_type_becomes_a_model_and_ports_count_across_predictors():
    graph = {"name": "a", "type": "TRANSFORMER", "children": [{"name": "b"}]}
    specs = [{"spec": {"containers": [{"name": "a", "image": "i"}, {"name": "b", "image": "i"}]}}]
    root = manifests.read(iris(graph=graph, componentSpecs=specs)).spec.predictors[0].graph
    assert root.type == "TRANSFORMER"
    assert root.children[0].type == "MODEL"
    assert root.endpoint and root.endpoint.http_port == 9000
    assert root.children[0].endpoint and root.children[0].endpoint.http_port == 9001


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("spec.predictor", [], 'unknown field "spec.predictor" (did you mean "predictors"?)'),
        ("spec.predictors.0.grph", {}, '"spec.predictors[0].grph" (did you mean "graph"?)'),
        (
            "spec.predictors.0.graph.modelURI",
            "x",
            '"spec.predictors[0].graph.modelURI" (did you mean "modelUri"?)',
        ),
        (
            "spec.predictors.0.componentSpecs",
            container("classifier", imgae="x"),
            '"spec.predictors[0].componentSpecs[0].spec.containers[0].imgae" (did you mean "image"?)',
        ),
        ("spec.predictors.0.replicas", "two", "spec.predictors[0].replicas: Invalid value"),
        ("spec.predictors.0.graph.type", "MODELL", "spec.predictors[0].graph.type: Invalid value"),
        ("kind", "Deployment", "kind: Invalid value"),
    ],
)
def test_what_is_not_a_field_is_refused_with_its_path(path: str, value: object, message: str):
    with pytest.raises(manifests.ManifestInvalid) as refused:
        manifests.read(changed(iris(), path, value))
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (changed(iris(), "spec.protocol", "v3"), "Invalid protocol"),
        (changed(iris(), "spec.transport", "udp"), "Invalid transport"),
        (changed(iris(), "spec.serverType", "http"), "Invalid serverType"),
        (changed(iris(), "spec.predictors", []), "Graph contains no predictors"),
        (iris(shadow=True), "Shadow can not exist as only predictor"),
        (two(traffic=20), "Traffic must sum to 100 for multiple predictors"),
        (iris(traffic=50), "Traffic must be 100 for a single predictor when set"),
        (two(name="default"), "Duplicate predictor name"),
        (
            changed(two(annotations=SERVICE), "spec.predictors.0.annotations", SERVICE),
            "Duplicate service name in seldon.io/svc-name: one",
        ),
        (iris(graph=endpoints("REST", "GRPC")), "Multiple endpoint.types found"),
        (changed(iris(graph=endpoints("REST", "REST")), "spec.transport", "grpc"), "Mixed transport types"),
        (
            changed(iris(), "spec.predictors.0.graph.logger", {"url": "http://x", "mode": "some"}),
            "Unknown logger mode",
        ),
        (two(shadow=True, traffic=-1), "traffic must be between 0 and 100"),
        (
            iris(graph={**SKLEARN, "children": [{"name": "second", "type": "MODEL"}]}),
            r"graph.children\[0\]: Invalid value: \"second\": Can't find container",
        ),
        (changed(iris(), "spec.predictors.0.graph.modelUri", ""), "modelUri required"),
        (changed(iris(), "spec.predictors.0.graph.logger", {"url": "http://x"}), "No logger mode specified"),
        (iris(graph={"name": "m", "type": "MODEL"}), "Can't find container for Predictive Unit"),
        (
            iris(graph={"name": "m", "type": "UNKNOWN_TYPE"}, componentSpecs=container("m", image="i")),
            "has no methods",
        ),
        (changed(iris(), "spec.protocol", "tensorflow"), "does not handle the tensorflow protocol"),
        (
            iris(
                annotations={"seldon.io/no-engine": "true"},
                graph={**SKLEARN, "children": [{**SKLEARN, "name": "second"}]},
            ),
            "Running without engine only valid for single element graphs",
        ),
    ],
)
def test_the_webhooks_violations(document: dict, message: str):
    with pytest.raises(manifests.ManifestInvalid, match=message):
        manifests.read(document)


def test_services_without_a_name_are_no_duplicates():
    manifests.read(two(annotations={"seldon.io/svc-name": ""}))


def test_two_shadows_and_their_traffic():
    document = two(shadow=True, traffic=101)
    document["spec"]["predictors"][0]["traffic"] = 100
    document["spec"]["predictors"].append({**document["spec"]["predictors"][1], "name": "third"})
    with pytest.raises(manifests.ManifestInvalid) as refused:
        manifests.read(document)
    assert "Multiple shadows are not allowed" in str(refused.value)
    assert "between 0 and 100" in str(refused.value)


def split(ratio: str) -> dict:
    children = [{**SKLEARN, "name": name} for name in ("a", "b")]
    parameters = [{"name": "ratioA", "value": ratio, "type": "FLOAT"}]
    graph = {"name": "s", "implementation": "RANDOM_ABTEST", "children": children, "parameters": parameters}
    return iris(graph=graph)


@pytest.mark.parametrize("ratio", ["half", "", "nan", "-0.1", "50", "0,5"])
def test_a_split_that_is_no_share_is_refused(ratio: str):
    message = r"graph.parameters\[0\].value.*ratioA is a number from 0 to 1"
    with pytest.raises(manifests.ManifestInvalid, match=message):
        manifests.read(split(ratio))


@pytest.mark.parametrize("ratio", ["0", "0.25", "1"])
def test_a_split_by_a_share(ratio: str):
    assert manifests.read(split(ratio)).spec.predictors[0].graph.parameters[0].value == ratio


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (changed(iris(), "spec.serverType", "kafka"), "not Kafka topics"),
        (iris(ssl={"certSecretName": "s"}), "no TLS"),
        ({**iris(), "apiVersion": "mlops.seldon.io/v1alpha1", "kind": "Model"}, "Seldon Core 2 are not run"),
        (changed(iris(), "spec.predictors.0.graph.implementation", "EPSILON_GREEDY"), "bandit routers"),
        (iris(svcOrchSpec={"env": [{"name": "LOGGER_KAFKA_BROKER", "value": "k"}]}), "not logged to Kafka"),
        (
            iris(componentSpecs=container("m", image="i", env=[{"name": "LOGGER_KAFKA_TOPIC"}])),
            "not logged to Kafka",
        ),
        (from_elsewhere(configMapKeyRef={"name": "c", "key": "k"}), r"env\[0\].valueFrom.*no ConfigMaps"),
        (from_elsewhere(fieldRef={"fieldPath": "metadata.name"}), 'fieldRef.*"V": .*no pod around it'),
        (from_elsewhere(resourceFieldRef={"resource": "limits.cpu"}), "no container around it"),
        (from_elsewhere(secretKeyRef={"name": "s"}), "secretKeyRef.key.*Required value: V is taken"),
        (whole({"secretRef": {"name": "s", "optional": True}}), r"envFrom\[0\].*name each in env"),
        (whole({"configMapRef": {"name": "c"}}), r"containers\[0\].envFrom\[0\].*name each in env"),
        (
            iris(explainer={"type": "AnchorTabular", "modelUri": "/x", "containerSpec": VALUE_OF_A_MAP}),
            r"spec.predictors\[0\].explainer.containerSpec.env\[0\].*no ConfigMaps",
        ),
        (
            changed(iris(), "spec.predictors.0.graph.implementation", "XGBOOST_SERVER"),
            "XGBOOST_SERVER is not run",
        ),
        (
            changed(iris(), "spec.predictors.0.graph.implementation", "MINE"),
            "No entry in predictors map for MINE",
        ),
        (changed(iris(), "spec.predictors.0.graph.implementation", "AVERAGE_COMBINER"), "has no code behind"),
        (changed(iris(), "spec.predictors.0.graph.implementation", "RANDOM_ABTEST"), "exactly two children"),
        (iris(graph={"name": "m", "type": "MODEL"}, componentSpecs=container("m")), "names no image"),
        (
            changed(iris(), "metadata.annotations", {"seldon.io/istio-retries": "-1"}),
            r"metadata.annotations\[seldon.io/istio-retries\].*a whole number from 0",
        ),
        (
            iris(annotations={"howdah/log-sample": "some"}),
            r"spec.predictors\[0\].annotations\[howdah/log-sample\].*a number from 0 to 1",
        ),
        (iris(componentSpecs=[{"spec": {}, "hpaSpec": {"maxReplicas": 3}}]), "does not scale by itself"),
        (iris(explainer={"type": "AnchorImages", "modelUri": "/x"}), "AnchorImages"),
        (iris(explainer={"type": "AnchorTabular"}), "modelUri"),
        (
            detector("registry:5000/howdah/detector-server:1", "Oracle"),
            r"parameters\[0\].value.*\"Oracle\": no such detector: there are scipy, TabularDrift",
        ),
    ],
)
def test_what_only_a_cluster_runs_is_refused_by_name(document: dict, message: str):
    with pytest.raises(manifests.ManifestInvalid, match=message):
        manifests.read(document)


def test_the_detectors_that_a_manifest_may_name_are_those_that_there_are():
    from howdah.runtimes.detectors.alibi import DRIFT, OUTLIERS
    from howdah.seldon.manifests.validate import DETECTORS

    assert set(DETECTORS) == {"scipy", *DRIFT, *OUTLIERS}
    for kind in DETECTORS:
        manifests.read(detector("howdah/detector-server:1", kind))
    manifests.read(detector("mine:1", "Oracle"))


def test_what_may_be_missing_in_kubernetes_is_missing_here():
    """The variable is not there at all, and not empty."""
    nowhere = {"name": "c", "key": "k", "optional": True}
    env = [
        {"name": "MAP", "valueFrom": {"configMapKeyRef": nowhere}},
        {"name": "SECRET", "valueFrom": {"secretKeyRef": nowhere}},
        {"name": "PLAIN", "value": "v"},
    ]
    sources = [{"configMapRef": {"name": "c", "optional": True}}]
    document = iris(componentSpecs=container("classifier", env=env, envFrom=sources))
    (group,) = desired(manifests.read(document), {}).groups
    member = group.members[0]
    assert {"MAP", "SECRET"}.isdisjoint(dict(member.env))
    assert dict(member.env)["PLAIN"] == "v"
    assert member.secret_env == (("SECRET", "c", "k"),)
    assert member.optional_env == ("SECRET",)


def test_every_field_of_the_crd_is_known():
    crd = json.loads(CRD.read_text())
    assert not _differences(
        crd, crd["properties"]["spec"], manifests.SeldonDeployment.model_fields["spec"].annotation, "spec"
    )


def _differences(crd: dict, schema: dict, model: type, path: str, depth: int = 0) -> list[str]:
    from howdah.seldon.manifests.parse import _nested_model

    ours = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    theirs = schema.get("properties", {})
    found = [f"{path}.{name}" for name in ours.keys() ^ theirs.keys()]
    for name in ours.keys() & theirs.keys():
        inner = _met(crd, theirs[name])
        inner = _met(crd, inner.get("items", inner))
        nested = _nested_model(ours[name])
        if nested and inner.get("properties") and depth < 5:
            found += _differences(crd, inner, nested, f"{path}.{name}", depth + 1)
    return found


def _met(crd: dict, schema: dict) -> dict:
    reference = schema.get("$ref", "").rpartition("/")[2]
    return crd["$defs"][reference] if reference else schema
