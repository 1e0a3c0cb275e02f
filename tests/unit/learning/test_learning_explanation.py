import numpy as np
import pytest

from howdah.learning.explanation import EXACT_INPUTS, Arrays, Shapley
from howdah.learning.signature import Array, Field, Signature


def signature(count: int) -> Signature:
    return Signature("regression", "y", tuple(Field(f"x{place}", "number") for place in range(count)), ())


def table(count: int, rows: int = 50) -> dict[str, Array]:
    generator = np.random.default_rng(0)
    return {f"x{place}": generator.normal(0, 1, rows) for place in range(count)}


@pytest.mark.parametrize("count", [3, EXACT_INPUTS, EXACT_INPUTS + 3])
def test_the_shares_of_a_sum_are_its_terms(count: int) -> None:
    background = table(count)

    def predict(rows: Arrays) -> Array:
        return sum(((place + 1) * rows[f"x{place}"] for place in range(count)), np.zeros(1))

    row = {f"x{place}": np.array([1.0]) for place in range(count)}
    found = Shapley(predict, background, signature(count)).explain(row)
    for place in range(count):
        expected = (place + 1) * (1.0 - background[f"x{place}"].mean())
        assert found.shares[f"x{place}"] == pytest.approx(expected)


@pytest.mark.parametrize("count", [4, EXACT_INPUTS + 3])
def test_the_shares_add_up_whatever_the_model(count: int) -> None:
    def predict(rows: Arrays) -> Array:
        return np.where(rows["x0"] > 0, rows["x1"] * rows["x2"], np.exp(rows["x3"]))

    row = {name: values[:1] * 3 for name, values in table(count).items()}
    found = Shapley(predict, table(count), signature(count)).explain(row)
    assert sum(found.shares.values()) == pytest.approx(found.prediction - found.base)
    assert list(found.shares.values()) == sorted(found.shares.values(), key=abs, reverse=True)


def test_an_interaction_is_shared_alike_and_an_unused_input_gets_nothing() -> None:
    background = {f"x{place}": np.array([0.0]) for place in range(3)}
    row = {f"x{place}": np.array([1.0]) for place in range(3)}
    found = Shapley(lambda rows: rows["x0"] * rows["x1"], background, signature(3)).explain(row)
    assert found.shares == pytest.approx({"x0": 0.5, "x1": 0.5, "x2": 0.0})


def test_categories_are_shared_like_numbers() -> None:
    fields = (Field("maker", "category"), Field("size", "number"))
    background = {"maker": np.array(["a", "b"], dtype=object), "size": np.array([0.0, 0.0])}
    row = {"maker": np.array(["a"], dtype=object), "size": np.array([2.0])}
    found = Shapley(
        lambda rows: (rows["maker"] == "a") * 4.0 + rows["size"],
        background,
        Signature("regression", "y", fields, ()),
    ).explain(row)
    assert found.shares == pytest.approx({"maker": 2.0, "size": 2.0})


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The set_bad function")  # shap's own, when it is imported
def test_the_shap_library_agrees() -> None:
    import shap

    background = table(4)

    def matrix_predict(matrix: Array) -> Array:
        return matrix[:, 0] * matrix[:, 1] + np.abs(matrix[:, 2]) - matrix[:, 3] ** 2

    def predict(rows: Arrays) -> Array:
        return matrix_predict(np.stack([rows[f"x{place}"] for place in range(4)], axis=1))

    row = np.array([1.0, -2.0, 0.5, 3.0])
    exact = shap.explainers.Exact(matrix_predict, np.stack(list(background.values()), axis=1))
    oracle = exact(row.reshape(1, -1)).values[0]
    found = Shapley(predict, background, signature(4)).explain(
        {f"x{place}": row[place : place + 1] for place in range(4)}
    )
    assert [found.shares[f"x{place}"] for place in range(4)] == pytest.approx(oracle.tolist())
