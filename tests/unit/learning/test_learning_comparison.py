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


def test_equal_models_are_called_better_no_oftener_than_the_level_says() -> None:
    false_wins = sum(drawn(seed, better_by=0.0).p_value < 0.05 for seed in range(100))
    assert false_wins <= 11  # 5 are expected; 11 is the 99th percentile of that binomial


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
