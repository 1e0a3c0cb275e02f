"""A file that `validate` refuses ends nothing but its own jobs: the model of before stays."""

import json

import pytest

from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.daemon.house import House
from howdah.monitoring.case import Case

VALIDATE = ["python", "-m", "howdah.steps.validate", "--data", "/pfs/raw", "--schema", "/pfs/schema"]
SCHEMA = {"columns": [{"name": "power", "kind": "number"}]}


@pytest.mark.slow
def test_a_wrong_column_leaves_the_model_where_it_is(house: House) -> None:
    pachd = Pachd(Address.parse(house.running.pachd))
    files = Files(pachd)
    for part in ("raw", "schema"):
        files.ensure_repo(f"kept-{part}", "")
    files.put("kept-schema@master", {"/schema.json": json.dumps(SCHEMA).encode()})
    inputs = [
        {"pfs": {"name": part, "repo": f"kept-{part}", "glob": glob}}
        for part, glob in (("raw", "/*"), ("schema", "/"))
    ]
    clean = {"input": {"cross": inputs}, "transform": {"cmd": VALIDATE}}
    learn = {
        "input": {"pfs": {"name": "clean", "repo": "kept-clean", "glob": "/clean"}},
        "transform": {"cmd": ["sh", "-e"], "stdin": ["cat /pfs/clean/clean/* > /pfs/out/model.json"]},
    }
    for part, spec in (("clean", clean), ("model", learn)):
        whole = {"pipeline": {"name": f"kept-{part}"}, "datum_tries": 1} | spec
        pachd.call("pps_v2.API/CreatePipelineV2", create_pipeline_request_json=json.dumps(whole))

    def put(path: str, content: bytes) -> str:
        made = files.put("kept-raw@master", {path: content})
        commit_set = pachd.message("pfs_v2.CommitSet", id=made)
        list(pachd.stream("pfs_v2.API/InspectCommitSet", commit_set=commit_set, wait=True))
        return made

    first = put("/1.csv", b"power\n1\n")
    case = Case("kept", "default", files)
    assert case.observe(0).challenger == files.finished_head("kept-model@master") == first
    files.move_branch("kept-model@champion", first)
    assert first in files.commits("kept-clean@master")
    failed = put("/2.csv", b"pwoer\n2\n")
    assert not {failed} & {*files.commits("kept-clean@master"), *files.commits("kept-model@master")}
    assert case.observe(0).challenger == files.finished_head("kept-model@champion") == first
    assert files.read("kept-model@champion", "/model.json").split() == [b"power", b"1.0"]
