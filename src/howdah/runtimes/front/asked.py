"""V2 requests of gRPC, read; apart from Seldon's own services, which do without MLServer."""

import json

from google.protobuf import json_format
from google.protobuf.message import Message
from mlserver.grpc import dataplane_pb2 as v2
from mlserver.grpc.converters import ModelInferRequestConverter
from mlserver.types import InferenceRequest

from howdah.errors import Invalid


def read_request(request: v2.ModelInferRequest) -> InferenceRequest:
    """Raises Invalid for whatever cannot be read, such as raw contents of the wrong length."""
    try:
        return ModelInferRequestConverter.to_types(request)
    except Exception as wrong:  # the converters raise what their parsers do
        raise Invalid(f"the request cannot be read: {type(wrong).__name__}: {wrong}") from wrong


def as_sent(request: Message) -> bytes:
    """For the record of a request that could not be read."""
    return json.dumps(json_format.MessageToDict(request, preserving_proto_field_name=True)).encode()
