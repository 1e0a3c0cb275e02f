"""Has this row been met before? Asked of a table that does not fit into memory.

Of each row met, eight bytes of a hash are kept in sorted arrays: ten million rows are 80 MB. Two
different rows share a hash once in 10**19 pairs, so that in ten million rows the chance of one
row being taken for another is three in a million; within one piece rows are compared as they are.
"""

import numpy as np
import pandas as pd

from howdah.learning.signature import Array


class Repeats:
    """Pieces of one table come in order; each row is told from all before it."""

    def __init__(self) -> None:
        self._met: list[Array] = []

    def of(self, piece: pd.DataFrame) -> Array:
        """Which rows of the piece repeat an earlier row, of this piece or of one before."""
        hashes = pd.util.hash_pandas_object(piece, index=False).to_numpy()
        repeated = piece.duplicated().to_numpy()
        for met in self._met:
            places = np.minimum(np.searchsorted(met, hashes), len(met) - 1)
            repeated |= met[places] == hashes
        self._remember(np.unique(hashes))
        return np.asarray(repeated)

    def _remember(self, hashes: Array) -> None:
        """Arrays of like size are merged, so that there are only a few, however many pieces came."""
        while self._met and len(self._met[-1]) <= 2 * len(hashes):
            hashes = np.union1d(self._met.pop(), hashes)
        if len(hashes):
            self._met.append(hashes)
