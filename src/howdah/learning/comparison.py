"""Is the challenger better than the champion on rows that neither has learned from?

Both answer the same rows; each row gives a pair of losses (absolute error, or log loss
for classes). The mean difference is reported with a bootstrap interval, and tested by
flipping signs at random: if the two were equally good, each row's difference would be
as likely one way as the other. Offline, on one window: it says nothing yet about live.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from howdah.errors import Invalid
from howdah.learning.signature import Array, Signature

FLIPS = 10_000
FEWEST_ROWS = 10
MOST_PARTS = 5_000
CELLS_AT_ONCE = 5_000_000
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


def by_day(losses: Array, days: Array) -> Array:
    """Each day's mean loss, in order of the days: series that move together are one observation a day."""
    return np.array([losses[days == day].mean() for day in np.unique(days)])


def compare(champion: Array, challenger: Array, loss: str, seed: int = 0) -> Comparison:
    """The two models' losses, row by row, in the same order."""
    if len(champion) != len(challenger):
        raise Invalid(f"The models answered {len(champion)} and {len(challenger)} rows, not the same ones.")
    if len(champion) < FEWEST_ROWS:
        raise Invalid(f"{len(champion)} held-out rows are too few to compare on; {FEWEST_ROWS} are needed.")
    gains = np.asarray(champion - challenger, dtype=float)
    generator = np.random.default_rng(seed)
    parts = _parts(gains, generator)
    flips = _many(parts, lambda count: generator.choice([-1.0, 1.0], (count, len(parts))) @ parts)
    flips /= len(gains)
    # As much as was seen counts as a tie, whatever the order of adding makes of the last digit.
    least = gains.mean() - 1e-12 * np.abs(gains).mean()
    sums = _many(
        parts, lambda count: parts[generator.integers(0, len(parts), (count, len(parts)))].sum(axis=1)
    )
    means = sums / len(gains)
    return Comparison(
        rows=len(gains),
        loss=loss,
        champion=float(champion.mean()),
        challenger=float(challenger.mean()),
        improvement=float(gains.mean()),
        interval=(float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))),
        # One is added to both sides so that chance is never said to be impossible.
        p_value=float((1 + (flips >= least).sum()) / (1 + FLIPS)),
    )


def _parts(gains: Array, generator: np.random.Generator) -> Array:
    """The gains themselves; of very many, sums over random groups, which chance treats alike."""
    if len(gains) <= MOST_PARTS:
        return gains
    mixed = generator.permutation(gains)
    return np.array([group.sum() for group in np.array_split(mixed, MOST_PARTS)])


def _many(parts: Array, draw: Callable[[int], Array]) -> Array:
    """FLIPS draws, so many at once as memory allows."""
    at_once = min(FLIPS, max(1, CELLS_AT_ONCE // len(parts)))
    return np.concatenate([draw(min(at_once, FLIPS - done)) for done in range(0, FLIPS, at_once)])
