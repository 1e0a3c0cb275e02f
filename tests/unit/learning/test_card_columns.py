"""What a model's card says of the columns that it learned from."""

import pytest

from howdah.learning.card import _row
from howdah.learning.schema import Column


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.0, 16.0, "0 to 16 (accepted)"),
        (0.0, None, "0 or more (accepted)"),
        (None, 0.0, "0 or less (accepted)"),
        (None, None, "any"),
    ],
)
def test_bounds_of_a_number_are_said_where_there_are_any(low, high, said):
    column = Column("size", "number", minimum=low, maximum=high)
    assert _row(column) == f"| size | number | {said} |"
