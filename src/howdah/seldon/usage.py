"""What each pod's processes use, in the words of Kubernetes' metrics API: `kubectl top pods` reads it.

Processor time is a rate and so needs two looks. The later one ends here; the earlier is the one before
it, or, where nobody has looked for a while, one that is taken first, a fraction of a second ago.
"""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from howdah.core.clock import Clock
from howdah.core.json import JsonObject
from howdah.processes import trees
from howdah.seldon.kube.resources import POD_METRICS

SHORTEST_S, LONGEST_S = 0.2, 30.0
"""Of the time that a rate is over."""


@dataclass(frozen=True, slots=True)
class PodProcess:
    namespace: str
    pod: str
    container: str
    pid: int


@dataclass(frozen=True, slots=True)
class _Look:
    at_s: float
    cpu_s: float


class Usage:
    def __init__(
        self,
        pods: Callable[[], Iterable[PodProcess]],
        clock: Clock,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._pods = pods
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._looks: dict[int, _Look] = {}

    def read(self, namespace: str | None) -> list[JsonObject]:
        """A PodMetrics of each pod that runs; of all namespaces, where none is named."""
        with self._lock:
            found = [each for each in self._pods() if namespace in (None, each.namespace)]
            now_s = self._clock.monotonic_s()
            recent = {pid: look for pid, look in self._looks.items() if now_s - look.at_s <= LONGEST_S}
            earlier = {each.pid: recent.get(each.pid) or self._look(each.pid) for each in found}
            newest_s = max((look.at_s for look in earlier.values()), default=now_s)
            if found and (short_s := SHORTEST_S - (self._clock.monotonic_s() - newest_s)) > 0:
                self._pause(short_s)
            later = {each.pid: self._look(each.pid) for each in found}
            self._looks = recent | later
        return [self._metrics(each, earlier[each.pid], later[each.pid]) for each in found]

    def _look(self, pid: int) -> _Look:
        return _Look(self._clock.monotonic_s(), trees.cpu_seconds(pid))

    def _metrics(self, each: PodProcess, earlier: _Look, later: _Look) -> JsonObject:
        window_s = later.at_s - earlier.at_s
        # A process below may have ended meanwhile, and taken its time with it.
        cores = max(0.0, later.cpu_s - earlier.cpu_s) / window_s
        usage: JsonObject = {
            "cpu": f"{round(cores * 1e9)}n",
            "memory": f"{trees.resident_bytes(each.pid) // 1024}Ki",
        }
        now = datetime.fromtimestamp(self._clock.now_ns() / 1e9, UTC)
        return {
            "apiVersion": POD_METRICS.api_version,
            "kind": POD_METRICS.kind,
            "metadata": {"name": each.pod, "namespace": each.namespace},
            "timestamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "window": f"{window_s:.3f}s",
            "containers": [{"name": each.container, "usage": usage}],
        }
