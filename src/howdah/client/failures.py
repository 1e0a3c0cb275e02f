"""pachd's answers as our own errors, so that gRPC stays inside this package."""

from collections.abc import Iterator
from contextlib import contextmanager

from grpc import RpcError, StatusCode

from howdah.errors import AlreadyExists, HowdahError, NotFound, Unavailable

_BRANCHES: dict[StatusCode, type[HowdahError]] = {
    StatusCode.NOT_FOUND: NotFound,
    StatusCode.ALREADY_EXISTS: AlreadyExists,
}


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raises what pachd refused as a sentence: could not `what`, and pachd's own words."""
    try:
        yield
    except RpcError as error:
        branch = _BRANCHES.get(error.code(), Unavailable)
        raise branch(f"Could not {what}: {error.details()}") from error
