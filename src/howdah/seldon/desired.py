"""From a manifest to what has to run and what the ingress has to do. Pure."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from howdah.core.json import Json, JsonObject, as_list, as_object, as_text, at
from howdah.errors import Invalid
from howdah.seldon import images
from howdah.seldon.images import SERVE, Program
from howdah.seldon.ingress import LIMIT, REST_TIMEOUT_S, Limits, Mirror, Retries, Route, Target
from howdah.seldon.manifests.annotations import (
    AMBASSADOR_RETRIES,
    GRPC_TIMEOUT,
    HEADER,
    LOG,
    MAX_CONNECTIONS,
    MAX_PENDING,
    MAX_REQUESTS,
    MAX_RETRIES,
    QUEUE,
    RATE,
    REDACT,
    REST_TIMEOUT,
    RETRIES,
    RETRIES_TIMEOUT,
    SAMPLE,
    WRITE_TIMEOUT,
    whole,
)
from howdah.seldon.manifests.defaults import UNKNOWN_IMPLEMENTATION
from howdah.seldon.manifests.fields import Explainer, Predictor, SeldonDeployment, Unit
from howdah.seldon.workload import Group, Member, ModelSource

GRAPH = "howdah.runtimes.graph"
ENGINE_NODE = "seldon-container-engine"
IMPLEMENTATIONS = {"SKLEARN_SERVER": "sklearn", "TENSORFLOW_SERVER": "tensorflow"}
RETRY_WITHIN_S = 1
"""How long one try may take where a deployment asks for retries as under Istio: Seldon's own default."""
DEADLINE_S = 600.0
UNITS = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "k": 10**3, "M": 10**6, "G": 10**9}

Images = Mapping[str, Program]


@dataclass(frozen=True, slots=True)
class Desired:
    """All of one deployment."""

    groups: tuple[Group, ...]
    route: Route


def image_of(predictor: Predictor, unit: Unit) -> str:
    container = predictor.container(unit.name) or {}
    return as_text(container.get("image"))


