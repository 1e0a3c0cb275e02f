from pathlib import Path

import pytest
import yaml

from howdah.errors import Invalid
from howdah.steps import publish

MANIFEST = Path(__file__).parents[3] / "seldon/mileage/deployment.yaml"
COMMIT = "0" * 31 + "1"


def template() -> dict[str, dict[str, object]]:
    document: dict[str, dict[str, object]] = yaml.safe_load(MANIFEST.read_text())
    return document


def test_only_the_models_own_uri_is_pinned() -> None:
    document = template()
    document["spec"]["predictors"][0]["explainer"] = {"modelUri": "s3://master.other.default/x"}  # type: ignore[index]
    predictor = publish.pin(document, "mileage-model", COMMIT)["spec"]["predictors"][0]  # type: ignore[index]
    assert predictor["graph"]["modelUri"] == f"s3://{COMMIT}.master.mileage-model.default"
    assert predictor["explainer"]["modelUri"] == "s3://master.other.default/x"


def test_the_commit_stands_in_an_annotation() -> None:
    pinned = publish.pin(template(), "mileage-model", COMMIT)
    assert pinned["metadata"]["annotations"] == {publish.COMMIT_ANNOTATION: COMMIT}


def test_a_manifest_that_serves_something_else_is_refused() -> None:
    with pytest.raises(Invalid, match="names the repo heart-model"):
        publish.pin(template(), "heart-model", COMMIT)


def test_the_step_writes_what_it_would_apply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "manifest").mkdir()
    (tmp_path / "manifest/deployment.yaml").write_text(MANIFEST.read_text())
    monkeypatch.setenv("model_COMMIT", COMMIT)
    text = f"--model {tmp_path}/model --manifest {tmp_path}/manifest --repo mileage-model --dry-run"
    arguments = [*text.split(), "--out", str(tmp_path / "out")]
    publish.main(arguments)
    assert not (tmp_path / "out").exists()  # a branch begins with an empty commit, which is no model
    (tmp_path / "model").mkdir()
    (tmp_path / "model/model.json").write_text("{}")
    publish.main(arguments)
    assert COMMIT in (tmp_path / "out/deployment.yaml").read_text()
