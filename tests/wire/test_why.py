"""From a prediction's ID back to the data, over a real pachd and the inference log's own format."""

import json

import pytest

from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.core.inference_log import PREDICTION, Header, Record, encode
from howdah.daemon.house import House
from howdah.errors import NotFound
from howdah.lineage import why
from howdah.seldon.shipping import Shipper

MANIFEST = {
    "family": "ridge",
    "seed": 7,
    "parameters": {"alpha": 1},
    "signature": {"target": "y"},
    "metrics": {"cross_validation": {"r2": 0.9}},
    "libraries": {"numpy": "1"},
    "code": "",
}


@pytest.fixture
def pachd(house: House) -> Pachd:
    return Pachd(Address.parse(house.running.pachd))


def trained(pachd: Pachd, case: str) -> tuple[str, str]:
    """A model made by a pipeline from one data commit: (data commit, model commit)."""
    files = Files(pachd)
    files.ensure_repo(f"{case}-raw", "")
    spec = {
        "pipeline": {"name": f"{case}-model"},
        "input": {"pfs": {"repo": f"{case}-raw", "glob": "/"}},
        "transform": {"cmd": ["sh"], "stdin": [f"echo '{json.dumps(MANIFEST)}' > /pfs/out/model.json"]},
    }
    pachd.call("pps_v2.API/CreatePipelineV2", create_pipeline_request_json=json.dumps(spec))
    data = files.put(f"{case}-raw@master", {"/a.csv": b"x,y\n1,2\n"})
    commit_set = pachd.message("pfs_v2.CommitSet", id=data)
    list(pachd.stream("pfs_v2.API/InspectCommitSet", commit_set=commit_set, wait=True))
    return data, data  # one global ID for all that came of it


def logged(pachd: Pachd, folder, id: str, model_commit: str) -> None:  # type: ignore[no-untyped-def]
    header = Header(
        id, PREDICTION, 10**18, 1500, 200, "default", "d", "champion", "m", model_commit, "v2", "/infer"
    )
    asked = json.dumps({"inputs": [{"name": "x", "data": [1]}]}).encode()
    answered = json.dumps({"outputs": [{"name": "y", "data": [2.5]}]}).encode()
    (folder / "default~d").mkdir()
    (folder / "default~d" / "1-1.log").write_bytes(encode(Record(header, asked, answered)))
    assert Shipper(folder, lambda: Files(pachd)).ship() == 1


@pytest.mark.slow
def test_a_prediction_is_walked_back_to_the_files_behind_it(pachd: Pachd, tmp_path) -> None:  # type: ignore[no-untyped-def]
    data, model = trained(pachd, "walked")
    logged(pachd, tmp_path, "the-id", model)
    found = why.prediction(pachd, "the-id")
    assert found.prediction is not None
    assert (found.model.repo, found.model.commit, found.model.job.pipeline) == (
        "default/walked-model",
        model,
        "walked-model",
    )
    (source,) = found.model.data
    assert (source.repo, source.commit, [file.path for file in source.files]) == (
        "default/walked-raw",
        data,
        ["/a.csv"],
    )
    text = "\n".join(found.lines())
    for told in ("x=1", "y=2.5", "1.5 ms", "ridge for y", "JOB_SUCCESS", "r2 0.9", "/a.csv"):
        assert told in text
    assert found.as_json() == json.loads(json.dumps(found.as_json()))


def test_an_unknown_prediction_says_where_was_looked(pachd: Pachd) -> None:
    with pytest.raises(NotFound, match="No prediction unheard-of is on record"):
        why.prediction(pachd, "unheard-of")


def test_a_commit_without_a_model_is_refused(pachd: Pachd) -> None:
    files = Files(pachd)
    files.ensure_repo("modelless", "")
    commit = files.put("modelless@master", {"/a": b"1"})
    with pytest.raises(NotFound, match="holds a model"):
        why.model(pachd, commit)
