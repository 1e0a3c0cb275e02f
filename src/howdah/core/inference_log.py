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
from pathlib import Path

MAGIC = 0x48574C31
PREFIX = struct.Struct(">IIIII")
OPEN, COMPLETE = ".open", ".log"

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


def encode(record: Record) -> bytes:
    header = json.dumps(asdict(record.header), separators=(",", ":")).encode()
    lengths = struct.pack(">III", len(header), len(record.request), len(record.response))
    crc = zlib.crc32(record.response, zlib.crc32(record.request, zlib.crc32(header, zlib.crc32(lengths))))
    return b"".join((struct.pack(">II", MAGIC, crc), lengths, header, record.request, record.response))


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
