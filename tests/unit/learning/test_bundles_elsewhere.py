"""A bundle of each format, written here and asked in a process that has seen nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from howdah.errors import Invalid
from howdah.learning import bundle, export, predictor, training
from howdah.learning.schema import Column, Schema
from howdah.learning.signature import Field, Signature, Task

pytestmark = pytest.mark.slow

ASK = """
import json, sys
from pathlib import Path
from howdah.learning import bundle
found = bundle.read(Path(sys.argv[1]))
differences = found.replay(found.model())
print(json.dumps([differences, sorted({"sklearn", "skops", "keras", "matplotlib"} & set(sys.modules))]))
"""


def asked_elsewhere(folder: Path) -> tuple[list[str], list[str]]:
    """What a new process finds different, and which of the heavy libraries it needed for that."""
    command = [sys.executable, "-c", ASK, str(folder)]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    differences, libraries = json.loads(ran.stdout.splitlines()[-1])
    return differences, libraries


def flowers(folder: Path) -> tuple[object, pd.DataFrame, Signature]:
    """Three classes, so that the order of the probabilities matters."""
    iris = load_iris()
    names = [f"input {place}" for place in range(4)]
    table = pd.DataFrame(iris.data, columns=names)
    schema = Schema((*(Column(name, "number") for name in names), Column("kind", "category")))
    signature = training.signature_for(schema, "kind", "classification", (), ("a", "b", "c"))
    frame = training.frame_of(table, signature)
    estimator = training.build(signature, "logistic", {}, seed=0)
    return estimator.fit(frame, np.array(["a", "b", "c"])[iris.target]), frame, signature


def write(folder: Path, file: str, signature: Signature, inputs: dict[str, np.ndarray]) -> bundle.Bundle:
    manifest = bundle.Manifest("m", file, signature, "logistic", {}, 0, 150, {})
    return bundle.write(folder, manifest, "", "# m\n", inputs)


@pytest.mark.parametrize(("format", "needs"), [("onnx", []), ("skops", ["sklearn", "skops"])])
def test_three_classes_are_told_apart_elsewhere(tmp_path: Path, format: str, needs: list[str]) -> None:
    estimator, frame, signature = flowers(tmp_path)
    if format == "onnx":
        assert export.export(estimator, frame, signature, tmp_path) == "model.onnx"  # type: ignore[arg-type]
    else:
        from skops import io

        io.dump(estimator, tmp_path / "model.skops")
    rows = {field.name: frame[field.name].to_numpy()[::10] for field in signature.inputs}
    written = write(tmp_path, f"model.{format}", signature, rows)
    told = training.outputs_of(estimator, frame.iloc[::10], signature)
    here = written.model().predict(rows)
    assert here["kind"].tolist() == told["kind"].tolist()
    assert set(here["kind"].tolist()) == {"a", "b", "c"}
    assert np.abs(here["probabilities"] - told["probabilities"]).max() < 1e-5
    assert asked_elsewhere(tmp_path) == ([], needs)


@pytest.mark.parametrize(
    ("task", "family"),
    [(task, family) for task, families in training.FAMILIES.items() for family in families],
)
def test_every_family_is_loaded_from_skops(tmp_path: Path, task: Task, family: str) -> None:
    from skops import io

    rows = pd.DataFrame({"size": np.arange(30.0), "maker": ["a", "b", "c"] * 10, "y": ["x", "y", "z"] * 10})
    truth = rows["y"].to_numpy() if task == "classification" else rows["size"].to_numpy()
    kinds = (Column("size", "number"), Column("maker", "category"), Column("y", "category"))
    signature = training.signature_for(Schema(kinds), "y", task, (), ("x", "y", "z"))
    frame = training.frame_of(rows, signature)
    estimator = training.build(signature, family, {}, seed=0).fit(frame, truth)
    io.dump(estimator, tmp_path / "model.skops")
    here = predictor.load(tmp_path, "model.skops", signature)
    inputs = {field.name: frame[field.name].to_numpy() for field in signature.inputs}
    told = training.outputs_of(estimator, frame, signature)
    assert here.predict(inputs)["y"].tolist() == told["y"].tolist()


def test_a_function_of_a_known_package_is_not_loaded(tmp_path: Path) -> None:
    from sklearn.datasets import load_files
    from sklearn.preprocessing import FunctionTransformer
    from skops import io

    io.dump(FunctionTransformer(load_files), tmp_path / "model.skops")
    signature = Signature("regression", "y", (), ())
    with pytest.raises(Invalid, match=r"not safe to load: sklearn\.datasets\._base\.load_files"):
        predictor.load(tmp_path, "model.skops", signature)


@pytest.mark.timeout(120)  # TensorFlow takes ten seconds to import, twice
def test_a_keras_model_answers_elsewhere_as_here(tmp_path: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    layers = [keras.layers.Input((5, 2)), keras.layers.LSTM(3), keras.layers.Dense(1)]
    keras.Sequential(layers).save(tmp_path / "model.keras")
    window = Field("window", "number", (5, 2), columns=("open", "close"))
    signature = Signature("forecast", "y", (window,), (Field("y", "number", column=0),))
    runs = np.random.default_rng(0).normal(0, 1, (4, 5, 2))
    write(tmp_path, "model.keras", signature, {"window": runs})
    assert asked_elsewhere(tmp_path)[0] == []
    document = json.loads((tmp_path / "scenarios.json").read_text())
    assert len({round(value, 6) for value in document["outputs"]["y"]}) == 4
    document["outputs"]["y"][2] += 1
    (tmp_path / "scenarios.json").write_text(json.dumps(document))
    (difference,) = asked_elsewhere(tmp_path)[0]
    assert difference.startswith("scenario 2: y was ")
