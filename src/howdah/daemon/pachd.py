"""The embedded Pachyderm: store, services, gateways.

Whoever adds to it (pipelines, say) builds upon `versions`, registers operations with `transactor`,
adds services before `serve`, and is closed before the store is.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from howdah.core.messages.catalogue import catalogue
from howdah.core.refs import new_commit_id
from howdah.core.settings import Settings
from howdah.pachd.pipelines.tables import SCHEMA as PIPELINES
from howdah.pachd.versions.opening import OpenStore
from howdah.pachd.wire.call import Waiting
from howdah.pachd.wire.chunk_links import ChunkLinks
from howdah.pachd.wire.cluster_services import AdminService, VersionService, refused_services
from howdah.pachd.wire.credentials import Credentials
from howdah.pachd.wire.debug_service import DebugService
from howdah.pachd.wire.dispatch import Dispatcher, Service
from howdah.pachd.wire.fetching import Fetcher
from howdah.pachd.wire.metadata_service import MetadataService
from howdah.pachd.wire.modify import ModifyCalls
from howdah.pachd.wire.pfs_branches import BranchCalls
from howdah.pachd.wire.pfs_commits import CommitCalls, CommitSetCalls
from howdah.pachd.wire.pfs_files import FileCalls
from howdah.pachd.wire.pfs_filesets import FilesetCalls, UpkeepCalls
from howdah.pachd.wire.pfs_repos import ProjectCalls, RepoCalls
from howdah.pachd.wire.server import GrpcServer
from howdah.pachd.wire.storage_service import StorageService
from howdah.pachd.wire.transaction_service import TransactionService
from howdah.pachd.wire.transactor import Transactor

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from howdah.pachd.wire.s3.app import S3App

_GRACE_S = 3.0


class Pachd:
    def __init__(self, state: Path, settings: Settings) -> None:
        """Its own folder is `pachd/` in the state folder."""
        folder = state / "pachd"
        folder.mkdir(exist_ok=True)
        self._closing = ExitStack()
        self.contract = catalogue(state / "cache")
        self.store = OpenStore(folder, schemas=[PIPELINES])
        self._closing.callback(self.store.close)
        self.versions = self.store.versions
        self.transactor = Transactor(self.versions)
        self.deployment_id = _deployment_id(folder / "deployment-id")
        self._waiting = Waiting()
        self.links = ChunkLinks(self.versions.blobs, self.versions.clock)
        fetcher = Fetcher(settings.pachd.put_file_hosts)
        self.services: list[Service] = [
            VersionService(),
            AdminService(self.versions, self.deployment_id),
            ProjectCalls(self.versions),
            RepoCalls(self.versions, self.transactor),
            BranchCalls(self.versions, self.transactor),
            CommitCalls(self.versions, self.transactor),
            CommitSetCalls(self.versions, self.transactor),
            FileCalls(self.versions),
            ModifyCalls(self.versions, fetcher),
            FilesetCalls(self.versions),
            UpkeepCalls(self.versions),
            StorageService(self.versions, self.links),
            DebugService(self.versions, lambda: sorted((state / "logs").glob("*.log"))),
            TransactionService(self.versions, self.transactor),
            MetadataService(self.versions),
            *refused_services(self.contract),
        ]

    def serve(self, host: str, port: int, credentials: Credentials) -> GrpcServer:
        """The gRPC server, listening but not yet started.

        From here on commits finish by themselves: whoever takes part in transactions has registered.
        """
        self.store.start()
        self._dispatcher = Dispatcher(self.contract, self.services)
        server = GrpcServer(self._dispatcher, host, port, credentials, self._waiting)
        self._closing.callback(server.stop, _GRACE_S)
        return server

    # The libraries of HTTP are a third of a start, and whoever speaks gRPC need not wait for them.

    def routes(self, credentials: Credentials) -> "list[BaseRoute]":
        """What belongs on the HTTP port, once `serve` was called."""
        from howdah.pachd.wire.chunk_routes import ChunkRoutes
        from howdah.pachd.wire.json_gateway import JsonGateway

        gateway = JsonGateway(self._dispatcher, credentials, self._waiting)
        self._closing.callback(gateway.close)
        return [*gateway.routes(), *ChunkRoutes(self.links).routes()]

    def s3(self, credentials: Credentials) -> "S3App":
        from howdah.pachd.wire.s3.app import S3App

        app = S3App(self.versions, credentials.token)
        self._closing.callback(app.close)
        return app

    def close(self) -> None:
        self._closing.close()


def _deployment_id(path: Path) -> str:
    """Made once and never changed: clients keep it with their context."""
    if not path.exists():
        path.write_text(new_commit_id() + "\n")
    return path.read_text().strip()
