"""Waking those who wait, without polling.

The log of changes is a table (`tables.events_after`) and is the truth; waking is only a hint,
given after the transaction is durable. A waiter registers its keys *before* it reads the state,
so nothing that happens in between is missed; it may wake for nothing and then looks again.
A thousand waiters cost a thousand parked threads and no work: each change wakes those of its keys.

Keys are what an event names: its subject (`default/images@<id>`), its repo (`default/images`),
its commit set id, its kind (`commit.finished`), and `ANY` for every change.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from howdah.errors import Unavailable

ANY = "*"


class Cancelled(Unavailable):
    """The caller of a wait went away."""

    def __init__(self) -> None:
        super().__init__("the wait was cancelled")


class TimedOut(Unavailable):
    def __init__(self, what: str) -> None:
        super().__init__(f"{what}: the time allowed is over")


class Watch:
    """One waiter's ear: `wait` returns once for any number of wakings since the last."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def wake(self) -> None:
        self._woken.set()

    def wait(self, timeout_s: float | None = None) -> bool:
        """Park until woken; False if the time ran out."""
        woken = self._woken.wait(timeout_s)
        self._woken.clear()
        return woken


class Cancel:
    """Ends a wait from another thread, for good; any number of waits may share one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: set[Watch] = set()
        self._cancelled = False

    def cancel(self) -> None:
        with self._lock:
            self._cancelled = True
            watches = list(self._watches)
        for watch in watches:
            watch.wake()

    def check(self) -> None:
        if self._cancelled:
            raise Cancelled

    @contextmanager
    def covering(self, watch: Watch) -> Iterator[None]:
        with self._lock:
            self._watches.add(watch)
        try:
            yield
        finally:
            with self._lock:
                self._watches.discard(watch)


class Notifier:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)

    @contextmanager
    def watch(self, *keys: str, cancel: Cancel | None = None) -> Iterator[Watch]:
        """A watch on these keys for as long as the block lasts."""
        watch = Watch()
        with self._lock:
            for key in keys:
                self._watches[key].add(watch)
        try:
            if cancel is None:
                yield watch
            else:
                with cancel.covering(watch):
                    yield watch
        finally:
            with self._lock:
                for key in keys:
                    self._watches[key].discard(watch)
                    if not self._watches[key]:
                        del self._watches[key]

    def wake(self, keys: Iterable[str]) -> None:
        """Wake every watch on any of the keys, and those on ANY."""
        with self._lock:
            watches = {watch for key in {*keys, ANY} for watch in self._watches.get(key, ())}
        for watch in watches:
            watch.wake()

    def waiting(self) -> int:
        with self._lock:
            return len({watch for watches in self._watches.values() for watch in watches})
