"""From the path of an RPC to the method that answers it.

The table of RPCs is the contract's; services are objects. What no object serves is refused by name,
and an object's public method that is no RPC of its service is a mistake found at the start.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from google.protobuf.message import DecodeError

from howdah.core.messages.catalogue import Catalogue, Rpc
from howdah.pachd.wire.errors import Malformed, NotServed


class Service(Protocol):
    """One public method per RPC it serves: `f(request, call)`; a request stream is an iterator, a
    response stream a generator. Names in `raw` are given requests as the bytes that came in."""

    @property
    def service(self) -> str: ...


Read = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Method:
    rpc: Rpc
    serve: Callable[[Any, Any], Any]
    raw: bool
    """Requests come as bytes."""

    def read(self, data: bytes) -> Any:
        if self.raw:
            return data
        try:
            return self.rpc.request.FromString(data)
        except DecodeError as error:
            raise Malformed(f"{self.rpc.path}: the request is not a {self.rpc.request.__name__}") from error

    @staticmethod
    def write(response: Any) -> bytes:
        """Services may answer with bytes that are already the message."""
        return response if isinstance(response, bytes) else response.SerializeToString()


class Dispatcher:
    def __init__(self, catalogue: Catalogue, services: Iterable[Service]) -> None:
        self.catalogue = catalogue
        self._methods: dict[str, Method] = {}
        for service in services:
            self._add(service)

    def _add(self, service: Service) -> None:
        own = {snake(rpc.name): rpc for rpc in self.catalogue.rpcs.values() if rpc.service == service.service}
        raw = getattr(service, "raw", ())
        for name in (name for name in dir(service) if not name.startswith("_")):
            value = getattr(service, name)
            if not callable(value):
                continue
            if name not in own:
                raise TypeError(f"{type(service).__name__}.{name} is no RPC of {service.service}")
            path = own[name].path
            if path in self._methods:
                raise TypeError(f"{path} is served twice")
            self._methods[path] = Method(own[name], value, name in raw)

    def find(self, path: str) -> Method:
        """NotServed for what is known and not implemented, and for what nobody knows."""
        method = self._methods.get(path)
        if method is None:
            raise NotServed(path, "" if path in self.catalogue.rpcs else "there is no such method")
        return method

    def serves(self, path: str) -> bool:
        return path in self._methods


def snake(name: str) -> str:
    """`GetFileTAR` is `get_file_tar`, `CreatePipelineV2` is `create_pipeline_v2`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
