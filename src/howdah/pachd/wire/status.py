"""Errors to gRPC and HTTP codes, in one table.

Every error of the tree finds its nearest ancestor here. HTTP codes follow grpc-gateway's mapping of
the gRPC code, so that the JSON gateway's clients see what Pachyderm's see.
"""

from dataclasses import dataclass

import grpc

from howdah.errors import AlreadyExists, Conflict, Corrupt, HowdahError, Invalid, NotFound, Unavailable
from howdah.pachd.versions import Cancelled, TimedOut
from howdah.pachd.wire.errors import (
    AuthNotActivated,
    NotServed,
    Retired,
    TooLarge,
    TooManyWaiting,
    Unauthenticated,
)

Code = grpc.StatusCode

CODES: dict[type[BaseException], grpc.StatusCode] = {
    NotFound: Code.NOT_FOUND,
    AlreadyExists: Code.ALREADY_EXISTS,
    Invalid: Code.INVALID_ARGUMENT,
    Conflict: Code.FAILED_PRECONDITION,
    Corrupt: Code.DATA_LOSS,
    Unavailable: Code.UNAVAILABLE,
    HowdahError: Code.UNKNOWN,
    AuthNotActivated: Code.UNIMPLEMENTED,
    NotServed: Code.UNIMPLEMENTED,
    Retired: Code.UNKNOWN,
    TooLarge: Code.RESOURCE_EXHAUSTED,
    TooManyWaiting: Code.RESOURCE_EXHAUSTED,
    Unauthenticated: Code.UNAUTHENTICATED,
    Cancelled: Code.CANCELLED,
    TimedOut: Code.DEADLINE_EXCEEDED,
}

HTTP: dict[grpc.StatusCode, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}


@dataclass(frozen=True, slots=True)
class Status:
    code: grpc.StatusCode
    message: str

    @property
    def number(self) -> int:
        return int(self.code.value[0])

    @property
    def http(self) -> int:
        return HTTP[self.code]


def status_of(error: BaseException) -> Status:
    """What to tell a client. Errors outside the tree are faults of ours: named, never detailed."""
    for kind in type(error).__mro__:
        if kind in CODES:
            return Status(CODES[kind], str(error))
    return Status(Code.INTERNAL, f"a fault in Howdah ({type(error).__name__}); its log has the details")
