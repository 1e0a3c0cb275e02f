"""A pipeline spec as the engine uses it: frozen, defaults filled in, checked.

`parse` takes the effective spec in canonical JSON. What only Kubernetes can honour stays in
that JSON and is listed by `not_honoured`; what Howdah will not do is refused by `refuse`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from howdah.pachd.pipelines.defaults import EVERY_JOB, UNTIL_SUCCESS
from howdah.pachd.pipelines.inputs import Input
from howdah.pachd.pipelines.parse_input import parse_input
from howdah.pachd.pipelines.reading import Reader, seconds
from howdah.pachd.pipelines.refs import PipelineRef
from howdah.pachd.pipelines.refused import refuse
from howdah.pachd.pipelines.schema import Json, JsonObject, SpecError

MAX_NAME = 51
SERVICE_TYPES = ("ClusterIP", "LoadBalancer", "NodePort")


@dataclass(frozen=True, slots=True)
class SecretMount:
    name: str
    key: str = ""
    mount_path: str = ""
    env_var: str = ""


@dataclass(frozen=True, slots=True)
class Transform:
    image: str = ""
    cmd: tuple[str, ...] = ()
    err_cmd: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[SecretMount, ...] = ()
    stdin: tuple[str, ...] = ()
    err_stdin: tuple[str, ...] = ()
    accept_return_code: tuple[int, ...] = ()
    user: str = ""
    working_dir: str = ""
    datum_batching: bool = False


@dataclass(frozen=True, slots=True)
class Service:
    internal_port: int
    external_port: int
    ip: str
    type: str


@dataclass(frozen=True, slots=True)
class DatumSets:
    number: int = 0
    size_bytes: int = 0
    per_worker: int = 0


@dataclass(frozen=True, slots=True)
class Resources:
    cpu: float = 0.0
    memory_bytes: int = 0
    disk_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PipelineSpec:
    pipeline: PipelineRef
    transform: Transform
    input: Input
    output_branch: str = "master"
    description: str = ""
    parallelism: int = 1
    service: Service | None = None
    datum_sets: DatumSets = DatumSets()
    datum_timeout_s: float | None = None
    job_timeout_s: float | None = None
    datum_tries: int = 3
    salt: str = ""
    every_job: bool = False
    limits: Resources = Resources()


def parse(value: JsonObject) -> PipelineSpec:
    refuse(value)
    root = Reader(value)
    pipeline = _pipeline(root)
    transform = _transform(root.object("transform"))
    given = root.object("input")
    if given is None:
        raise SpecError("input", "a pipeline needs an input")
    service = _service(root.object("service"))
    parallelism = _parallelism(root.object("parallelismSpec"), service)
    return PipelineSpec(
        pipeline=pipeline,
        transform=transform,
        input=parse_input(given, pipeline),
        output_branch=root.text("outputBranch") or "master",
        description=root.text("description"),
        parallelism=parallelism,
        service=service,
        datum_sets=_datum_sets(root.object("datumSetSpec")),
        datum_timeout_s=seconds(root, "datumTimeout"),
        job_timeout_s=seconds(root, "jobTimeout"),
        datum_tries=_tries(root),
        salt=root.text("salt"),
        every_job=_reprocess_spec(root) == EVERY_JOB,
        limits=_resources(root.object("resourceLimits")),
    )


def _pipeline(root: Reader) -> PipelineRef:
    named = root.object("pipeline")
    if named is None or not named.text("name"):
        raise SpecError("pipeline.name", "invalid pipeline spec: the pipeline needs a name")
    name = named.text("name")
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise SpecError(
            "pipeline.name",
            f'invalid pipeline name: "{name}" may hold only letters, digits, underscores and dashes',
        )
    if not name[0].isalnum():
        raise SpecError("pipeline.name", "pipeline names must start with an alphanumeric character")
    if len(name) > MAX_NAME:
        raise SpecError(
            "pipeline.name",
            f'pipeline name "{name}" is {len(name) - MAX_NAME} characters longer than the {MAX_NAME} max',
        )
    project = named.object("project")
    return PipelineRef(name, project.text("name") if project else "")


def _transform(read: Reader | None) -> Transform:
    if read is None:
        raise SpecError("transform", "pipeline must specify a transform")
    if not read.texts("cmd"):
        raise SpecError(
            read.path_to("cmd"), "a pipeline needs a command here, where no image's own entrypoint is run"
        )
    secrets = tuple(_secret(item) for item in read.objects("secrets"))
    return Transform(
        image=read.text("image"),
        cmd=read.texts("cmd"),
        err_cmd=read.texts("errCmd"),
        env=read.mapping("env"),
        secrets=secrets,
        stdin=read.texts("stdin"),
        err_stdin=read.texts("errStdin"),
        accept_return_code=read.integers("acceptReturnCode"),
        user=read.text("user"),
        working_dir=read.text("workingDir"),
        datum_batching=read.flag("datumBatching"),
    )


def _secret(read: Reader) -> SecretMount:
    mount = SecretMount(read.text("name"), read.text("key"), read.text("mountPath"), read.text("envVar"))
    if not mount.name:
        raise SpecError(read.path_to("name"), "a secret needs a name")
    if mount.env_var and not mount.key:
        raise SpecError(read.path_to("key"), f"secret {mount.name} has env_var set but is missing key")
    return mount


def _service(read: Reader | None) -> Service | None:
    if read is None:
        return None
    kind = read.text("type") or "NodePort"
    if kind not in SERVICE_TYPES:
        raise SpecError(read.path_to("type"), f"the following service type {kind} is not allowed")
    ports = {key: read.integer(key) for key in ("internalPort", "externalPort")}
    for key, port in ports.items():
        if not 0 <= port < 1 << 16:
            raise SpecError(read.path_to(key), f"{port} is no port; ports are 1 to 65535")
    if ports["externalPort"] and not ports["internalPort"]:
        raise SpecError(read.path_to("internalPort"), "name the port that your code listens on")
    return Service(ports["internalPort"], ports["externalPort"], read.text("ip"), kind)


def _parallelism(read: Reader | None, service: Service | None) -> int:
    constant = read.integer("constant") if read else 0
    if service and constant > 1:
        raise SpecError(
            "parallelismSpec.constant", "services can only be run with a constant parallelism of 1"
        )
    return constant or 1


def _datum_sets(read: Reader | None) -> DatumSets:
    if read is None:
        return DatumSets()
    sets = DatumSets(read.integer("number"), read.integer("sizeBytes"), read.integer("perWorker"))
    if sets.per_worker and (sets.number or sets.size_bytes):
        raise SpecError("datumSetSpec.perWorker", "cannot be set together with number or sizeBytes")
    if min(sets.number, sets.size_bytes, sets.per_worker) < 0:
        raise SpecError("datumSetSpec", "must not be negative")
    return sets


def _tries(root: Reader) -> int:
    tries = root.integer("datumTries") or 3
    if tries < 0:
        raise SpecError("datumTries", "must not be negative")
    return tries


def _reprocess_spec(root: Reader) -> str:
    chosen = root.text("reprocessSpec") or UNTIL_SUCCESS
    if chosen not in (UNTIL_SUCCESS, EVERY_JOB):
        raise SpecError(
            "reprocessSpec",
            f"invalid pipeline spec: ReprocessSpec must be one of '{UNTIL_SUCCESS}' or '{EVERY_JOB}'",
        )
    return chosen


def _resources(read: Reader | None) -> Resources:
    if read is None:
        return Resources()
    return Resources(
        cpu=read.number("cpu"),
        memory_bytes=_quantity(read, "memory"),
        disk_bytes=_quantity(read, "disk"),
    )


_SUFFIXES = (
    {"": 1, "m": 0.001}
    | {
        unit: base**power
        for base, units in ((1000, "kMGTPE"), (1024, ("Ki", "Mi", "Gi", "Ti", "Pi", "Ei")))
        for power, unit in enumerate(units, 1)
    }
    | {"K": 1000}
)


def _quantity(read: Reader, key: str) -> int:
    text = read.text(key)
    digits = text.rstrip("kKmMGTPEi")
    suffix = text[len(digits) :]
    try:
        return int(float(digits or "0") * _SUFFIXES[suffix]) if text else 0
    except (ValueError, KeyError):
        raise SpecError(read.path_to(key), f'expected a size such as "500M" or "2Gi", not "{text}"') from None


KUBERNETES_ONLY = (
    "schedulingSpec", "podSpec", "podPatch", "tolerations", "sidecarResourceLimits",
    "sidecarResourceRequests", "resourceRequests", "autoscaling", "determined",
    "maximumExpectedUptime", "metadata",
)  # fmt: skip
TRANSFORM_KUBERNETES_ONLY = ("user", "imagePullSecrets", "dockerfile", "memoryVolume", "debug")


def not_honoured(value: JsonObject) -> tuple[str, ...]:
    """Paths of what the spec asks and only Kubernetes can give: kept and echoed, without effect here."""
    found = [key for key in KUBERNETES_ONLY if value.get(key)]
    transform = value.get("transform")
    if isinstance(transform, dict):
        found += [f"transform.{key}" for key in TRANSFORM_KUBERNETES_ONLY if transform.get(key)]
    limits: Json = value.get("resourceLimits")
    if isinstance(limits, dict):
        found += [f"resourceLimits.{key}" for key in ("gpu",) if limits.get(key)]
        cpu = limits.get("cpu")
        if isinstance(cpu, (int, float)) and cpu != math.ceil(cpu):
            found.append(f"resourceLimits.cpu (without control groups {cpu:g} counts as {math.ceil(cpu)})")
    return tuple(found)
