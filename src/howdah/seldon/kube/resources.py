"""The kinds that are served, and what may be done with each."""

from dataclasses import dataclass

from howdah.seldon import objects

WRITES = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
READS = ("get", "list", "watch")
GROUP = "machinelearning.seldon.io"


@dataclass(frozen=True, slots=True)
class Resource:
    group: str
    version: str
    kind: str
    plural: str
    verbs: tuple[str, ...]
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """As error messages name it: `seldondeployments.machinelearning.seldon.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def prefix(self) -> str:
        return f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"


SELDON_DEPLOYMENT = Resource(
    GROUP,
    "v1",
    "SeldonDeployment",
    objects.SELDON_DEPLOYMENTS,
    WRITES,
    short_names=("sdep",),
    categories=("all",),
    subresources=("status",),
)
SECRET = Resource("", "v1", "Secret", objects.SECRETS, WRITES)
EVENT = Resource("", "v1", "Event", objects.EVENTS, READS, short_names=("ev",))
POD = Resource(
    "", "v1", "Pod", objects.PODS, READS, short_names=("po",), categories=("all",), subresources=("log",)
)
NAMESPACE = Resource("", "v1", "Namespace", "namespaces", READS, namespaced=False, short_names=("ns",))

POD_METRICS = Resource("metrics.k8s.io", "v1beta1", "PodMetrics", "pods", ("get", "list"))
"""Not stored: worked out when it is asked for."""

ALL = (NAMESPACE, SECRET, EVENT, POD, SELDON_DEPLOYMENT)
