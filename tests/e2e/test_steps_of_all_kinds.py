"""One DAG of Python and R on the mileage data, and a model made again from its record."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.daemon.house import House
from howdah.daemon.options import Options
from howdah.errors import Invalid
from howdah.lineage import why
from howdah.lineage.reproduce import Verdict, reproduce
from howdah.processes.snapshots import digest

ROOT = Path(__file__).resolve().parents[2]
MILEAGE = ROOT / "pipelines" / "mileage"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A daemon that holds the years to 1976, cleaned and split, a model, and economy by origin."""
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    state = tmp_path_factory.mktemp("kinds")
    house = House(Options(state=state, project=ROOT, environment=dict(os.environ), **ports))
    client = Client.from_pachd_address(house.running.pachd)
    for repo in ("raw", "schema", "retrain"):
        client.pfs.create_repo(repo=pfs.Repo(name=f"mileage-{repo}"))
    put(client, "mileage-schema", [MILEAGE / "schema.json"])
    put(client, "mileage-retrain", [MILEAGE / "policy.yaml"])
    for name in ("1-clean", "2-split", "3-model", "r-by-origin", "own-train"):
        spec = json.loads((MILEAGE / f"{name}.json").read_text())
        client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    commit = put(client, "mileage-raw", sorted((MILEAGE / "data").glob("197[0-6].csv")))
    client.pfs.wait_commit_set(pfs.CommitSet(id=commit.id))
    yield house.running.pachd
    house.close()


def put(client: Client, repo: str, paths: list[Path]) -> pfs.Commit:
    with client.pfs.commit(branch=pfs.Branch.from_uri(f"{repo}@master")) as commit:
        for path in paths:
            commit.put_file_from_bytes(f"/{path.name}", path.read_bytes())
    return commit


def test_a_step_in_r_works_on_what_a_step_in_python_cleaned(address: str) -> None:
    """Needs Rscript (Debian: apt-get install r-base-core); its absence fails, as it would for a user."""
    client = Client.from_pachd_address(address)
    job = next(iter(client.pps.list_job(pipeline=pps.Pipeline(name="mileage-by-origin"), details=True)))
    assert job.state == pps.JobState.JOB_SUCCESS, job.reason
    lines = Files.at(address).read("mileage-by-origin@master", "/by-origin.csv").decode().splitlines()
    assert lines[0] == "year,origin,cars,mean,sd"
    assert lines[1].startswith("1970,Europe,5,25.2,")
    assert len(lines) == 1 + 3 * 7  # three origins, seven years


def test_a_script_of_ones_own_trains_on_the_same_rows(address: str) -> None:
    files = Files.at(address)
    assert "howdah" not in (ROOT / "images" / "own-train" / "train.py").read_text()
    figures = json.loads(files.read("mileage-own-model@master", "/metrics.json"))
    bundle = json.loads(files.read("mileage-model@master", "/model.json"))
    assert figures["rows"] == bundle["rows"]
    assert 0.7 < figures["r2_cross_validated"] < bundle["metrics"]["cross_validation"]["r2"]
    session = onnxruntime.InferenceSession(files.read("mileage-own-model@master", "/model.onnx"))
    (asked,) = session.get_inputs()
    cars = np.array([[2000, 1976], [4000, 1976], [2000, 1970]], np.float32)
    light, heavy, early = session.run(None, {asked.name: cars})[0].ravel()
    assert light > heavy + 10
    assert light > early


def test_a_model_is_made_again_byte_for_byte(address: str, tmp_path: Path) -> None:
    with Pachd(Address.parse(address)) as pachd:
        head = Files(pachd).finished_head("mileage-model@master")
        assert head is not None
        found = reproduce(pachd, head, tmp_path / "again", os.environ, ROOT, tmp_path, print)
        assert (found.verdict, found.differences, found.circumstances) == (Verdict.BYTES, (), ())
        code = json.loads((tmp_path / "again" / "recorded" / "model.json").read_text())["code"]
        assert code == digest(ROOT / "images" / "tabular")
        assert f"code {code}" in "\n".join(why.model(pachd, head).lines())
        assert found.files >= 6
        assert (tmp_path / "again" / "out" / "model.onnx").is_file()


def test_a_command_that_is_no_step_is_refused(address: str, tmp_path: Path) -> None:
    client = Client.from_pachd_address(address)
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="own-model"),
        input=pps.Input(pfs=pps.PfsInput(name="schema", repo="mileage-schema", glob="/")),
        transform=pps.Transform(cmd=["sh", "-c", "echo '{}' > /pfs/out/model.json"]),
    )
    head = client.pfs.inspect_branch(branch=pfs.Branch.from_uri("own-model@master")).head.id
    client.pfs.wait_commit_set(pfs.CommitSet(id=head))
    files = Files.at(address)
    assert files.finished_head("own-model@master") == head
    with Pachd(Address.parse(address)) as pachd, pytest.raises(Invalid, match="no step of Howdah's"):
        reproduce(pachd, head, tmp_path / "again", os.environ, ROOT, tmp_path, print)
