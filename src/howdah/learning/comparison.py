"""Is the challenger better than the champion on rows that neither has learned from?

Both answer the same rows; each row gives a pair of losses (absolute error, or log loss
for classes). The mean difference is reported with a bootstrap interval, and tested by
flipping signs at random: if the two were equally good, each row's difference would be
as likely one way as the other. Offline, on one window: it says nothing yet about live.
"""

from dataclasses import dataclass

import numpy as np

from howdah.errors import Invalid
from howdah.learning.signature import Array, Signature

FLIPS = 10_000
FEWEST_ROWS = 10
# A probability of exactly nought would make one row's loss infinite and the mean meaningless.
LEAST_PROBABILITY = 1e-6


@dataclass(frozen=True, slots=True)
class Comparison:
    rows: int
    loss: str
    champion: float
    challenger: float
    improvement: float
    """The champion's mean loss less the challenger's: above nought is better."""
    interval: tuple[float, float]
    """The central 95 percent of the bootstrap of `improvement`."""
    p_value: float
    """One-sided: how often chance alone would make the challenger look this much better."""


def losses(truth: Array, outputs: dict[str, Array], signature: Signature) -> Array:
    if signature.task == "classification":
        places = {label: place for place, label in enumerate(signature.classes)}
        columns = np.array([places.get(str(label), -1) for label in truth])
        chosen = outputs["probabilities"][np.arange(len(truth)), columns]
        # A class that the model has never heard of had no probability at all.
        return np.asarray(-np.log(np.maximum(np.where(columns < 0, 0.0, chosen), LEAST_PROBABILITY)))
    return np.asarray(np.abs(truth.astype(float) - outputs[signature.target]))


def compare(champion: Array, challenger: Array, loss: str, seed: int = 0) -> Comparison:
    """The two models' losses, row by row, in the same order."""
    if len(champion) != len(challenger):
        raise Invalid(f"The models answered {len(champion)} and {len(challenger)} rows, not the same ones.")
    if len(champion) < FEWEST_ROWS:
        raise Invalid(f"{len(champion)} held-out rows are too few to compare on; {FEWEST_ROWS} are needed.")
    gains = np.asarray(champion - challenger, dtype=float)
    generator = np.random.default_rng(seed)
    flips = generator.choice([-1.0, 1.0], (FLIPS, len(gains))) @ gains / len(gains)
    draws = generator.integers(0, len(gains), (FLIPS, len(gains)))
    means = gains[draws].mean(axis=1)
    return Comparison(
        rows=len(gains),
        loss=loss,
        champion=float(champion.mean()),
        challenger=float(challenger.mean()),
        improvement=float(gains.mean()),
        interval=(float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))),
        # One is added to both sides so that chance is never said to be impossible.
        p_value=float((1 + (flips >= gains.mean()).sum()) / (1 + FLIPS)),
    )
