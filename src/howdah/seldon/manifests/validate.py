"""The rules of Seldon's validating webhook, and then our own: what the embedded engine refuses.

Webhook messages are worded after what they check, with the path Seldon reports. What only a
cluster can run is refused by name here, so that it fails at `kubectl apply` and not later.
"""

import re
from collections.abc import Iterator

from howdah.core.json import JsonObject, as_list, as_object, as_text
from howdah.seldon.images import folder_name
from howdah.seldon.manifests.annotations import NO_ENGINE, SVC_NAME, unreadable
from howdah.seldon.manifests.defaults import BUILT_IN, RANDOM_ABTEST, UNKNOWN_IMPLEMENTATION, is_prepackaged
from howdah.seldon.manifests.fields import ExplainerType, Predictor, SeldonDeployment, Spec, Unit, UnitType
from howdah.seldon.manifests.parse import FieldError, ManifestInvalid

PROTOCOLS = ("seldon", "tensorflow", "kfserving", "v2")
SERVERS = ("SKLEARN_SERVER", "TENSORFLOW_SERVER")
"""The prepackaged servers that the embedded engine runs."""
ELSEWHERE = ("XGBOOST_SERVER", "MLFLOW_SERVER", "HUGGINGFACE_SERVER", "TRITON_SERVER", "TEMPO_SERVER")
BANDITS = ("EPSILON_GREEDY", "THOMPSON_SAMPLING")
KAFKA_VARIABLES = "LOGGER_KAFKA_"
FROM_ELSEWHERE = {
    "configMapKeyRef": "the embedded engine keeps no ConfigMaps",
    "fieldRef": "a process of the embedded engine has no pod around it with fields to ask",
    "resourceFieldRef": "a process of the embedded engine has no container around it with limits to ask",
}
"""Where Kubernetes has variables from, and why they are not from there here."""
EXPLAINERS = (ExplainerType.ANCHOR_TABULAR, ExplainerType.KERNEL_SHAP)
"""Explainer types run without a container of one's own."""
DETECTOR_IMAGE = "detector-server"
DETECTORS = (
    "scipy",
    *("TabularDrift", "KSDrift", "MMDDrift", "LSDDDrift", "CVMDriftOnline"),
    *("IForest", "Mahalanobis", "OutlierVAE"),
)
"""What the parameter `type` of our own detector server may be."""
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def check(deployment: SeldonDeployment) -> None:
    """Raise ManifestInvalid with every violation found."""
    annotations = (_invalid(*wrong) for wrong in unreadable(deployment))
    errors = (*_name(deployment), *_webhook(deployment.spec), *_refused(deployment.spec), *annotations)
    if errors:
        raise ManifestInvalid(deployment.name, errors)


def _invalid(path: str, value: object, message: str) -> FieldError:
    shown = f'"{value}"' if isinstance(value, str) else str(value)
    return FieldError(path, f"Invalid value: {shown}: {message}")


def _name(deployment: SeldonDeployment) -> Iterator[FieldError]:
    if not LABEL.fullmatch(deployment.name) or len(deployment.name) > 63:
        yield _invalid(
            "metadata.name", deployment.name, "must be lower case letters, digits and '-', up to 63"
        )


def _webhook(spec: Spec) -> Iterator[FieldError]:
    if spec.protocol and spec.protocol not in PROTOCOLS:
        yield _invalid("spec", spec.protocol, "Invalid protocol")
    if spec.transport not in ("", "rest", "grpc"):
        yield _invalid("spec", spec.transport, "Invalid transport")
    if spec.server_type not in ("", "rpc", "kafka"):
        yield _invalid("spec", spec.server_type, "Invalid serverType")
    if len(spec.predictors) == 1 and spec.predictors[0].shadow:
        yield _invalid(
            "spec.predictors[0]", spec.predictors[0].name, "Shadow can not exist as only predictor"
        )
    if not spec.predictors:
        yield _invalid("spec", spec.transport, "Graph contains no predictors")
    yield from _unique(spec)
    for index, predictor in enumerate(spec.predictors):
        path = f"spec.predictors[{index}]"
        if NO_ENGINE in predictor.annotations and len(predictor.graph.walk()) > 1:
            yield _invalid(
                path, predictor.name, "Running without engine only valid for single element graphs"
            )
        yield from _units(predictor.graph, predictor, spec, f"{path}.graph")
    yield from _transports(spec)
    yield from _traffic(spec)


def _unique(spec: Spec) -> Iterator[FieldError]:
    names: set[str] = set()
    services: set[str] = set()
    for index, predictor in enumerate(spec.predictors):
        path = f"spec.predictors[{index}]"
        if predictor.name in names:
            yield _invalid(path, predictor.name, "Duplicate predictor name")
        names.add(predictor.name)
        if (service := predictor.annotations.get(SVC_NAME)) is not None:
            if service in services:
                yield _invalid(path, predictor.name, f"Duplicate service name in {SVC_NAME}: {service}")
            services.add(service)


