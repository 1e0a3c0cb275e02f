"""What components say of themselves in `meta.metrics`, and the rewards they get, for Prometheus.

Names and labels are those of Seldon's Python wrapper: counters end in `_total`, timers come in
milliseconds and become histograms of seconds. What cannot be a metric is logged and left out: one
bad entry must not spoil the scrape of all.
"""

import logging
import math
import os
import re
import threading
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import Metric
from prometheus_client.registry import Collector

from howdah.runtimes.front.place import Place, image_parts

log = logging.getLogger(__name__)
NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
BOUNDS_S = tuple(0.001 * 30_000 ** (step / 49) for step in range(50))
"""Evenly spread on a logarithmic scale, from a millisecond to half a minute."""
COUNTER, GAUGE, TIMER = "COUNTER", "GAUGE", "TIMER"
KINDS = {COUNTER: "counter", GAUGE: "gauge", TIMER: "histogram"}
Labels = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Figure:
    value: float = 0.0
    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))


class Reported(Collector):
    """Thread-safe."""

    def __init__(self, place: Place) -> None:
        image, version = image_parts(place.image)
        self._labels = {
            "deployment_name": place.deployment,
            "predictor_name": place.predictor,
            "predictor_version": place.version,
            "model_name": place.node,
            "model_image": image,
            "model_version": version,
            "worker_id": str(os.getpid()),
        }
        self._lock = threading.Lock()
        self._kinds: dict[str, str] = {}
        self._figures: dict[str, dict[Labels, _Figure]] = {}

    def take(self, metrics: object, method: str) -> None:
        """`meta.metrics` of one answer; `method` is what the component was asked to do."""
        for entry in metrics if isinstance(metrics, list) else ():
            try:
                self._take(entry, method)
            except (TypeError, ValueError, KeyError, AttributeError) as wrong:
                log.warning("a metric of the component's is left out: %r: %s", entry, wrong)

    def reward(self, reward: float) -> None:
        if reward:
            for name, value in (("", 1.0), ("_reward", reward)):
                entry = {"type": COUNTER, "key": f"seldon_api_model_feedback{name}", "value": value}
                self.take([entry], "feedback")

    def _take(self, entry: dict[str, object], method: str) -> None:
        kind, name, value = str(entry.get("type", COUNTER)), str(entry["key"]), float(str(entry["value"]))
        tags = entry.get("tags") or {}
        if kind not in KINDS or not isinstance(tags, dict) or not math.isfinite(value):
            raise ValueError(f"type is one of {', '.join(KINDS)}, value a number, tags an object")
        if not all(NAME.fullmatch(str(word)) for word in (name, *tags)):
            raise ValueError("names are letters, digits and _")
        told = {**{str(tag): str(said) for tag, said in tags.items()}, "method": method, **self._labels}
        with self._lock:
            if self._kinds.setdefault(name, kind) != kind:
                raise ValueError(f"it was a {self._kinds[name]} before")
            figure = self._figures.setdefault(name, {}).setdefault(tuple(told.items()), _Figure())
            if kind == TIMER:
                value /= 1000
                figure.counts[bisect_left(BOUNDS_S, value)] += 1
            figure.value = value if kind == GAUGE else figure.value + value

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            found = [self._metric(name, kind) for name, kind in self._kinds.items()]
        yield from found

    def _metric(self, name: str, kind: str) -> Metric:
        metric = Metric(name.removesuffix("_total") if kind == COUNTER else name, "", KINDS[kind])
        for labels, figure in self._figures[name].items():
            said = dict(labels)
            if kind == TIMER:
                for bound, count in zip((*BOUNDS_S, math.inf), accumulate(figure.counts), strict=True):
                    le = "+Inf" if bound == math.inf else repr(bound)
                    metric.add_sample(f"{name}_bucket", {**said, "le": le}, count)
                metric.add_sample(f"{name}_count", said, sum(figure.counts))
                metric.add_sample(f"{name}_sum", said, figure.value)
            else:
                metric.add_sample(f"{metric.name}_total" if kind == COUNTER else name, said, figure.value)
        return metric
