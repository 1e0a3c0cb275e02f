"""A bounded cache: the least recently used goes first."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable


class Cache[K: Hashable, V]:
    """Safe from any thread. `weigh` says what a value counts against the limit."""

    def __init__(self, limit: int, weigh: Callable[[V], int]) -> None:
        self._limit, self._weigh = limit, weigh
        self._values: OrderedDict[K, V] = OrderedDict()
        self._weight = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        with self._lock:
            if (value := self._values.get(key)) is not None:
                self._values.move_to_end(key)
            return value

    def put(self, key: K, value: V) -> None:
        with self._lock:
            if (old := self._values.pop(key, None)) is not None:
                self._weight -= self._weigh(old)
            self._values[key] = value
            self._weight += self._weigh(value)
            while self._weight > self._limit:
                _, evicted = self._values.popitem(last=False)
                self._weight -= self._weigh(evicted)
