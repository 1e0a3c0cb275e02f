"""Rows unlike any that a model learned from, told by an isolation forest on its reference sample.

A row is strange if random cuts set it apart soon. The threshold is a quantile of the reference's
own scores: of rows like the reference a stated share is called strange, whatever they are, so a
file is worth a look when more of it is. scikit-learn alone, so free of other licences.
"""

import numpy as np
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import Pipeline

from howdah.errors import Invalid
from howdah.learning import training
from howdah.learning.signature import Array, Signature

FEWEST_ROWS = 50


class Outliers:
    def __init__(self, reference: dict[str, Array], signature: Signature, level: float, seed: int) -> None:
        frame = training.frame_of(reference, signature)
        if len(frame) < FEWEST_ROWS:
            raise Invalid(
                f"{len(frame)} reference rows cannot say what is strange; {FEWEST_ROWS} are needed."
            )
        self._signature = signature
        columns = training.columns(signature, scaled=False)
        forest = IsolationForest(n_estimators=200, random_state=seed)
        self._pipeline = Pipeline([("columns", columns), ("forest", forest)]).fit(frame)
        self.threshold = float(np.quantile(self.scores(reference), 1 - level))

    def scores(self, rows: dict[str, Array]) -> Array:
        """From nought to one, the stranger the higher."""
        return np.asarray(-self._pipeline.score_samples(training.frame_of(rows, self._signature)))
