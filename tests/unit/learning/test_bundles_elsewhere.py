"""A bundle of each format, written here and asked in a process that has seen nothing else."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris

from howdah.learning import bundle, export, training
from howdah.learning.schema import Column, Schema
from howdah.learning.signature import Field, Signature

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
