"""SeldonDeployments through the Kubernetes API, whichever machine answers it."""

from collections.abc import Iterator, Mapping
from typing import cast

import httpx2
import yaml
from lightkube import ApiError, Client, KubeConfig
from lightkube.core.exceptions import ConfigError
from lightkube.generic_resource import GenericNamespacedResource, create_namespaced_resource

from howdah.errors import Conflict, HowdahError, Invalid, NotFound, Unavailable

FIELD_MANAGER = "howdah"
GROUP, VERSION = "machinelearning.seldon.io", "v1"
SeldonDeployment = create_namespaced_resource(GROUP, VERSION, "SeldonDeployment", "seldondeployments")

REMEDIES: dict[type[HowdahError], str] = {
    NotFound: "See `howdah kubectl get sdep`.",
    Conflict: "Somebody else changed it meanwhile: read it again, and repeat the change.",
    Invalid: "Mend the manifest where the words above point.",
}

Manifest = Mapping[str, object]


class Deployments:
    """One Kubernetes API; `kubeconfig` is its text, None means what KUBECONFIG or the pod says."""

    def __init__(self, kubeconfig: str | None = None) -> None:
        try:
            config = KubeConfig.from_dict(yaml.safe_load(kubeconfig)) if kubeconfig else KubeConfig.from_env()
            self._client = Client(config=config, field_manager=FIELD_MANAGER)
        except (ConfigError, yaml.YAMLError) as error:
            raise Invalid(f"The kubeconfig cannot be used: {error}.") from error

    def __enter__(self) -> "Deployments":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def apply(self, manifest: Manifest) -> Manifest:
        """Server-side apply: creates or changes, idempotent; returns what the API now holds."""
        resource = SeldonDeployment.from_dict(dict(manifest))
        try:
            return _plain(self._client.apply(resource, force=True))
        except (ApiError, httpx2.HTTPError) as error:
            raise _said(error, f"apply SeldonDeployment {_name(manifest)}") from error

    def get(self, name: str, namespace: str = "default") -> Manifest:
        try:
            return _plain(self._client.get(SeldonDeployment, name, namespace=namespace))
        except (ApiError, httpx2.HTTPError) as error:
            raise _said(error, f"read SeldonDeployment {namespace}/{name}") from error

    def list(self, namespace: str = "*") -> Iterator[Manifest]:
        try:
            for found in self._client.list(SeldonDeployment, namespace=namespace):
                yield _plain(found)
        except (ApiError, httpx2.HTTPError) as error:
            raise _said(error, "list SeldonDeployments") from error

    def delete(self, name: str, namespace: str = "default") -> None:
        try:
            self._client.delete(SeldonDeployment, name, namespace=namespace)
        except (ApiError, httpx2.HTTPError) as error:
            raise _said(error, f"delete SeldonDeployment {namespace}/{name}") from error

    def logs(self, pod: str, namespace: str = "default", container: str = "", tail: int = 0) -> Iterator[str]:
        """A pod's lines so far, of its first container unless one is named; the last `tail`, or all."""
        try:
            yield from self._client.log(
                pod, namespace=namespace, container=container or None, tail_lines=tail or None
            )
        except (ApiError, httpx2.HTTPError) as error:
            raise _said(error, f"read the logs of {namespace}/{pod}") from error


def _plain(resource: GenericNamespacedResource) -> Manifest:
    return cast(Manifest, resource.to_dict())  # type: ignore[no-untyped-call]


def _name(manifest: Manifest) -> str:
    metadata = manifest.get("metadata")
    return str(metadata.get("name")) if isinstance(metadata, dict) else "without a name"


def _said(error: ApiError | httpx2.HTTPError, what: str) -> HowdahError:
    """The API's own words, as the branch of our tree that its code means."""
    if not isinstance(error, ApiError):
        return Unavailable(
            f"Could not {what}: the Kubernetes API does not answer ({error}).",
            remedy="See `howdah status`, or check the address that KUBECONFIG names.",
        )
    branch: dict[int, type[HowdahError]] = {404: NotFound, 409: Conflict, 400: Invalid, 422: Invalid}
    kind = branch.get(error.status.code or 0, Unavailable)
    remedy = REMEDIES.get(kind, "Run the command again; should it stay so, the API's log says more.")
    return kind(f"Could not {what}: {error.status.message}", remedy=remedy)
