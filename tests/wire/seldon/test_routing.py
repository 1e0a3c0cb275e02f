"""Where requests go: by weight, by header, to a shadow too, and not at all beyond a rate."""

from collections import Counter

import pytest

from howdah.core import inference_log

pytestmark = pytest.mark.slow

ADD = (
    "class Add:\n    def __init__(self, by=1):\n        self.by = by\n"
    "    def predict(self, X, names):\n"
    "        if self.by < 0:\n            raise ValueError('a shadow may fail')\n"
    "        return X + self.by\n"
)
ASKED = {"data": {"ndarray": [[0.0]]}}
PATH = "/seldon/routing/add/api/v1.0/predictions"


@pytest.fixture(scope="module", autouse=True)
def image(engine) -> None:
    folder = engine.folder / "images" / "add"
    folder.mkdir(parents=True)
    (folder / "Add.py").write_text(ADD)
    (folder / "Dockerfile").write_text("CMD seldon-core-microservice Add\n")


def serve(engine, *predictors: dict, **annotations: str) -> None:
    """Predictors `p0`, `p1`, … that each add what their `by` says."""
    made = []
    for number, more in enumerate(predictors):
        by = str(more.pop("by"))
        parameters = [{"name": "by", "value": by, "type": "INT"}]
        containers = [{"name": "m", "image": "team/add:1"}]
        made.append(
            {
                "name": f"p{number}",
                "graph": {"name": "m", "type": "MODEL", "parameters": parameters},
                "componentSpecs": [{"spec": {"containers": containers}}],
                **more,
            }
        )
    engine.apply(
        {
            "apiVersion": "machinelearning.seldon.io/v1",
            "kind": "SeldonDeployment",
            "metadata": {"name": "add", "namespace": "routing", "annotations": annotations},
            "spec": {"protocol": "seldon", "predictors": made},
        }
    )
    engine.until_ready("add", "routing")


def answers(engine, count: int, **headers: str) -> Counter:
    found: Counter = Counter()
    for _ in range(count):
        status, answer, _ = engine.post(PATH, ASKED, **headers)
        found[answer["data"]["ndarray"][0][0] if status == 200 else status] += 1
    return found


def records(engine, known: set[str]) -> list:
    """What stands in the inference log about predictions that are not yet known."""
    folder = engine.folder / "state" / "inferences" / "routing~add"
    found = [record for path in folder.iterdir() for record in inference_log.read(path)]
    return [record for record in found if record.header.id not in known]


def ids(engine) -> set[str]:
    return {record.header.id for record in records(engine, set())}


def test_by_weight(engine):
    serve(engine, {"by": 1, "traffic": 75}, {"by": 2, "traffic": 25})
    found = answers(engine, 200)
    assert set(found) == {1.0, 2.0}
    assert 20 <= found[2.0] <= 85


def test_by_header(engine):
    chosen = {"seldon.io/ambassador-header": "x-team: blue"}
    serve(engine, {"by": 1, "traffic": 100}, {"by": 2, "traffic": 0, "annotations": chosen})
    assert answers(engine, 10) == {1.0: 10}
    assert answers(engine, 10, X_Team="blue") == {2.0: 10}
    assert answers(engine, 10, X_Team="red") == {1.0: 10}


def test_a_shadow_sees_what_the_others_answer(engine):
    serve(engine, {"by": 1, "traffic": 100}, {"by": 3, "shadow": True})
    known = ids(engine)
    assert answers(engine, 20) == {1.0: 20}

    def seen() -> bool:
        found: dict[str, set[str]] = {"p0": set(), "p1": set()}
        for record in records(engine, known):
            found[record.header.predictor].add(record.header.id)
        return found["p0"] == found["p1"] and len(found["p0"]) == 20

    engine.until(seen, "the shadow to have recorded the same predictions")


def test_a_shadow_of_a_share_that_fails_unnoticed(engine):
    serve(engine, {"by": 1, "traffic": 100}, {"by": -1, "shadow": True, "traffic": 50})
    known = ids(engine)
    assert answers(engine, 200) == {1.0: 200}

    def told() -> bool:
        failed = [r for r in records(engine, known) if r.header.predictor == "p1"]
        assert all(record.header.status != 200 for record in failed)
        return 60 <= len(failed) <= 140

    engine.until(told, "about half of them to have reached the shadow")


def test_beyond_its_rate_a_deployment_says_so(engine):
    serve(engine, {"by": 1}, **{"howdah/requests-per-second": "5"})
    found = answers(engine, 60)
    assert set(found) == {1.0, 429}
    assert found[1.0] >= 5
    status, answer = 200, {}
    while status == 200:
        status, answer, _ = engine.post(PATH, ASKED)
    assert answer["status"]["code"] == 429
