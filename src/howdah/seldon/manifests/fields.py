"""The fields of a SeldonDeployment v1, as pydantic models that refuse what they do not know.

Field names are the manifest's own (camelCase aliases). What belongs to Kubernetes itself
(containers, pod specs, autoscalers) is carried as plain JSON and checked by `podspec`.
"""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from howdah.core.json import JsonObject

API_VERSION = "machinelearning.seldon.io/v1"
KIND = "SeldonDeployment"


class _Fields(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class UnitType(StrEnum):
    UNKNOWN_TYPE = "UNKNOWN_TYPE"
    ROUTER = "ROUTER"
    COMBINER = "COMBINER"
    MODEL = "MODEL"
    TRANSFORMER = "TRANSFORMER"
    OUTPUT_TRANSFORMER = "OUTPUT_TRANSFORMER"


class Method(StrEnum):
    TRANSFORM_INPUT = "TRANSFORM_INPUT"
    TRANSFORM_OUTPUT = "TRANSFORM_OUTPUT"
    ROUTE = "ROUTE"
    AGGREGATE = "AGGREGATE"
    SEND_FEEDBACK = "SEND_FEEDBACK"


class ParameterType(StrEnum):
    INT = "INT"
    FLOAT = "FLOAT"
    DOUBLE = "DOUBLE"
    STRING = "STRING"
    BOOL = "BOOL"


class LoggerMode(StrEnum):
    ALL = "all"
    REQUEST = "request"
    RESPONSE = "response"


class ExplainerType(StrEnum):
    ANCHOR_TABULAR = "AnchorTabular"
    ANCHOR_IMAGES = "AnchorImages"
    ANCHOR_TEXT = "AnchorText"
    COUNTERFACTUALS = "Counterfactuals"
    CONTRASTIVE = "Contrastive"
    KERNEL_SHAP = "KernelShap"
    INTEGRATED_GRADIENTS = "IntegratedGradients"
    ALE = "ALE"
    TREE_SHAP = "TreeShap"


class Endpoint(_Fields):
    service_host: str = Field(default="", alias="service_host")
    service_port: int = Field(default=0, alias="service_port")
    type: str = ""
    http_port: int = 0
    grpc_port: int = 0


class Parameter(_Fields):
    name: str
    value: str
    type: ParameterType


class Logger(_Fields):
    url: str | None = None
    mode: str = ""


class Unit(_Fields):
    """A node of the graph (Seldon's PredictiveUnit)."""

    name: str
    children: tuple["Unit", ...] = ()
    type: UnitType | None = None
    implementation: str | None = None
    methods: tuple[Method, ...] | None = None
    endpoint: Endpoint | None = None
    parameters: tuple[Parameter, ...] = ()
    model_uri: str = ""
    service_account_name: str = ""
    env_secret_ref_name: str = ""
    storage_initializer_image: str = ""
    logger: Logger | None = None

    def walk(self) -> "tuple[Unit, ...]":
        """This node and all below it, parents first."""
        return (self, *(below for child in self.children for below in child.walk()))


class Explainer(_Fields):
    type: ExplainerType | None = None
    model_uri: str = ""
    service_account_name: str = ""
    container_spec: JsonObject = Field(default_factory=dict)
    config: dict[str, str] = Field(default_factory=dict)
    endpoint: Endpoint | None = None
    env_secret_ref_name: str = ""
    storage_initializer_image: str = ""
    replicas: int | None = None
    init_parameters: str = ""


class ComponentSpec(_Fields):
    """One pod template: its containers bear the names of graph nodes."""

    metadata: JsonObject = Field(default_factory=dict)
    spec: JsonObject = Field(default_factory=dict)
    hpa_spec: JsonObject | None = None
    keda_spec: JsonObject | None = None
    pdb_spec: JsonObject | None = None
    replicas: int | None = None

    def containers(self) -> list[JsonObject]:
        found = self.spec.get("containers")
        return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


class SvcOrchSpec(_Fields):
    resources: JsonObject | None = None
    env: tuple[JsonObject, ...] = ()
    replicas: int | None = None


class Ssl(_Fields):
    cert_secret_name: str = ""


class Predictor(_Fields):
    name: str
    graph: Unit
    component_specs: tuple[ComponentSpec, ...] = ()
    replicas: int | None = None
    annotations: dict[str, str] = Field(default_factory=dict)
    engine_resources: JsonObject = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)
    svc_orch_spec: SvcOrchSpec = Field(default_factory=SvcOrchSpec)
    traffic: int = 0
    explainer: Explainer | None = None
    shadow: bool = False
    ssl: Ssl | None = None
    progress_deadline_seconds: int | None = None

    def container(self, name: str) -> JsonObject | None:
        for spec in self.component_specs:
            for container in spec.containers():
                if container.get("name") == name:
                    return container
        return None


class Spec(_Fields):
    name: str = ""
    predictors: tuple[Predictor, ...] = ()
    oauth_key: str = Field(default="", alias="oauth_key")
    oauth_secret: str = Field(default="", alias="oauth_secret")
    annotations: dict[str, str] = Field(default_factory=dict)
    protocol: str = ""
    transport: str = ""
    replicas: int | None = None
    server_type: str = ""


class Metadata(BaseModel):
    """The part of Kubernetes' object metadata that the engine reads; the rest is the API's."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str
    namespace: str = "default"
    uid: str = ""
    generation: int = 1
    annotations: dict[str, str] = Field(default_factory=dict)
    labels: dict[str, str] = Field(default_factory=dict)


class SeldonDeployment(_Fields):
    api_version: str
    kind: str
    metadata: Metadata
    spec: Spec

    @property
    def name(self) -> str:
        return self.metadata.name

    @property
    def namespace(self) -> str:
        return self.metadata.namespace
