"""One pachd, spoken to with fast messages: what the command line and our programs use.

The RPCs and their messages are the official SDK's own (see `core.messages`), only the
codec is another one, so this reaches any pachd that the SDK reaches. Requests are given
by field name; answers are protobuf messages; failures are our own errors with pachd's
own words.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
from google.protobuf.message import Message

from howdah.client.failures import translated
from howdah.core.messages.catalogue import Catalogue, Rpc, catalogue
from howdah.errors import HowdahError, Invalid

Fields = Any
"""A message of the contract: its fields are known only once the contract has been read."""
DEFAULT_PORT = 30650
TRANSACTIONAL = frozenset(
    {
        "CreateRepo",
        "DeleteRepo",
        "StartCommit",
        "FinishCommit",
        "SquashCommitSet",
        "CreateBranch",
        "DeleteBranch",
        "StopJob",
        "CreatePipelineV2",
    }
)
"""What a transaction can hold. Everything else is done at once, also while one is open."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a pachd listens: `grpc://host:port`, `grpcs://…` or plain `host:port`."""

    host: str
    port: int
    secure: bool = False

    @classmethod
    def parse(cls, text: str) -> "Address":
        parts = urlsplit(text if "//" in text else f"grpc://{text}")
        if parts.scheme not in ("grpc", "grpcs", "http", "https") or not parts.hostname:
            raise Invalid(
                f"{text!r} is no pachd address", remedy=f"One looks like grpc://localhost:{DEFAULT_PORT}."
            )
        return cls(parts.hostname, parts.port or DEFAULT_PORT, parts.scheme in ("grpcs", "https"))

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


Metadata = tuple[tuple[str, str | bytes], ...]


class Pachd:
    """Thread-safe. Close it, or use it as a context manager."""

    def __init__(
        self,
        address: Address,
        *,
        token: str = "",
        transaction: str = "",
        root_certificates: bytes | None = None,
        cache: Path | None = None,
    ) -> None:
        """`cache` is a folder where the contract may be kept, which makes starting much faster."""
        options = [
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
        ]
        if address.secure:
            credentials = grpc.ssl_channel_credentials(root_certificates)
            self._channel = grpc.secure_channel(str(address), credentials, options)
        else:
            self._channel = grpc.insecure_channel(str(address), options)
        self._metadata: Metadata = (("authn-token", token),) if token else ()
        self._transaction: Metadata = (("pach-transaction", transaction),) if transaction else ()
        self.address = address
        self.contract: Catalogue = catalogue(cache)

    def __enter__(self) -> "Pachd":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._channel.close()

    def message(self, kind: str, /, **fields: object) -> Fields:
        """A message by its full name: `message("pfs_v2.Repo", name="images")`."""
        return self.contract.message(kind)(**fields)

    def call(self, path: str, /, **fields: object) -> Fields:
        """One request, one answer: `call("pfs_v2.API/InspectRepo", repo=…)`."""
        rpc = self._rpc(path)
        method = self._channel.unary_unary(
            rpc.path, request_serializer=_serialize, response_deserializer=rpc.response.FromString
        )
        within = self._transaction if rpc.name in TRANSACTIONAL else ()
        with translated():
            answer: Fields = method(rpc.request(**fields), metadata=(*self._metadata, *within))
        return answer

    def stream(self, path: str, /, **fields: object) -> Iterator[Fields]:
        """One request, many answers; stopping early cancels the call."""
        rpc = self._rpc(path)
        method = self._channel.unary_stream(
            rpc.path, request_serializer=_serialize, response_deserializer=rpc.response.FromString
        )
        answers = method(rpc.request(**fields), metadata=self._metadata)
        try:
            with translated():
                yield from answers
        finally:
            answers.cancel()

    def send(self, path: str, requests: Iterable[Message | bytes]) -> Mapping[str, str | bytes]:
        """Many requests, whose answer is empty: returns what pachd says behind it, in the trailing
        metadata. A request may come already written, as bytes."""
        rpc = self._rpc(path)
        method = self._channel.stream_unary(
            rpc.path, request_serializer=_serialize, response_deserializer=rpc.response.FromString
        )
        sending = _Watched(requests)
        try:
            with translated():
                _, call = method.with_call(sending, metadata=self._metadata)
        except HowdahError:
            if sending.fault is not None:
                raise sending.fault from None  # not pachd's refusal: reading our own side failed
            raise
        return {entry[0]: entry[1] for entry in call.trailing_metadata() or ()}

    def _rpc(self, path: str) -> Rpc:
        return self.contract.rpc(path)


class _Watched:
    """An iterator that remembers why it broke: gRPC only says that it did."""

    def __init__(self, requests: Iterable[Message | bytes]) -> None:
        self._requests = iter(requests)
        self.fault: Exception | None = None

    def __iter__(self) -> "_Watched":
        return self

    def __next__(self) -> Message | bytes:
        try:
            return next(self._requests)
        except StopIteration:
            raise
        except Exception as error:
            self.fault = error
            raise


def _serialize(request: Message | bytes) -> bytes:
    return request if isinstance(request, bytes) else request.SerializeToString()
