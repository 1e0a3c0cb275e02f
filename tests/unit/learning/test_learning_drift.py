import numpy as np
import pytest

from howdah.errors import Invalid
from howdah.learning import drift
from howdah.learning.signature import Field, Signature

SIGNATURE = Signature("regression", "y", (Field("size", "number"), Field("maker", "category")), ())


def table(seed: int, rows: int = 200, shift: float = 0.0, maker: float = 0.5) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    makers = np.where(generator.random(rows) < maker, "a", "b").astype(object)
    return {"size": generator.normal(shift, 1, rows), "maker": makers}


@pytest.mark.parametrize(
    ("change", "drifted"),
    [
        ({}, []),
        ({"shift": 1.0}, ["size"]),
        ({"maker": 0.9}, ["maker"]),
        ({"shift": 1.0, "maker": 0.9}, ["size", "maker"]),
    ],
)
def test_exactly_the_columns_that_moved_are_named(change: dict[str, float], drifted: list[str]) -> None:
    report = drift.compare(table(1), table(2, **change), SIGNATURE)
    assert [column.name for column in report.columns if column.drifted] == drifted
    assert report.drifted == bool(drifted)


def test_a_number_that_goes_missing_has_drifted() -> None:
    window = table(2)
    window["size"][:100] = np.nan
    assert drift.compare(table(1), window, SIGNATURE).columns[0].drifted


def test_no_false_alarm_beyond_the_stated_level() -> None:
    reports = [drift.compare(table(seed), table(seed + 1000), SIGNATURE, 0.05) for seed in range(200)]
    # 200 × 0.05 = 10 are expected; 18 is the 99th percentile of that binomial.
    assert sum(report.drifted for report in reports) <= 18


def test_too_few_rows_are_refused_rather_than_called_steady() -> None:
    with pytest.raises(Invalid, match="window has 5 rows"):
        drift.compare(table(1), table(2, rows=5), SIGNATURE)


def test_holm_is_the_textbook_correction() -> None:
    assert drift.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
