"""The serving side: the engine beside pachd, which it reaches only over the wire."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack

from starlette.routing import BaseRoute

from howdah.client.files import Files
from howdah.core.settings import Settings
from howdah.daemon.pipelines import Surroundings
from howdah.processes.spawner import Spawner
from howdah.seldon.children import free_port
from howdah.seldon.engine import Engine, EngineSettings
from howdah.seldon.shipping import Sink

NO_AUTH = "howdah"
"""The S3 gateway without tokens takes any key whose secret is the key itself."""


class Serving:
    def __init__(
        self,
        around: Surroundings,
        host: str,
        port: int,
        spawner: Spawner,
        settings: Settings,
        token: str = "",
        admits: Callable[[str], bool] | None = None,
    ) -> None:
        """`token` is what we show to pachd, `admits` says who may use the Kubernetes API (None: all)."""
        self._closing = ExitStack()
        self._token = token
        self._secret: dict[str, str] = {}
        self._pachd = ""
        self.port = port or free_port()
        engine_settings = EngineSettings(
            ingress_port=self.port,
            ingress_address=host,
            images=around.project / "images",
            environment=around.outer,
            trusted_pickles=settings.serving.trusted_pickles,
            pachd_secret=self._secret,
            sink=self._sink,
            admits=admits,
        )
        self._engine = Engine(around.state / "seldon", engine_settings, spawner)

    @property
    def routes(self) -> list[BaseRoute]:
        """The Kubernetes API."""
        return self._engine.routes

    def start(self, pachd: str, s3: str) -> None:
        """The addresses by which models come in and the inference log goes out; `s3` may be empty."""
        self._pachd = pachd
        if s3:
            self._secret.update(_variables(s3, self._token or NO_AUTH))
        self._engine.start()
        self._closing.callback(self._engine.shut_down)

    def close(self) -> None:
        """Everything ends: the ingress, every model server. A crash leaves them to be adopted."""
        self._closing.close()

    def _sink(self) -> Sink:
        return Files.at(self._pachd, self._token)


def _variables(s3: str, key: str) -> Mapping[str, str]:
    """As rclone names them, so that the same secret serves Seldon's storage initializer on a cluster."""
    return {
        "RCLONE_CONFIG_S3_TYPE": "s3",
        "RCLONE_CONFIG_S3_PROVIDER": "Other",
        "RCLONE_CONFIG_S3_ENV_AUTH": "false",
        "RCLONE_CONFIG_S3_ENDPOINT": s3,
        "RCLONE_CONFIG_S3_ACCESS_KEY_ID": key,
        "RCLONE_CONFIG_S3_SECRET_ACCESS_KEY": key,
    }
