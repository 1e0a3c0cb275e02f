"""Drift by SciPy's tests, column by column: the detector that is always there."""

from howdah.learning import drift
from howdah.learning.signature import Signature
from howdah.runtimes.detectors import Columns, Finding


class ScipyDrift:
    online = False

    def __init__(self, sample: Columns, signature: Signature, level: float) -> None:
        self._sample, self._signature, self._level = sample, signature, level

    def examine(self, columns: Columns) -> Finding:
        report = drift.compare(self._sample, columns, self._signature, self._level)
        return Finding(
            kind="drift",
            positive=report.drifted,
            threshold=self._level,
            features=tuple(column.name for column in report.columns),
            p_values=tuple(column.p_value for column in report.columns),
            distances=tuple(column.distance for column in report.columns),
            rows=tuple(column.drifted for column in report.columns),
        )
