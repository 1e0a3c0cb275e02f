"""Serve one model: `python -m howdah.runtimes.serve [FOLDER]`, told by its environment what and where.

MLServer with no worker processes, our front before it on HTTP, and Seldon's v1 services beside
the V2 ones on gRPC. Ready means loaded: the ports open first, /ready answers 200 last.
"""

import asyncio
import importlib
import json
import logging
import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlserver.grpc.server import GRPCServer
from mlserver.metrics.registry import REGISTRY as MODEL_REGISTRY
from mlserver.model import MLModel
from mlserver.rest.server import RESTServer
from mlserver.server import MLServer
from mlserver.settings import ModelParameters, ModelSettings, Settings

from howdah.core.json import JsonObject, as_object, as_text
from howdah.errors import HowdahError
from howdah.runtimes.front.app import Front
from howdah.runtimes.front.metrics import Metrics
from howdah.runtimes.front.place import Place, from_environment
from howdah.runtimes.front.serving import Server as FrontServer
from howdah.runtimes.grpc_server import FrontedGrpcServer
from howdah.runtimes.mlserver_backend import MlserverBackend
from howdah.runtimes.models import hosting

RUNTIMES = {
    "sklearn": "howdah.runtimes.models.sklearn.SklearnModel",
    "bundle": "howdah.runtimes.models.bundle.BundleModel",
    "onnx": "howdah.runtimes.models.onnx.OnnxFileModel",
    "tensorflow": "howdah.runtimes.models.tensorflow.TensorflowModel",
    "explainer": "howdah.runtimes.explaining.ExplainerModel",
    "detector": "howdah.runtimes.detecting.DetectorModel",
}
log = logging.getLogger("howdah.serve")


class _Rest(RESTServer):
    """MLServer's REST server with our front around its application."""

    place: Place
    front: Front

    async def start(self) -> None:
        self._server = FrontServer(self.front, self.place)
        await self._server.serve()


class Server(MLServer):
    def __init__(self, settings: Settings, place: Place) -> None:
        self._place = place
        self._loaded: MLModel | None = None
        super().__init__(settings)

    def _create_servers(self) -> None:
        place = self._place
        self._kafka_server = None
        self._rest_server = _Rest(self._settings, self._data_plane, self._model_repository_handlers)
        self._rest_server.place = place
        metrics = Metrics(place, MODEL_REGISTRY)
        backend = MlserverBackend(place, self._data_plane, lambda: self._loaded, self._rest_server._app)
        backend.metrics = metrics
        front = Front(place, backend, metrics)
        self._rest_server.front = front
        self._front = front
        self._grpc_server: GRPCServer = FrontedGrpcServer(
            self._settings, self._data_plane, self._model_repository_handlers, place, front, backend
        )

    async def serve(self, model: ModelSettings) -> int:
        """Until stopped; the code to exit with: not 0 if the model could not be loaded."""
        servers = asyncio.gather(self._rest_server.start(), self._grpc_server.start())
        code = 0
        try:
            self._loaded = await self._model_registry.load(model)
            log.info("model %s is ready", model.name)
        except HowdahError as error:
            log.error("the model cannot be loaded: %s", error)
            code = 3
        except Exception:
            log.exception("the model cannot be loaded")
            code = 3
        if code:
            await self.stop()
        await servers
        self._front.close()
        return code


def implementation(name: str) -> type[MLModel]:
    """A runtime by its short name, or any MLModel by its path."""
    module, _, symbol = RUNTIMES.get(name, name).rpartition(".")
    found = getattr(importlib.import_module(module), symbol)
    if not (isinstance(found, type) and issubclass(found, MLModel)):
        raise TypeError(f"{name} is no MLServer runtime")
    return found


def model_settings(place: Place, env: Mapping[str, str], started_on: Sequence[str]) -> ModelSettings:
    """As the `model-settings.json` says that stands in the folder which `mlserver start` is given.

    The node's name goes before the file's, and so does what the manifest says of the model and its
    parameters. Without a file the environment names the runtime.
    """
    folder = _folder(place, Path(env.get("HOWDAH_APP") or "."), *started_on[:1])
    file = folder / "model-settings.json"
    written: JsonObject = as_object(json.loads(file.read_text())) if file.is_file() else {}
    if written:
        sys.path.insert(0, str(folder))
    said = as_object(written.get("parameters"))
    uri = place.model_folder if place.model_uri or not written else folder / as_text(said.get("uri"))
    told = {**as_object(said.get("extra")), **place.parameters}
    name = env.get("MLSERVER_MODEL_IMPLEMENTATION") or as_text(written.get("implementation")) or "bundle"
    parameters = ModelParameters(
        **{**said, "uri": str(uri), "version": place.version or said.get("version"), "extra": told}
    )
    own = {**written, "name": place.node, "implementation": implementation(name), "parameters": parameters}
    return ModelSettings(**own)


def _folder(place: Place, app: Path, word: str = ".") -> Path:
    """An image's own files are where its code is, the model's are mounted at /mnt/models."""
    path = Path(word)
    if path.is_relative_to("/mnt/models"):
        return place.model_folder / path.relative_to("/mnt/models")
    return app / (path.relative_to("/app") if path.is_relative_to("/app") else path)


def settings_of(place: Place) -> Settings:
    return Settings(
        debug=False,
        parallel_workers=0,
        host=place.host,
        http_port=place.http_port,
        grpc_port=place.grpc_port,
        metrics_endpoint=None,
        load_models_at_startup=False,
        grpc_max_message_length=256 << 20,
    )


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s")
    logging.captureWarnings(True)
    warnings.simplefilter("default")
    place = from_environment(os.environ)
    try:
        model = model_settings(place, os.environ, sys.argv[1:])
    except (ImportError, AttributeError, TypeError, ValueError, OSError) as error:
        log.error("the runtime cannot be used: %s: %s", type(error).__name__, error)
        return 3
    hosting.register(place.node, place)

    async def run() -> int:
        return await Server(settings_of(place), place).serve(model)

    try:
        import uvloop
    except ImportError:
        return asyncio.run(run())
    return uvloop.run(run())


if __name__ == "__main__":
    sys.exit(main())
