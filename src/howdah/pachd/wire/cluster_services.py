"""The small services that say what this server is: version, admin, and what Pachyderm 2.12 retired."""

from collections.abc import Callable, Iterator
from typing import Any

from howdah.core.messages.catalogue import Catalogue
from howdah.pachd.versions import Versions
from howdah.pachd.wire.call import Call
from howdah.pachd.wire.contract import admin, version
from howdah.pachd.wire.convert import project_name
from howdah.pachd.wire.dispatch import snake
from howdah.pachd.wire.errors import AuthNotActivated, Retired

PACHYDERM = (2, 12, 2)
"""The Pachyderm whose protocol this is; clients compare major and minor with their own."""

_TOO_OLD = "WARNING: this client is older than Pachyderm {0}, which this server speaks; please update it."
_TOO_NEW = "WARNING: this client is newer than Pachyderm {0}, which this server speaks; please use {0}."


class VersionService:
    service = "versionpb_v2.API"

    def get_version(self, request: Any, call: Call) -> Any:
        major, minor, micro = PACHYDERM
        return version.Version(major=major, minor=minor, micro=micro)


class AdminService:
    service = "admin_v2.API"

    def __init__(self, versions: Versions, deployment_id: str, http_address: str = "") -> None:
        self._versions = versions
        self._deployment_id = deployment_id
        self._http_address = http_address

    def inspect_cluster(self, request: Any, call: Call) -> Any:
        """Clients keep the deployment id and refuse to talk to another deployment under one context."""
        with self._versions.view() as view:
            metadata = view.cluster_metadata()
            if request.HasField("current_project"):
                view.project(project_name(request.current_project))
        return admin.ClusterInfo(
            id=self._deployment_id,
            deployment_id=self._deployment_id,
            warnings_ok=True,
            warnings=_skew(request),
            proxy_host=self._http_address,
            metadata=metadata,
        )


def _skew(request: Any) -> list[str]:
    said = request.client_version
    theirs, ours = (said.major, said.minor), PACHYDERM[:2]
    if not request.HasField("client_version") or theirs in (ours, (0, 0)):
        return []
    text = _TOO_OLD if theirs < ours else _TOO_NEW
    return [text.format(".".join(map(str, ours)))]


def refusing(catalogue: Catalogue, service: str, error: Callable[[], Exception]) -> Any:
    """A service every call of which answers with this error, as 2.12 itself does."""

    def single(request: Any, call: Call) -> Any:
        raise error()

    def stream(request: Any, call: Call) -> Iterator[Any]:
        raise error()
        yield

    methods = {
        snake(rpc.name): staticmethod(stream if rpc.server_streams else single)
        for rpc in catalogue.rpcs.values()
        if rpc.service == service
    }
    return type("Refusing", (), {"service": service, **methods})()


def refused_services(catalogue: Catalogue) -> list[Any]:
    return [
        refusing(catalogue, "auth_v2.API", AuthNotActivated),
        refusing(catalogue, "identity_v2.API", AuthNotActivated),
        refusing(catalogue, "enterprise_v2.API", lambda: Retired("enterprise")),
        refusing(catalogue, "license_v2.API", lambda: Retired("license")),
    ]
