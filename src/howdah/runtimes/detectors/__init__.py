"""Drift and outlier detectors behind one protocol.

`scipy` is free of other licences; the others are alibi-detect's (Business Source License). All
are fitted on a bundle's reference sample when their server starts, so no pickle is involved.
"""

from dataclasses import dataclass, field
from typing import Protocol

from howdah.learning.signature import Array

Columns = dict[str, Array]


@dataclass(frozen=True, slots=True)
class Finding:
    """What a detector says about a batch; lists have one entry a feature (drift) or a row (outliers)."""

    kind: str
    """`drift` or `outlier`"""
    positive: bool
    threshold: float
    features: tuple[str, ...] = ()
    p_values: tuple[float, ...] = ()
    distances: tuple[float, ...] = ()
    rows: tuple[bool, ...] = ()
    scores: tuple[float, ...] = field(default=())


class Detector(Protocol):
    online: bool
    """Takes every row as it comes, and remembers; the others want a whole batch."""

    def examine(self, columns: Columns) -> Finding: ...
