"""The serving side: the engine beside pachd, which it reaches only over the wire."""

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from starlette.routing import BaseRoute

from howdah.client.files import Files
from howdah.core.settings import Settings
from howdah.processes.spawner import Spawner
from howdah.seldon.children import free_port
from howdah.seldon.engine import Engine, EngineSettings
from howdah.seldon.shipping import Sink

NO_AUTH = "howdah"
"""The S3 gateway without tokens takes any key whose secret is the key itself."""


class Serving:
    def __init__(
        self, state: Path, project: Path, host: str, port: int, spawner: Spawner, settings: Settings
    ) -> None:
        self._closing = ExitStack()
        self._secret: dict[str, str] = {}
        self._pachd = ""
        self.port = port or free_port()
        engine_settings = EngineSettings(
            ingress_port=self.port,
            ingress_address=host,
            images=project / "images",
            trusted_pickles=settings.serving.trusted_pickles,
            pachd_secret=self._secret,
            sink=self._sink,
        )
        self._engine = Engine(state / "seldon", engine_settings, spawner)

    @property
    def routes(self) -> list[BaseRoute]:
        """The Kubernetes API."""
        return self._engine.routes

    def start(self, pachd: str, s3: str) -> None:
        """The addresses by which models come in and the inference log goes out; `s3` may be empty."""
        self._pachd = pachd
        if s3:
            self._secret.update(_variables(s3))
        self._engine.start()
        self._closing.callback(self._engine.shut_down)

    def close(self) -> None:
        """Everything ends: the ingress, every model server. A crash leaves them to be adopted."""
        self._closing.close()

    def _sink(self) -> Sink:
        return Files.at(self._pachd)


def _variables(s3: str) -> Mapping[str, str]:
    """As rclone names them, so that the same secret serves Seldon's storage initializer on a cluster."""
    return {
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENV_AUTH": "false",
        "RCLONE_CONFIG_S3_ENDPOINT": s3,
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": NO_AUTH,
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": NO_AUTH,
    }
