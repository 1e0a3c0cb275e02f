"""Every spec and manifest that comes with the project is one that a cluster takes unchanged.

Specs are held against the request message of Pachyderm's own SDK, manifests against the schema
of Seldon's custom resource (`seldondeployment.schema.json`): a name that is not in there, or a
value of another type, fails here and not on somebody's cluster.
"""

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from google.protobuf import json_format
from pachyderm_sdk.api import pps

from howdah.cli import scaffold
from howdah.core.messages.catalogue import Catalogue, derive

ROOT = Path(__file__).resolve().parents[2]
SPECS = sorted(
    path for path in (ROOT / "pipelines").glob("*/*.json") if "transform" in json.loads(path.read_text())
)
MANIFESTS = sorted((ROOT / "seldon").glob("*/deployment.yaml"))
NEW_CASE = scaffold.NewCase(
    "houses",
    "regression",
    "price",
    {"columns": [{"name": "price", "kind": "number"}, {"name": "rooms", "kind": "number"}]},
    "houses.csv",
)


@pytest.fixture(scope="module")
def contract() -> Catalogue:
    return Catalogue(derive())


def request(contract: Catalogue, spec: dict) -> object:
    """As `CreatePipeline` takes it; ParseError where it would not."""
    return json_format.ParseDict(spec, contract.message("pps_v2.CreatePipelineRequest")())


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SPECS, ids=named)
def test_a_spec_is_a_request_of_the_sdk(path: Path, contract: Catalogue) -> None:
    spec = json.loads(path.read_text())
    parsed = request(contract, spec)
    said = json_format.MessageToDict(parsed, preserving_proto_field_name=True)
    # 64-bit numbers are text in protobuf's JSON.
    assert said == {**spec, "datum_tries": str(spec["datum_tries"])}, (
        "nothing is lost or means something else"
    )
    # The SDK's own class, which the official client sends, holds all of it too.
    theirs = pps.CreatePipelineRequest().from_dict(spec)
    assert bytes(theirs) and type(parsed).FromString(bytes(theirs)) == parsed


def test_every_case_was_looked_at() -> None:
    assert {path.parent.name for path in SPECS} == {path.parent.name for path in MANIFESTS}
    assert len(SPECS) >= 6 * len(MANIFESTS) == 18


def test_what_init_writes_is_taken_too(contract: Catalogue) -> None:
    for spec in scaffold.pipelines(NEW_CASE).values():
        request(contract, spec)
    written = scaffold.files(NEW_CASE)
    assert not faults(yaml.safe_load(written["seldon/houses/deployment.yaml"]))


@pytest.mark.parametrize(
    "spoilt", [{"datum_trys": 1}, {"datum_tries": "many"}, {"input": {"pfs": {"repos": "x"}}}]
)
def test_a_spec_with_a_fault_is_refused(spoilt: dict, contract: Catalogue) -> None:
    with pytest.raises(json_format.ParseError):
        request(contract, {**json.loads(SPECS[0].read_text()), **spoilt})


def strict(schema: object) -> object:
    """With unknown fields refused, as an API server under strict validation does."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    if isinstance(closed.get("properties"), dict) and not closed.get("x-kubernetes-preserve-unknown-fields"):
        closed.setdefault("additionalProperties", False)
    return closed


SCHEMA = strict(json.loads((ROOT / "tests" / "contract" / "seldondeployment.schema.json").read_text()))


def faults(manifest: dict) -> list[str]:
    found = jsonschema.Draft202012Validator(SCHEMA).iter_errors(manifest)
    return [f"{error.json_path}: {error.message}" for error in found]


@pytest.mark.parametrize("path", MANIFESTS, ids=named)
def test_a_manifest_is_one_that_the_api_server_of_a_cluster_takes(path: Path) -> None:
    assert faults(yaml.safe_load(path.read_text())) == []


@pytest.mark.parametrize(
    ("where", "value", "told"),
    [
        ("replicas", "one", "$.spec.predictors[0].replicas"),
        ("grahp", {}, "$.spec.predictors[0]"),
        ("explainer", {"type": "KernelShap", "model": "x"}, "$.spec.predictors[0].explainer"),
    ],
)
def test_a_manifest_with_a_fault_is_told_where(where: str, value: object, told: str) -> None:
    spoilt = copy.deepcopy(yaml.safe_load(MANIFESTS[0].read_text()))
    spoilt["spec"]["predictors"][0][where] = value
    assert [each.split(": ")[0] for each in faults(spoilt)] == [told]
