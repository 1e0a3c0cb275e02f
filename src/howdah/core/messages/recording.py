"""The RPC contract, read off the official SDK's own client stubs.

A stub names, when it is constructed, every RPC of its service: path, arity, how a
request is written and a response is read. So a channel that only takes notes turns
the SDK into the description of the protocol, and no description of our own can drift
from it. Response types stand behind the bound class method `FromString`. Request
types do not: all messages share one plain function `SerializeToString`; while notes
are taken it is replaced by a descriptor that remembers the class it was read from.
"""

import importlib
import pkgutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import betterproto


@dataclass(frozen=True, slots=True)
class RecordedRpc:
    path: str
    """`/pfs_v2.API/InspectRepo`."""
    request: type[betterproto.Message]
    response: type[betterproto.Message]
    client_streams: bool
    server_streams: bool
    module: str
    """The SDK module whose stub named it."""

    @property
    def service(self) -> str:
        return self.path.split("/")[1]

    @property
    def name(self) -> str:
        return self.path.split("/")[2]


class _OwnerNotingSerializer:
    """Stands in for `SerializeToString`: reading it from a class yields the class."""

    def __get__(self, instance: object, owner: type[betterproto.Message]) -> type[betterproto.Message]:
        return owner


class _NotingChannel:
    """As much of a channel as a stub touches while it is constructed."""

    def __init__(self, module: str) -> None:
        self._module = module
        self.rpcs: list[RecordedRpc] = []

    def _note(self, path: str, serializer: object, deserializer: object, client: bool, server: bool) -> None:
        response = getattr(deserializer, "__self__", None)
        if not isinstance(serializer, type) or not isinstance(response, type):
            raise TypeError(
                f"{path}: the installed pachyderm_sdk describes its calls in a way not known here"
            )
        self.rpcs.append(RecordedRpc(path, serializer, response, client, server, self._module))

    def unary_unary(self, path: str, request_serializer: object, response_deserializer: object) -> None:
        self._note(path, request_serializer, response_deserializer, client=False, server=False)

    def unary_stream(self, path: str, request_serializer: object, response_deserializer: object) -> None:
        self._note(path, request_serializer, response_deserializer, client=False, server=True)

    def stream_unary(self, path: str, request_serializer: object, response_deserializer: object) -> None:
        self._note(path, request_serializer, response_deserializer, client=True, server=False)

    def stream_stream(self, path: str, request_serializer: object, response_deserializer: object) -> None:
        self._note(path, request_serializer, response_deserializer, client=True, server=True)


_recording = threading.Lock()


@contextmanager
def _noting_owners() -> Iterator[None]:
    with _recording:
        original = betterproto.Message.SerializeToString
        betterproto.Message.SerializeToString = _OwnerNotingSerializer()  # type: ignore[assignment,method-assign]
        try:
            yield
        finally:
            betterproto.Message.SerializeToString = original  # type: ignore[method-assign]


def sdk_modules() -> list[ModuleType]:
    """Every generated module of the SDK, in a stable order."""
    api = importlib.import_module("pachyderm_sdk.api")
    names = sorted(module.name for module in pkgutil.iter_modules(api.__path__))
    return [importlib.import_module(f"pachyderm_sdk.api.{name}") for name in names]


def record(modules: list[ModuleType]) -> list[RecordedRpc]:
    """Every RPC of every stub in `modules`, in the stubs' own order.

    Messages must not be serialized by other threads meanwhile; callers record once,
    before they serve or connect.
    """
    rpcs: list[RecordedRpc] = []
    with _noting_owners():
        for module in modules:
            for name in sorted(vars(module)):
                if name.endswith("Stub"):
                    channel = _NotingChannel(module.__name__)
                    getattr(module, name)(channel)
                    rpcs.extend(channel.rpcs)
    return rpcs
