"""What a service knows of the call that it answers, whichever gateway brought it."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property

from howdah.pachd.versions import Cancel
from howdah.pachd.wire.errors import TooManyWaiting

WAITING_LIMIT = 900
"""Of the server's thousand threads, so that a hundred always remain for calls that do work."""

TRANSACTION, TOKEN = "pach-transaction", "authn-token"
WRITTEN = "howdah-commit"
"""In ModifyFile's trailing metadata: the commit that got the files, which its empty answer cannot name."""


class Waiting:
    """Counts calls that are parked until something happens, and refuses one too many."""

    def __init__(self, limit: int = WAITING_LIMIT) -> None:
        self._limit = limit
        self._free = threading.BoundedSemaphore(limit)

    @contextmanager
    def one(self) -> Iterator[None]:
        if not self._free.acquire(blocking=False):
            raise TooManyWaiting(self._limit)
        try:
            yield
        finally:
            self._free.release()


class Call:
    """`on_end` registers a function that is called once, from another thread, when the client goes."""

    def __init__(
        self, metadata: Mapping[str, str], waiting: Waiting, on_end: Callable[[Callable[[], None]], object]
    ) -> None:
        self.metadata = metadata
        self._waiting = waiting
        self._on_end = on_end
        self.trailing: dict[str, str] = {}
        """What gRPC clients are told behind the answer; others have no use for it."""

    @property
    def transaction(self) -> str:
        """The id of the transaction that the client is assembling, or ""."""
        return self.metadata.get(TRANSACTION, "")

    @cached_property
    def cancel(self) -> Cancel:
        """Fires when the client goes away; pass it to whatever waits."""
        cancel = Cancel()
        self._on_end(cancel.cancel)
        return cancel

    def check(self) -> None:
        """Cancelled when the client has gone already: its stream may have been cut, not ended."""
        self.cancel.check()

    @contextmanager
    def waiting(self) -> Iterator[Cancel]:
        """Around every wait of unknown length; TooManyWaiting when too many are parked already."""
        with self._waiting.one():
            yield self.cancel
