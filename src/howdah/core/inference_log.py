"""The inference log's record, as it lies on disk between a model server and a commit.

A segment is a file of frames, appended by one server and read by one shipper:

    magic 0x48574c31 | crc32 of all that follows | header length | request length | response length
    header (JSON) | request bytes | response bytes

All five numbers are 32-bit, big-endian. A frame goes out in one write(2), so a killed server
leaves whole frames; after a power cut the tail may be torn, and reading stops there.

Segments are named `<nanoseconds>-<pid>`: `.open` while written, `.log` once complete.
"""

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from json.encoder import encode_basestring_ascii as _quoted
from pathlib import Path

MAGIC = 0x48574C31
PREFIX, _START, _LENGTHS = struct.Struct(">IIIII"), struct.Struct(">II"), struct.Struct(">III")
OPEN, COMPLETE = ".open", ".log"
SHARED_LIMIT = 1000
PLACE = ("namespace", "deployment", "predictor", "model", "model_commit")

PREDICTION, FEEDBACK, EXPLANATION = "prediction", "feedback", "explanation"


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of one exchange beside its payloads."""

    id: str
    kind: str
    time_ns: int
    latency_us: int
    status: int
    namespace: str
    deployment: str
    predictor: str
    model: str
    model_commit: str
    protocol: str
    """`v2`, `seldon` or `tensorflow`; payloads are that protocol's JSON, over REST and gRPC alike."""
    endpoint: str


@dataclass(frozen=True, slots=True)
class Record:
    header: Header
    request: bytes
    response: bytes


class Frames:
    """Makes the frames of one server. Callers wait for it: what many records share is encoded once."""

    def __init__(
        self, *, namespace: str, deployment: str, predictor: str, model: str, model_commit: str
    ) -> None:
        self._place = {
            "namespace": namespace,
            "deployment": deployment,
            "predictor": predictor,
            "model": model,
            "model_commit": model_commit,
        }
        self._shared: dict[tuple[str, int, str, str], bytes] = {}

    def frame(
        self,
        *,
        id: str,
        kind: str,
        time_ns: int,
        latency_us: int,
        status: int,
        protocol: str,
        endpoint: str,
        request: bytes,
        response: bytes,
    ) -> bytes:
        key = kind, status, protocol, endpoint
        shared = self._shared.get(key) or self._encode(*key)
        header = b'{"id":%b,"time_ns":%d,"latency_us":%d,%b' % (
            _quoted(id).encode(),
            time_ns,
            latency_us,
            shared,
        )
        lengths = _LENGTHS.pack(len(header), len(request), len(response))
        body = b"".join((lengths, header, request, response))
        return _START.pack(MAGIC, zlib.crc32(body)) + body

    def _encode(self, kind: str, status: int, protocol: str, endpoint: str) -> bytes:
        said = {"kind": kind, "status": status, "protocol": protocol, "endpoint": endpoint, **self._place}
        if len(self._shared) >= SHARED_LIMIT:
            self._shared.clear()  # callers choose endpoints
        shared = self._shared[kind, status, protocol, endpoint] = json.dumps(said).encode()[1:]
        return shared


def encode(record: Record) -> bytes:
    """What `read` turns back into the record."""
    told = asdict(record.header)
    place = {name: told.pop(name) for name in PLACE}
    return Frames(**place).frame(**told, request=record.request, response=record.response)


def read(path: Path) -> Iterator[Record]:
    """The whole frames of a segment, in order; a torn tail ends the reading."""
    with path.open("rb") as file:
        while len(prefix := file.read(PREFIX.size)) == PREFIX.size:
            magic, crc, *lengths = PREFIX.unpack(prefix)
            body = file.read(sum(lengths))
            if magic != MAGIC or len(body) < sum(lengths) or zlib.crc32(prefix[8:] + body) != crc:
                return
            a, b = lengths[0], lengths[0] + lengths[1]
            yield Record(Header(**json.loads(body[:a])), body[a:b], body[b:])
