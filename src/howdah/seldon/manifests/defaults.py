"""What Seldon's controller fills in before it acts.

Seldon keeps the stored object as the user wrote it and defaults a copy; so do we, which is
why `kubectl diff` of an applied manifest shows nothing.
"""

from howdah.seldon.manifests.fields import Endpoint, Predictor, SeldonDeployment, Unit, UnitType

FIRST_HTTP_PORT, FIRST_GRPC_PORT = 9000, 9500
UNKNOWN_IMPLEMENTATION = "UNKNOWN_IMPLEMENTATION"
RANDOM_ABTEST = "RANDOM_ABTEST"
BUILT_IN = {RANDOM_ABTEST, "SIMPLE_MODEL", "SIMPLE_ROUTER", "AVERAGE_COMBINER"}


def is_prepackaged(unit: Unit) -> bool:
    """Whether a server that Seldon brings along runs this node: any name it has no code for."""
    return unit.implementation not in (None, "", UNKNOWN_IMPLEMENTATION, *BUILT_IN)


def defaulted(given: SeldonDeployment) -> dict[str, object]:
    """The manifest with types, implementations, version labels and node ports filled in."""
    ports = _Ports()
    predictors = [_predictor(predictor, given.spec.transport, ports) for predictor in given.spec.predictors]
    spec = given.spec.model_copy(update={"predictors": tuple(predictors)})
    return given.model_copy(update={"spec": spec}).model_dump(mode="json", by_alias=True)


class _Ports:
    """One counter across all predictors, one pair of ports per container name."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def of(self, name: str) -> tuple[int, int]:
        offset = self._seen.setdefault(name, len(self._seen))
        return FIRST_HTTP_PORT + offset, FIRST_GRPC_PORT + offset


def _predictor(given: Predictor, transport: str, ports: _Ports) -> Predictor:
    labels = {"version": given.name, **given.labels}
    for spec in given.component_specs:
        for container in spec.containers():
            ports.of(str(container.get("name", "")))
    graph = _unit(given.graph, transport, ports, given)
    return given.model_copy(update={"labels": labels, "graph": graph})


def _unit(unit: Unit, transport: str, ports: _Ports, predictor: Predictor) -> Unit:
    changed: dict[str, object] = {"implementation": unit.implementation or UNKNOWN_IMPLEMENTATION}
    if (unit.type is None and unit.methods is None and unit.implementation is None) or is_prepackaged(unit):
        changed["type"] = UnitType.MODEL
    if is_prepackaged(unit) or predictor.container(unit.name) is not None:
        http, grpc = ports.of(unit.name)
        given = unit.endpoint.model_dump(by_alias=True) if unit.endpoint else {}
        wants_grpc = transport == "grpc" or given.get("type") == "GRPC"
        own = {"service_host": "localhost", "httpPort": http, "grpcPort": grpc}
        changed["endpoint"] = Endpoint.model_validate(
            {
                **given,
                **own,
                "service_port": grpc if wants_grpc else http,
            }
        )
    changed["children"] = tuple(_unit(child, transport, ports, predictor) for child in unit.children)
    return unit.model_copy(update=changed)
