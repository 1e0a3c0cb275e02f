"""The binary tensor data extension of V2: tensors after the JSON instead of in it.

Requests are turned into plain JSON before anything sees them, and answers into binary after they
are on record, so that neither models nor the inference log know of it. Numbers are little-endian,
row-major; each element of BYTES has its length in four bytes before it.
"""

import json
import math
import struct

import numpy as np

from howdah.core.json import Json, JsonObject, as_list, as_object
from howdah.errors import Invalid

HEADER = "inference-header-content-length"
SIZE, WANTED, ALL_WANTED = "binary_data_size", "binary_data", "binary_data_output"
TYPES = {
    "BOOL": "<?",
    "INT8": "<i1",
    "INT16": "<i2",
    "INT32": "<i4",
    "INT64": "<i8",
    "UINT8": "<u1",
    "UINT16": "<u2",
    "UINT32": "<u4",
    "UINT64": "<u8",
    "FP16": "<f2",
    "FP32": "<f4",
    "FP64": "<f8",
}


def plain(body: bytes, header_length: str) -> bytes:
    """The request as JSON alone. Raises Invalid, in words for the caller."""
    if not header_length.isdigit() or int(header_length) > len(body):
        raise Invalid(f"{HEADER} is {header_length!r}, and the request has {len(body)} bytes")
    end = int(header_length)
    document = _document(body[:end])
    for tensor in map(as_object, as_list(document.get("inputs"))):
        parameters = as_object(tensor.get("parameters"))
        size = parameters.pop(SIZE, None)
        if size is None:
            continue
        if not isinstance(size, int) or size < 0 or end + size > len(body):
            raise Invalid(f"input {tensor.get('name')}: {SIZE} {size} is more than the request has left")
        tensor["data"] = _values(tensor, body[end : end + size])
        end += size
    if end != len(body):
        raise Invalid(f"{len(body) - end} bytes follow the last tensor")
    return json.dumps(document).encode()


def packed(asked: bytes, told: bytes) -> tuple[bytes, int] | None:
    """The answer with those tensors in binary that the request wants so, and the length of its JSON;
    None if it wants none."""
    if b'"binary_data' not in asked:
        return None
    request, answer = _document(asked), _document(told)
    everything = as_object(request.get("parameters")).get(ALL_WANTED) is True
    wishes = {
        str(output.get("name")): as_object(output.get("parameters")).get(WANTED)
        for output in map(as_object, as_list(request.get("outputs")))
    }
    blobs = []
    for tensor in map(as_object, as_list(answer.get("outputs"))):
        wish = wishes.get(str(tensor.get("name")))
        if wish is True or (wish is None and everything):
            blob = _bytes(tensor)
            tensor.pop("data", None)
            tensor["parameters"] = {**as_object(tensor.get("parameters")), SIZE: len(blob)}
            blobs.append(blob)
    if not blobs:
        return None
    head = json.dumps(answer).encode()
    return b"".join((head, *blobs)), len(head)


def _document(text: bytes) -> JsonObject:
    try:
        document: Json = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise Invalid(f"the request's JSON cannot be read: {wrong}") from None
    if not isinstance(document, dict):
        raise Invalid("a V2 request is a JSON object")
    return document


def _values(tensor: JsonObject, blob: bytes) -> list[Json]:
    name, datatype, shape = tensor.get("name"), str(tensor.get("datatype")), as_list(tensor.get("shape"))
    if datatype == "BYTES":
        values = _texts(blob, name)
    elif datatype in TYPES:
        kind = np.dtype(TYPES[datatype])
        if len(blob) % kind.itemsize:
            raise Invalid(f"input {name}: {len(blob)} bytes are no whole number of {datatype}")
        values = np.frombuffer(blob, kind).tolist()
    else:
        raise Invalid(f"input {name}: {datatype} is not taken in binary; BYTES, {', '.join(TYPES)} are")
    sizes = [size for size in shape if isinstance(size, int)]
    if len(sizes) != len(shape) or math.prod(sizes) != len(values):
        raise Invalid(f"input {name}: {len(values)} values do not fill the shape {shape}")
    return values


def _texts(blob: bytes, name: Json) -> list[Json]:
    texts: list[Json] = []
    at = 0
    try:
        while at < len(blob):
            (length,) = struct.unpack_from("<I", blob, at)
            at += 4
            if at + length > len(blob):
                raise Invalid(f"input {name}: an element of BYTES ends after its tensor")
            texts.append(blob[at : at + length].decode())
            at += length
    except struct.error:
        raise Invalid(f"input {name}: the tensor ends within the length of an element") from None
    except UnicodeDecodeError:
        raise Invalid(f"input {name}: elements of BYTES are taken as UTF-8 text, and one is not") from None
    return texts


def _bytes(tensor: JsonObject) -> bytes:
    datatype, values = str(tensor.get("datatype")), _flat(tensor.get("data"))
    if datatype in TYPES:
        return np.asarray(values, np.dtype(TYPES[datatype])).tobytes()
    if datatype != "BYTES":
        raise Invalid(f"output {tensor.get('name')}: {datatype} is not given in binary")
    encoded = [(value if isinstance(value, str) else json.dumps(value)).encode() for value in values]
    return b"".join(struct.pack("<I", len(value)) + value for value in encoded)


def _flat(value: Json) -> list[Json]:
    if isinstance(value, list) and any(isinstance(entry, list) for entry in value):
        return [inner for entry in value for inner in _flat(entry)]
    return value if isinstance(value, list) else [value]
