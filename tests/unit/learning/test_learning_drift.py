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


@pytest.mark.slow
def test_no_false_alarm_beyond_the_stated_level() -> None:
    reports = [drift.compare(table(seed), table(seed + 1000), SIGNATURE, 0.05) for seed in range(200)]
    # 200 × 0.05 = 10 are expected; 18 is the 99th percentile of that binomial.
    assert sum(report.drifted for report in reports) <= 18


@pytest.mark.slow
def test_rare_levels_and_small_windows_give_no_false_alarm_beyond_the_level() -> None:
    """A level that one row in a hundred has, and a number that one row in a hundred lacks."""
    alarms = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        makers = np.where(generator.random(525) < 0.01, "rare", "a").astype(object)
        size = np.where(generator.random(525) < 0.01, np.nan, generator.normal(0, 1, 525))
        whole = {"size": size, "maker": makers}
        window = {name: values[:25] for name, values in whole.items()}
        past = {name: values[25:] for name, values in whole.items()}
        alarms += drift.compare(past, window, SIGNATURE, 0.05).drifted
    assert alarms <= 11  # 5 are expected; 11 is the 99th percentile of that binomial


def test_an_input_left_out_is_not_watched() -> None:
    report = drift.compare(table(1), table(2, shift=1.0), SIGNATURE, leave_out=["size"])
    assert [column.name for column in report.columns] == ["maker"]
    assert not report.drifted


def days(seed: int, count: int, scale: float = 1.0) -> np.ndarray:
    """Four series that move together, in spells of wild and calm days as markets have them."""
    generator = np.random.default_rng(seed)
    spell = np.exp(0.5 * np.sin(np.arange(count) / 15 + generator.uniform(0, 6)))
    common = generator.normal(0, 1, (count, 1))
    return scale * spell[:, None] * (common + 0.3 * generator.normal(0, 1, (count, 4)))


@pytest.mark.slow
def test_days_are_judged_by_stretches_of_days() -> None:
    """Fifty calm years: the test for rows cries wolf half of the time, that for days as often as it says."""
    signature = Signature("regression", "y", (Field("change", "number"),), ())
    alarms = {"rows": 0, "days": 0}
    for seed in range(50):
        series = days(seed, 560)
        past, now = series[:500], series[500:]
        rows = drift.compare({"change": past.ravel()}, {"change": now.ravel()}, signature, 0.05)
        alarms["rows"] += rows.drifted
        alarms["days"] += drift.compare_days({"change": past}, {"change": now}, 0.05).drifted
    assert alarms["rows"] > 15
    assert alarms["days"] <= 7  # 2.5 are expected; 7 is the 99th percentile of that binomial
    wild = drift.compare_days({"change": days(1, 500)}, {"change": days(2, 60, scale=3.0)}, 0.05)
    assert wild.drifted


def test_a_past_too_short_to_alarm_says_so() -> None:
    with pytest.raises(Invalid, match=r"The reference has 300 days; .* on fewer than 460"):
        drift.compare_days({name: days(1, 300) for name in "abcd"}, {name: days(2, 60) for name in "abcd"})


def test_a_window_of_days_drifts_by_its_columns() -> None:
    window = Field("window", "number", (5, 2), columns=("change", "volume"))
    signature = Signature("forecast", "change", (window,), ())
    generator = np.random.default_rng(0)
    past, now = (generator.normal(0, 1, (100, 5, 2)) for _ in range(2))
    now[:, -1, 1] += 2
    report = drift.compare({"window": past}, {"window": now}, signature)
    assert {column.name: column.drifted for column in report.columns} == {"change": False, "volume": True}


def test_too_few_rows_are_refused_rather_than_called_steady() -> None:
    with pytest.raises(Invalid, match="window has 5 rows"):
        drift.compare(table(1), table(2, rows=5), SIGNATURE)


def test_holm_is_the_textbook_correction() -> None:
    assert drift.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
