"""Fast message classes and the table of RPCs, ready for servers and clients.

The whole contract is one serialized `FileDescriptorSet` (messages, enums, services).
Deriving it imports the SDK (a third of a second); a file that holds it saves that, and
is trusted only if it was written for the same SDK, betterproto and derivation.
"""

import hashlib
import importlib.util
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message

_DERIVATION = 1
"""Raise when `describing` derives something else from the same SDK."""

_WELL_KNOWN = (any_pb2, duration_pb2, empty_pb2, struct_pb2, timestamp_pb2, wrappers_pb2)


@dataclass(frozen=True, slots=True)
class Rpc:
    service: str
    """`pfs_v2.API`."""
    name: str
    """`InspectRepo`."""
    request: type[Message]
    response: type[Message]
    client_streams: bool
    server_streams: bool

    @property
    def path(self) -> str:
        return f"/{self.service}/{self.name}"


class Package:
    """The classes of one package as attributes: `pfs.CommitInfo`, `pfs.CommitState.FINISHED`."""

    def __init__(self, classes: dict[str, type[Message]]) -> None:
        vars(self).update(classes)

    def __getattr__(self, name: str) -> type[Message]:
        raise AttributeError(f"the installed pachyderm_sdk has no message {name} in this package")


class Catalogue:
    """Everything the contract names; safe to share. Classes are made when they are first asked for:
    a command needs a dozen of five hundred, and making all would take it longer than its request."""

    def __init__(self, contract: descriptor_pb2.FileDescriptorSet) -> None:
        pool = descriptor_pool.DescriptorPool()
        for module in _WELL_KNOWN:
            well_known = descriptor_pb2.FileDescriptorProto()
            module.DESCRIPTOR.CopyToProto(well_known)
            pool.Add(well_known)
        for file in contract.file:
            pool.Add(file)
        self._pool = pool
        self._files = [file.name for file in contract.file]
        self._services = [
            f"{file.package}.{service.name}" for file in contract.file for service in file.service
        ]

    @cached_property
    def _classes(self) -> dict[str, type[Message]]:
        names = self._files + [module.DESCRIPTOR.name for module in _WELL_KNOWN]
        return message_factory.GetMessageClassesForFiles(names, self._pool)

    @cached_property
    def rpcs(self) -> dict[str, Rpc]:
        """Every RPC by its path."""
        services = map(self._pool.FindServiceByName, self._services)
        found = (_rpc(method) for service in services for method in service.methods)
        return {rpc.path: rpc for rpc in found}

    def rpc(self, path: str) -> Rpc:
        """One of them; KeyError if there is none."""
        service, _, name = path.removeprefix("/").partition("/")
        return _rpc(self._pool.FindServiceByName(service).methods_by_name[name])

    def message(self, full_name: str) -> type[Message]:
        return message_factory.GetMessageClass(self._pool.FindMessageTypeByName(full_name))

    def enum_name(self, message: str, field: str, number: int) -> str:
        """What a field's number is called: `JOB_SUCCESS`."""
        kind = self.message(message).DESCRIPTOR.fields_by_name[field].enum_type
        if kind is None:
            raise TypeError(f"{message}.{field} is no enum")
        return str(kind.values_by_number[number].name)

    def messages(self) -> Iterator[tuple[str, type[Message]]]:
        yield from sorted(self._classes.items())

    def package(self, name: str) -> Package:
        start = f"{name}."
        found = {
            full.removeprefix(start): kind for full, kind in self._classes.items() if full.startswith(start)
        }
        return Package({short: kind for short, kind in found.items() if "." not in short})


def _rpc(method: MethodDescriptor) -> Rpc:
    return Rpc(
        service=method.containing_service.full_name,
        name=method.name,
        request=message_factory.GetMessageClass(method.input_type),
        response=message_factory.GetMessageClass(method.output_type),
        client_streams=method.client_streaming,
        server_streams=method.server_streaming,
    )


def derive() -> descriptor_pb2.FileDescriptorSet:
    """The contract, derived afresh from the installed SDK."""
    from howdah.core.messages import describing, recording

    modules = recording.sdk_modules()
    return describing.describe(modules, recording.record(modules))


_shared: Catalogue | None = None
_sharing = threading.Lock()


def catalogue(cache: Path | None = None) -> Catalogue:
    """The process's one catalogue; the first caller may name a folder to cache the contract in."""
    global _shared
    with _sharing:
        if _shared is None:
            _shared = Catalogue(derive() if cache is None else _load(cache))
        return _shared


def _load(folder: Path) -> descriptor_pb2.FileDescriptorSet:
    path = folder / f"contract-{_fingerprint()}.binpb"
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    digest, contract = data[:32], data[32:]
    if digest == hashlib.blake2b(contract, digest_size=32).digest() and contract:
        return descriptor_pb2.FileDescriptorSet.FromString(contract)
    derived = derive()
    _store(path, derived.SerializeToString(deterministic=True))
    return derived


def _store(path: Path, contract: bytes) -> None:
    """Atomically, so that a reader never meets half of it; losing it costs a derivation."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "wb") as file:
        file.write(hashlib.blake2b(contract, digest_size=32).digest() + contract)
    Path(temporary).replace(path)


def _fingerprint() -> str:
    versions = [_version(*names) for names in (("pachyderm_sdk", "pachyderm-sdk"), ("betterproto",) * 2)]
    return "-".join([*versions, str(_DERIVATION)])


def _version(module: str, distribution: str) -> str:
    """By the name of the folder that describes it: `importlib.metadata` takes longer to import than this
    to look, and is asked only where that folder stands elsewhere."""
    found = importlib.util.find_spec(module)
    if found is not None and found.origin is not None:
        beside = Path(found.origin).parents[1]
        described = [path.name for path in beside.glob(f"{module}-*.dist-info")]
        if len(described) == 1:
            return described[0].removeprefix(f"{module}-").removesuffix(".dist-info")
    from importlib.metadata import version

    return version(distribution)