def images_named(deployment: SeldonDeployment) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every image that has to be resolved, with the command that overrides its own."""
    for predictor in deployment.spec.predictors:
        for unit in predictor.graph.walk():
            container = predictor.container(unit.name)
            if unit.implementation == UNKNOWN_IMPLEMENTATION and container is not None:
                yield as_text(container.get("image")), command_of(container)
        if predictor.explainer is not None and (image := predictor.explainer.container_spec.get("image")):
            yield as_text(image), command_of(predictor.explainer.container_spec)


def command_of(container: JsonObject) -> tuple[str, ...]:
    return tuple(as_text(word) for key in ("command", "args") for word in as_list(container.get(key)))


def desired(deployment: SeldonDeployment, programs: Mapping[tuple[str, tuple[str, ...]], Program]) -> Desired:
    """`programs` answers `images_named`."""
    groups = []
    for predictor in deployment.spec.predictors:
        groups.append(_predictor(deployment, predictor, programs).with_revision())
        if predictor.explainer is not None:
            groups.append(_explainer(deployment, predictor, predictor.explainer, programs).with_revision())
    return Desired(tuple(groups), _route(deployment))


Programs = Mapping[tuple[str, tuple[str, ...]], Program]


def _predictor(deployment: SeldonDeployment, predictor: Predictor, programs: Programs) -> Group:
    units = [unit for unit in predictor.graph.walk() if unit.implementation != "RANDOM_ABTEST"]
    alone = len(predictor.graph.walk()) == 1
    common = _common(deployment, predictor)
    outside = _outside(deployment, predictor)
    around = outside if alone else (("HOWDAH_INSIDE", "1"),)
    members = [
        _member(
            deployment, predictor, unit, programs, (*common, *around, *_logger(unit, deployment, predictor))
        )
        for unit in units
    ]
    front = predictor.graph.name
    if not alone:
        graph = predictor.graph.model_dump_json(by_alias=True, exclude_defaults=True)
        timeout = _annotations(deployment, predictor).get(REST_TIMEOUT, "")
        images_of = json.dumps({unit.name: image_of(predictor, unit) for unit in units})
        env = (
            *common,
            *outside,
            ("HOWDAH_GRAPH", graph),
            ("HOWDAH_GRAPH_IMAGES", images_of),
            ("PREDICTIVE_UNIT_ID", predictor.graph.name),
        )
        if timeout:
            env = (*env, ("HOWDAH_NODE_TIMEOUT_MS", timeout))
        replicas = predictor.svc_orch_spec.replicas or 1
        front = ENGINE_NODE
        members.append(Member(front, GRAPH, replicas, env=env))
    return Group(
        key=f"{deployment.namespace}/{deployment.name}/{predictor.name}",
        namespace=deployment.namespace,
        deployment=deployment.name,
        predictor=predictor.name,
        members=tuple(members),
        front=front,
        uid=deployment.metadata.uid,
        deadline_s=float(predictor.progress_deadline_seconds or DEADLINE_S),
    )


def _member(
    deployment: SeldonDeployment,
    predictor: Predictor,
    unit: Unit,
    programs: Programs,
    common: tuple[tuple[str, str], ...],
) -> Member:
    container = predictor.container(unit.name) or {}
    source = _source(deployment, unit.model_uri, unit.env_secret_ref_name)
    parameters = [{"name": p.name, "value": p.value, "type": p.type.value} for p in unit.parameters]
    image = as_text(container.get("image"))
    env = [
        *common,
        ("PREDICTIVE_UNIT_ID", unit.name),
        ("PREDICTIVE_UNIT_PARAMETERS", json.dumps(parameters)),
        ("PREDICTIVE_UNIT_IMAGE", image),
    ]
    if source is not None:
        env += [("HOWDAH_MODEL_URI", source.uri), ("HOWDAH_MODEL_COMMIT", source.commit)]
    implementation = IMPLEMENTATIONS.get(unit.implementation or "")
    if implementation:
        program = Program(SERVE, env=(("MLSERVER_MODEL_IMPLEMENTATION", implementation),))
    else:
        program = programs[image, command_of(container)]
    if program.app is not None:
        env.append(("HOWDAH_APP", str(program.app)))
    own = _container_env(container)
    return Member(
        name=unit.name,
        program=program.module,
        arguments=program.arguments,
        replicas=_replicas(deployment, predictor, unit.name),
        model=source,
        image=image,
        env=(*env, *program.env, *own.plain),
        secret_env=own.secret,
        optional_env=own.optional,
        memory_bytes=_memory(container),
        environment=program.environment,
    )


def _explainer(
    deployment: SeldonDeployment, predictor: Predictor, explainer: Explainer, programs: Programs
) -> Group:
    """A server of its own, which asks its own copy of the predictor's bundle and not the ingress."""
    container = explainer.container_spec
    name = as_text(container.get("name")) or f"{deployment.name}-{predictor.name}-explainer"
    image = as_text(container.get("image"))
    program = (
        programs[image, command_of(container)]
        if image
        else images.Program(SERVE, env=(("MLSERVER_MODEL_IMPLEMENTATION", "explainer"),))
    )
    source = _source(deployment, explainer.model_uri, explainer.env_secret_ref_name)
    own = _container_env(container)
    parameters = [{"name": key, "value": value, "type": "STRING"} for key, value in explainer.config.items()]
    env = [
        *_common(deployment, predictor),
        *_outside(deployment, predictor),
        ("HOWDAH_KIND", "explanation"),
        ("PREDICTIVE_UNIT_ID", name),
        ("PREDICTIVE_UNIT_IMAGE", image),
        ("PREDICTIVE_UNIT_PARAMETERS", json.dumps(parameters)),
        ("HOWDAH_EXPLAINER_TYPE", explainer.type.value if explainer.type else ""),
        ("HOWDAH_EXPLAINER_INIT", explainer.init_parameters),
    ]
    if source is not None:
        env += [("HOWDAH_MODEL_URI", source.uri), ("HOWDAH_MODEL_COMMIT", source.commit)]
    member = Member(
        name=name,
        program=program.module,
        arguments=program.arguments,
        replicas=explainer.replicas if explainer.replicas is not None else 1,
        model=source,
        image=image,
        env=(*env, *program.env, *own.plain),
        secret_env=own.secret,
        optional_env=own.optional,
        memory_bytes=_memory(container),
        environment=program.environment,
    )
    return Group(
        key=f"{deployment.namespace}/{deployment.name}/{predictor.name}/explainer",
        namespace=deployment.namespace,
        deployment=deployment.name,
        predictor=predictor.name,
        members=(member,),
        front=name,
        uid=deployment.metadata.uid,
        deadline_s=float(predictor.progress_deadline_seconds or DEADLINE_S),
        explains=True,
    )


def _source(deployment: SeldonDeployment, uri: str | None, secret: str) -> ModelSource | None:
    return ModelSource(uri, secret, deployment.namespace) if uri else None


def _common(deployment: SeldonDeployment, predictor: Predictor) -> tuple[tuple[str, str], ...]:
    return (
        ("SELDON_DEPLOYMENT_ID", deployment.name),
        ("PREDICTOR_ID", predictor.name),
        ("HOWDAH_NAMESPACE", deployment.namespace),
        ("HOWDAH_PREDICTOR_VERSION", predictor.annotations.get("version", "")),
        ("HOWDAH_PROTOCOL", _protocol(deployment)),
    )


def _outside(deployment: SeldonDeployment, predictor: Predictor) -> tuple[tuple[str, str], ...]:
    """What the member that callers reach needs to know: logging."""
    said = _annotations(deployment, predictor)
    env = [
        (variable, said[key])
        for key, variable in (
            (SAMPLE, "HOWDAH_LOG_SAMPLE"),
            (REDACT, "HOWDAH_LOG_REDACT"),
        )
        if key in said
    ]
    if said.get(LOG, "on") != "off":
        env.append(("HOWDAH_LOG", "on"))
    return tuple(env)


