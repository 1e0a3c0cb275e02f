"""The spec and the manifest that README shows are those of the case, and are accepted as they stand."""

import json
import re

import pytest
import yaml

from howdah.pachd.pipelines import spec
from howdah.seldon.manifests import validate
from howdah.seldon.manifests.parse import ManifestInvalid, parse

SHOWN = {
    "json": ("pipelines/mileage/3-model.json", json.loads),
    "yaml": ("seldon/mileage/deployment.yaml", yaml.safe_load),
}


def shown(root, language):
    (text,) = re.findall(
        rf"^```{language}\n(.*?)^```", (root / "README.md").read_text(), re.DOTALL | re.MULTILINE
    )
    return SHOWN[language][1](text)


@pytest.mark.parametrize("language", SHOWN)
def test_what_it_shows_is_in_the_file_that_it_names(root, language):
    path, read = SHOWN[language]
    assert f"]({path})" in (root / "README.md").read_text()
    assert shown(root, language) == read((root / path).read_text())


def test_its_spec_is_accepted(root):
    assert spec.parse(shown(root, "json")).pipeline.name == "mileage-model"


def test_its_manifest_is_accepted(root):
    validate.check(parse(shown(root, "yaml")))


def test_without_its_container_the_manifest_would_be_refused(root):
    manifest = shown(root, "yaml")
    del manifest["spec"]["predictors"][0]["componentSpecs"]
    with pytest.raises(ManifestInvalid, match="Can't find container"):
        validate.check(parse(manifest))
