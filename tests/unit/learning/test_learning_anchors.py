import numpy as np
import pytest

from howdah.errors import Invalid
from howdah.learning.anchors import Anchors, Arrays
from howdah.learning.signature import Array, Field, Signature

SIGNATURE = Signature(
    "classification", "risk", (Field("age", "number"), Field("smoker", "category")), (), ("high", "low")
)


def predict(rows: Arrays) -> dict[str, Array]:
    return {"risk": np.where((rows["smoker"] == "yes") & (rows["age"] > 50), "high", "low").astype(object)}


@pytest.mark.slow
@pytest.mark.timeout(180)  # importing alibi alone takes a quarter of a minute
@pytest.mark.filterwarnings("ignore")  # alibi's own source and TensorFlow's start-up warn
def test_an_anchor_names_the_conditions_that_decide() -> None:
    generator = np.random.default_rng(0)
    reference = {
        "age": generator.uniform(20, 80, 400),
        "smoker": generator.choice(["yes", "no"], 400).astype(object),
    }
    anchors = Anchors(predict, reference, SIGNATURE)
    row = {"age": np.array([30.0]), "smoker": np.array(["no"], dtype=object)}
    found = anchors.explain(row)
    assert found.precision >= 0.95
    assert len(found.conditions) == 1
    assert anchors.explain(row) == found
    with pytest.raises(Invalid, match="'sometimes'"):
        anchors.explain({"age": np.array([30.0]), "smoker": np.array(["sometimes"], dtype=object)})