def _logger(unit: Unit, deployment: SeldonDeployment, predictor: Predictor) -> tuple[tuple[str, str], ...]:
    """Where a node's own payloads are sent; a logger without an address only asks for the log."""
    if unit.logger is None or not unit.logger.url:
        return ()
    said = _annotations(deployment, predictor)
    limits = (
        (QUEUE, "HOWDAH_LOGGER_QUEUE"),
        (WRITE_TIMEOUT, "HOWDAH_LOGGER_TIMEOUT_MS"),
        (SAMPLE, "HOWDAH_LOG_SAMPLE"),
        (REDACT, "HOWDAH_LOG_REDACT"),
    )
    env = [(variable, said[key]) for key, variable in limits if key in said]
    return (("HOWDAH_LOGGER_URL", unit.logger.url), ("HOWDAH_LOGGER_MODE", unit.logger.mode), *env)


def _protocol(deployment: SeldonDeployment) -> str:
    given = deployment.spec.protocol or "seldon"
    return "v2" if given == "kfserving" else given


def _annotations(deployment: SeldonDeployment, predictor: Predictor) -> dict[str, str]:
    return {**deployment.metadata.annotations, **deployment.spec.annotations, **predictor.annotations}


def _replicas(deployment: SeldonDeployment, predictor: Predictor, name: str) -> int:
    for spec in predictor.component_specs:
        if spec.replicas is not None and any(c.get("name") == name for c in spec.containers()):
            return spec.replicas
    given = predictor.replicas if predictor.replicas is not None else deployment.spec.replicas
    return 1 if given is None else given


@dataclass(frozen=True, slots=True)
class _Variables:
    """A container's own."""

    plain: tuple[tuple[str, str], ...]
    secret: tuple[tuple[str, str, str], ...]
    optional: tuple[str, ...]


def _container_env(container: JsonObject) -> _Variables:
    optional: list[str] = []
    plain: list[tuple[str, str]] = []
    secrets: list[tuple[str, str, str]] = []
    for entry in map(as_object, as_list(container.get("env"))):
        name = as_text(entry.get("name"))
        source = as_object(entry.get("valueFrom"))
        if reference := as_object(source.get("secretKeyRef")):
            secrets.append((name, as_text(reference.get("name")), as_text(reference.get("key"))))
            if reference.get("optional") is True:
                optional.append(name)
        elif not source:  # any other that a manifest may have is optional, and is not there
            plain.append((name, as_text(entry.get("value"))))
    return _Variables(tuple(plain), tuple(secrets), tuple(optional))


def _memory(container: JsonObject) -> int | None:
    limit: Json = at(container, "resources", "limits", "memory")
    if limit is None:
        return None
    text = str(limit)
    unit = next((unit for unit in UNITS if text.endswith(unit)), "")
    try:
        return int(float(text.removesuffix(unit)) * UNITS.get(unit, 1))
    except ValueError:
        raise Invalid(f"resources.limits.memory: {text!r} is no quantity") from None


def _route(deployment: SeldonDeployment) -> Route:
    spec = deployment.spec
    live = [p for p in spec.predictors if not p.shadow]
    shadow = next((p for p in spec.predictors if p.shadow), None)
    said = {**deployment.metadata.annotations, **spec.annotations}
    targets = tuple(
        Target(_key(deployment, p), p.traffic if len(live) > 1 else 100, _wanted_header(p)) for p in live
    )
    explainers = tuple(
        (p.name, f"{_key(deployment, p)}/explainer") for p in spec.predictors if p.explainer is not None
    )
    return Route(
        namespace=deployment.namespace,
        name=deployment.name,
        targets=targets,
        mirror=Mirror(_key(deployment, shadow), shadow.traffic or 100) if shadow is not None else None,
        explainers=explainers,
        rest_timeout_s=_milliseconds(said, REST_TIMEOUT),
        grpc_timeout_s=_milliseconds(said, GRPC_TIMEOUT),
        requests_per_second=whole(said, RATE),
        retries=_retries(said),
        limits=_limits(said),
    )


def _retries(said: Mapping[str, str]) -> Retries | None:
    if tries := whole(said, RETRIES):
        return Retries(tries, whole(said, RETRIES_TIMEOUT) or RETRY_WITHIN_S)
    if tries := whole(said, AMBASSADOR_RETRIES):
        return Retries(tries)
    return None


def _limits(said: Mapping[str, str]) -> Limits:
    keys = (MAX_CONNECTIONS, MAX_PENDING, MAX_REQUESTS, MAX_RETRIES)
    given = (whole(said, key) for key in keys)
    return Limits(*(LIMIT if limit is None else limit for limit in given))


def _key(deployment: SeldonDeployment, predictor: Predictor) -> str:
    return f"{deployment.namespace}/{deployment.name}/{predictor.name}"


def _wanted_header(predictor: Predictor) -> tuple[str, str] | None:
    name, colon, value = predictor.annotations.get(HEADER, "").partition(":")
    return (name.strip().lower(), value.strip()) if colon else None


def _milliseconds(said: Mapping[str, str], key: str) -> float:
    given = whole(said, key)
    return REST_TIMEOUT_S if given is None else given / 1000
