import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from howdah.errors import Corrupt, Invalid, NotFound
from howdah.learning import bundle, export, training
from howdah.learning.schema import Column, Schema
from howdah.learning.signature import Signature, Task

SCHEMA = Schema((Column("size", "number", nullable=True), Column("maker", "category"), Column("y", "number")))


def rows(count: int = 120) -> pd.DataFrame:
    generator = np.random.default_rng(0)
    size = generator.normal(0, 1, count)
    makers = generator.choice(["a", "b", None], count)
    return pd.DataFrame(
        {"size": np.where(generator.random(count) < 0.1, np.nan, size), "maker": makers, "y": size}
    )


def made(folder: Path, task: Task, family: str) -> tuple[bundle.Bundle, Signature, pd.DataFrame]:
    table = rows()
    classes = ("high", "low") if task == "classification" else ()
    truth = np.where(table["y"] > 0, "high", "low") if classes else table["y"].to_numpy()
    signature = training.signature_for(SCHEMA, "y", task, (), classes)
    frame = training.frame_of(table, signature)
    estimator = training.build(signature, family, {}, seed=0).fit(frame, truth)
    folder.mkdir(exist_ok=True)
    file = export.export(estimator, frame, signature, folder)
    manifest = bundle.Manifest("m", file, signature, family, {}, 0, len(frame), {"cross_validation": {}})
    inputs = {field.name: frame[field.name].to_numpy()[:3] for field in signature.inputs}
    return bundle.write(folder, manifest, "size\n1\n", "# m\n", inputs), signature, frame


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "family"),
    [
        ("regression", "ridge"),
        ("regression", "boosting"),
        ("classification", "logistic"),
        ("classification", "forest"),
    ],
)
def test_a_bundle_answers_as_it_did_when_it_was_made(tmp_path: Path, task: Task, family: str) -> None:
    written, _, _ = made(tmp_path / "b", task, family)
    again = bundle.read(tmp_path / "b")
    assert again.manifest == written.manifest
    assert again.manifest.model_file == "model.onnx"
    assert again.replay(again.model()) == []


@pytest.mark.slow
def test_columns_may_be_called_anything(tmp_path: Path) -> None:
    names = ("petal length (cm)", "petal_length__cm_", "Länge, größer", "1st")
    generator = np.random.default_rng(0)
    table = pd.DataFrame({name: generator.normal(0, 1, 60) for name in names})
    schema = Schema((*(Column(name, "number") for name in names), Column("y", "number")))
    signature = training.signature_for(schema, "y", "regression", (), ())
    frame = training.frame_of(table, signature)
    estimator = training.build(signature, "ridge", {}, seed=0).fit(frame, table["1st"] - table[names[0]])
    assert export.export(estimator, frame, signature, tmp_path) == "model.onnx"


@pytest.mark.slow
def test_the_same_data_and_seed_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        made(tmp_path / name, "regression", "forest")
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes(), file.name


@pytest.mark.slow
def test_a_changed_answer_is_named_by_scenario(tmp_path: Path) -> None:
    made(tmp_path, "regression", "ridge")
    path = tmp_path / "scenarios.json"
    document = json.loads(path.read_text())
    document["outputs"]["y"][1] += 1
    path.write_text(json.dumps(document))
    found = bundle.read(tmp_path)
    assert [line.split(":")[0] for line in found.replay(found.model())] == ["scenario 1"]


@pytest.mark.slow
def test_a_bundle_of_before_plots_and_validation_still_opens(tmp_path: Path) -> None:
    made(tmp_path, "regression", "ridge")
    path = tmp_path / "model.json"
    document = json.loads(path.read_text())
    del document["validation"]
    path.write_text(json.dumps(document))
    found = bundle.read(tmp_path)
    assert found.manifest.validation is None
    assert not (tmp_path / "plots").exists()
    assert found.replay(found.model()) == []
    for wrong in ("rows", {"by": "cross_validation"}, {"by": "", "rows": 1, "sources": {}, "more": 1}):
        path.write_text(json.dumps({**document, "validation": wrong}))
        with pytest.raises(Corrupt, match="is incomplete"):
            bundle.read(tmp_path)


def test_what_is_no_bundle_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"holds no model\.json"):
        bundle.read(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(Corrupt, match="not JSON"):
        bundle.read(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 99}')
    with pytest.raises(Invalid, match="reads 1"):
        bundle.read(tmp_path)


def test_a_pickle_is_not_opened_on_its_own_word(tmp_path: Path) -> None:
    from howdah.learning import predictor

    (tmp_path / "model.pickle").write_bytes(b"cos\nsystem\n(S'touch %s/ran'\ntR." % bytes(tmp_path))
    signature = training.signature_for(SCHEMA, "y", "regression", ())
    with pytest.raises(Invalid, match="trusted_pickles"):
        predictor.load(tmp_path, "model.pickle", signature)
    assert not (tmp_path / "ran").exists()
