import numpy as np
import pytest

from howdah.errors import Invalid
from howdah.learning import comparison
from howdah.learning.signature import Field, Signature


def drawn(seed: int, better_by: float, rows: int = 100) -> comparison.Comparison:
    generator = np.random.default_rng(seed)
    champion = np.abs(generator.normal(0, 1, rows))
    challenger = np.abs(generator.normal(0, 1, rows)) - better_by
    return comparison.compare(champion, challenger, "absolute error", seed)


def test_a_better_challenger_is_found_and_a_worse_one_is_not() -> None:
    assert drawn(0, better_by=0.5).p_value < 0.001
    assert drawn(0, better_by=-0.5).p_value > 0.999


@pytest.mark.slow
def test_equal_models_are_called_better_no_oftener_than_the_level_says() -> None:
    false_wins = sum(drawn(seed, better_by=0.0).p_value < 0.05 for seed in range(100))
    assert false_wins <= 11  # 5 are expected; 11 is the 99th percentile of that binomial


def test_what_chance_does_half_of_the_time_is_said_to_be_half() -> None:
    """One row tells the models apart: it would as often tell the other way."""
    for gain in (0.1, 0.3, 1 / 3, 0.7):
        champion = np.concatenate([np.full(29, 0.1), [0.1 + gain]])
        found = comparison.compare(champion, np.full(30, 0.1), "absolute error")
        assert found.p_value == pytest.approx(0.5, abs=0.02)


def test_series_that_move_together_are_one_row_a_day() -> None:
    """Five copies of one series know no more than one of them."""
    generator = np.random.default_rng(3)
    champion, challenger = np.abs(generator.normal(0, 1, (2, 60)))
    days = np.arange(60)
    one = comparison.compare(champion, challenger, "absolute error")
    by_day = [comparison.by_day(np.tile(losses, 5), np.tile(days, 5)) for losses in (champion, challenger)]
    five = comparison.compare(*by_day, "absolute error")
    assert (five.rows, five.p_value) == (60, one.p_value)
    assert comparison.by_day(np.array([1.0, 3.0, 5.0]), np.array([2, 1, 2])).tolist() == [3.0, 3.0]


def test_a_model_beside_itself_gains_nothing() -> None:
    losses = np.arange(20.0)
    found = comparison.compare(losses, losses, "absolute error")
    assert (found.improvement, found.interval, found.p_value) == (0.0, (0.0, 0.0), 1.0)


def test_a_class_the_model_never_saw_costs_the_most_but_not_infinity() -> None:
    signature = Signature("classification", "y", (Field("x", "number"),), (), ("a", "b"))
    outputs = {"probabilities": np.array([[0.5, 0.5], [0.5, 0.5], [1.0, 0.0]])}
    lost = comparison.losses(np.array(["a", "new", "b"]), outputs, signature)
    assert lost[0] == pytest.approx(np.log(2))
    assert lost[1] == lost[2] == pytest.approx(-np.log(comparison.LEAST_PROBABILITY))


def test_too_few_rows_decide_nothing() -> None:
    with pytest.raises(Invalid, match="9 held-out rows are too few"):
        comparison.compare(np.zeros(9), np.zeros(9), "absolute error")