def _units(unit: Unit, predictor: Predictor, spec: Spec, path: str) -> Iterator[FieldError]:
    container = predictor.container(unit.name)
    if unit.implementation in (None, UNKNOWN_IMPLEMENTATION):
        if container is None:
            yield _invalid(path, unit.name, "Can't find container for Predictive Unit")
        if unit.type == UnitType.UNKNOWN_TYPE and not unit.methods:
            yield _invalid(
                path, unit.name, "Predictive Unit has no methods: give it a type or list its methods"
            )
    elif is_prepackaged(unit):
        if not unit.model_uri and unit.implementation != "HUGGINGFACE_SERVER":
            yield _invalid(path, unit.name, "Predictive unit modelUri required when using standalone servers")
        if spec.protocol == "tensorflow" and unit.implementation != "TENSORFLOW_SERVER":
            yield _invalid(path, unit.name, f"{unit.implementation} does not handle the tensorflow protocol")
    if unit.logger is not None and unit.logger.mode not in ("all", "request", "response"):
        word = "Unknown logger mode" if unit.logger.mode else "No logger mode specified"
        yield _invalid(path, unit.logger.mode, word)
    for index, child in enumerate(unit.children):
        yield from _units(child, predictor, spec, f"{path}.children[{index}]")


def _transports(spec: Spec) -> Iterator[FieldError]:
    found = {
        unit.endpoint.type
        for predictor in spec.predictors
        for unit in predictor.graph.walk()
        if unit.endpoint and unit.endpoint.type
    }
    if len(found) > 1:
        yield _invalid("spec", "", "Multiple endpoint.types found: use spec.transport")
    elif found and spec.transport and found != {spec.transport.upper()}:
        yield _invalid(
            "spec", "", "Mixed transport types found: remove endpoint.type where spec.transport is set"
        )


def _traffic(spec: Spec) -> Iterator[FieldError]:
    shadows = [p for p in spec.predictors if p.shadow]
    live = [p for p in spec.predictors if not p.shadow]
    total = sum(p.traffic for p in live)
    if len(shadows) > 1:
        yield _invalid("spec", shadows[1].name, "Multiple shadows are not allowed")
    for predictor in spec.predictors:
        if not 0 <= predictor.traffic <= 100:
            yield _invalid("spec", predictor.name, "traffic must be between 0 and 100")
    if total != 100 and len(live) > 1:
        yield _invalid("spec", spec.predictors[0].name, "Traffic must sum to 100 for multiple predictors")
    if 0 < total < 100 and len(spec.predictors) == 1:
        yield _invalid("spec", spec.predictors[0].name, "Traffic must be 100 for a single predictor when set")


def _refused(spec: Spec) -> Iterator[FieldError]:
    """What stock Seldon Core accepts and this engine does not run; a cluster does."""
    if spec.server_type == "kafka":
        yield _invalid(
            "spec.serverType", "kafka", "the embedded engine serves requests only, not Kafka topics"
        )
    for index, predictor in enumerate(spec.predictors):
        path = f"spec.predictors[{index}]"
        if predictor.ssl is not None:
            yield _invalid(f"{path}.ssl", predictor.name, "the embedded ingress has no TLS")
        for at, component in enumerate(predictor.component_specs):
            for name, value in (("hpaSpec", component.hpa_spec), ("kedaSpec", component.keda_spec)):
                if value is not None:
                    message = "the embedded engine does not scale by itself: set replicas"
                    yield _invalid(f"{path}.componentSpecs[{at}].{name}", predictor.name, message)
        yield from _refused_variables(predictor, path)
        for where, container in _containers(predictor, path):
            yield from _refused_sources(container, where)
        yield from _refused_units(predictor.graph, predictor, f"{path}.graph")
        yield from _refused_explainer(predictor, f"{path}.explainer")


def _refused_variables(predictor: Predictor, path: str) -> Iterator[FieldError]:
    """The executor's way to log to Kafka."""
    found = [(f"{path}.svcOrchSpec.env", entry) for entry in predictor.svc_orch_spec.env or ()]
    for at, component in enumerate(predictor.component_specs):
        for container in component.containers():
            entries = as_list(container.get("env"))
            found += [(f"{path}.componentSpecs[{at}].env", as_object(entry)) for entry in entries]
    for where, entry in found:
        name = as_text(entry.get("name"))
        if name.startswith(KAFKA_VARIABLES):
            yield _invalid(where, name, "payloads are not logged to Kafka here: give a logger a url")


