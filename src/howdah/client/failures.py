"""pachd's answers as our own errors, so that gRPC stays inside this package."""

from collections.abc import Iterator
from contextlib import contextmanager

from grpc import RpcError, StatusCode

from howdah.client.remedies import remedy
from howdah.errors import AlreadyExists, Conflict, Corrupt, HowdahError, Invalid, NotFound, Unavailable


class Refused(Invalid):
    """The call carried no token, or none that pachd knows (any longer)."""


_BRANCHES: dict[StatusCode, type[HowdahError]] = {
    StatusCode.NOT_FOUND: NotFound,
    StatusCode.ALREADY_EXISTS: AlreadyExists,
    StatusCode.INVALID_ARGUMENT: Invalid,
    StatusCode.OUT_OF_RANGE: Invalid,
    StatusCode.UNKNOWN: Invalid,  # what Go's errors become: a refusal without a code of its own
    StatusCode.UNIMPLEMENTED: Invalid,
    StatusCode.UNAUTHENTICATED: Refused,
    StatusCode.PERMISSION_DENIED: Invalid,
    StatusCode.FAILED_PRECONDITION: Conflict,
    StatusCode.ABORTED: Conflict,
    StatusCode.DATA_LOSS: Corrupt,
}

UNKNOWN_TOKEN = "Set PACH_TOKEN to the token that `howdah up --new-token` showed."
NOBODY = "See `howdah status`, or check the address: PACHD_ADDRESS, `pachctl config get active-context`."


@contextmanager
def translated(what: str = "") -> Iterator[None]:
    """Raises what pachd refused in its own words, after `what` could not be done where that is named."""
    try:
        yield
    except RpcError as error:
        branch = _BRANCHES.get(error.code(), Unavailable)
        said = error.details() or error.code().name
        if error.code() is StatusCode.UNAVAILABLE:
            raise Unavailable("pachd does not answer", why=said, remedy=NOBODY) from error
        told = UNKNOWN_TOKEN if branch is Refused else remedy(branch, said)
        raise branch(f"Could not {what}: {said}" if what else said, remedy=told) from error