def _containers(predictor: Predictor, path: str) -> Iterator[tuple[str, JsonObject]]:
    for at, component in enumerate(predictor.component_specs):
        for index, container in enumerate(component.containers()):
            yield f"{path}.componentSpecs[{at}].spec.containers[{index}]", container
    if predictor.explainer is not None:
        yield f"{path}.explainer.containerSpec", predictor.explainer.container_spec


def _refused_sources(container: JsonObject, path: str) -> Iterator[FieldError]:
    """Variables from elsewhere than a Secret: a process would start on less than it was promised.

    What is `optional` may be missing in Kubernetes, and a ConfigMap always is here.
    """
    for index, entry in enumerate(map(as_object, as_list(container.get("env")))):
        name, where = as_text(entry.get("name")), f"{path}.env[{index}].valueFrom"
        for kind, reference in as_object(entry.get("valueFrom")).items():
            said = as_object(reference)
            if kind == "secretKeyRef":
                for field in ("name", "key"):
                    if not said.get(field):
                        message = f"Required value: {name} is taken from a Secret"
                        yield FieldError(f"{where}.{kind}.{field}", message, "FieldValueRequired")
            elif kind != "configMapKeyRef" or said.get("optional") is not True:
                why = FROM_ELSEWHERE.get(kind, "unknown to the embedded engine")
                yield _invalid(f"{where}.{kind}", name, f"{why}: write the value, or use secretKeyRef")
    for index, entry in enumerate(map(as_object, as_list(container.get("envFrom")))):
        if as_object(entry.get("configMapRef")).get("optional") is not True:
            message = "variables are not taken from a whole object here: name each in env, with secretKeyRef"
            yield _invalid(f"{path}.envFrom[{index}]", as_text(container.get("name")), message)


def _refused_units(unit: Unit, predictor: Predictor, path: str) -> Iterator[FieldError]:
    implementation = unit.implementation or UNKNOWN_IMPLEMENTATION
    if implementation in BANDITS:
        message = "bandit routers are not brought along: a ROUTER in a container of your own can be one"
        yield _invalid(path, unit.name, message)
    elif implementation in ELSEWHERE:
        yield _invalid(
            path, unit.name, f"{implementation} is not run by the embedded engine ({', '.join(SERVERS)} are)"
        )
    elif implementation in BUILT_IN - {RANDOM_ABTEST}:
        yield _invalid(path, unit.name, f"{implementation} has no code behind it in Seldon Core either")
    elif is_prepackaged(unit) and implementation not in SERVERS:
        yield _invalid(path, unit.name, f"No entry in predictors map for {implementation}")
    if implementation == RANDOM_ABTEST and len(unit.children) != 2:
        yield _invalid(path, unit.name, "RANDOM_ABTEST splits between exactly two children")
    if implementation == RANDOM_ABTEST:
        for at, parameter in enumerate(unit.parameters):
            if parameter.name == "ratioA" and not _is_share(parameter.value):
                message = "ratioA is a number from 0 to 1"
                yield _invalid(f"{path}.parameters[{at}].value", parameter.value, message)
    container = predictor.container(unit.name)
    if implementation == UNKNOWN_IMPLEMENTATION and container is not None and not container.get("image"):
        yield FieldError(f"{path}.name", f'container "{unit.name}" names no image', "FieldValueRequired")
    if container is not None and folder_name(as_text(container.get("image"))) == DETECTOR_IMAGE:
        yield from _refused_detector(unit, container, path)
    for index, child in enumerate(unit.children):
        yield from _refused_units(child, predictor, f"{path}.children[{index}]")


def _is_share(text: str) -> bool:
    try:
        return 0 <= float(text) <= 1
    except ValueError:
        return False


def _refused_detector(unit: Unit, container: JsonObject, path: str) -> Iterator[FieldError]:
    if container.get("command") or container.get("args"):
        return  # a program of one's own
    for index, parameter in enumerate(unit.parameters):
        if parameter.name == "type" and parameter.value not in DETECTORS:
            message = f"no such detector: there are {', '.join(DETECTORS)}"
            yield _invalid(f"{path}.parameters[{index}].value", parameter.value, message)


def _refused_explainer(predictor: Predictor, path: str) -> Iterator[FieldError]:
    explainer = predictor.explainer
    if explainer is None:
        return
    if explainer.container_spec.get("image"):
        return
    if explainer.type is None:
        yield FieldError(
            f"{path}.type", "Required value: a type, or a containerSpec with an image", "FieldValueRequired"
        )
    elif explainer.type not in EXPLAINERS:
        run = ", ".join(EXPLAINERS)
        message = f"not run by the embedded engine without a containerSpec that names an image; {run} are"
        yield _invalid(f"{path}.type", explainer.type.value, message)
    elif not explainer.model_uri:
        yield FieldError(
            f"{path}.modelUri", "Required value: where the fitted explainer is", "FieldValueRequired"
        )
