"""A model trained in an image's own environment is made again in that environment."""

import json
import os
import shutil
import site
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.daemon.house import House
from howdah.daemon.options import Options
from howdah.lineage.reproduce import Verdict, reproduce
from howdah.processes import wheels

MILEAGE = Path(__file__).resolve().parents[2] / "pipelines" / "mileage"
STEP = ["python", "-m", "howdah.steps.train", "--data", "/pfs/data", "--schema", "/pfs/schema"]
WHAT = ["--name", "m", "--target", "Miles_per_Gallon", "--task", "regression", "--family", "ridge"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture
def offline(tmp_path: Path) -> dict[str, str]:
    """An image with an old `keras`, and installers that reach nothing but the wheels made here.

    What else the step needs it finds where this test finds it, behind what the image brings.
    """
    packages = tmp_path / "packages"
    contents = {"keras": "", "sitecustomize": f"import sys\nsys.path.extend({site.getsitepackages()!r})\n"}
    for name, text in contents.items():
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").write_text(text)
        wheels.build(packages / name, "0.1", tmp_path / "links")
    image = tmp_path / "images" / "old"
    image.mkdir(parents=True)
    (image / "requirements.txt").write_text("keras\nsitecustomize\n")
    links = str(tmp_path / "links")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "UV_OFFLINE": "1",
        "UV_NO_INDEX": "1",
        "UV_FIND_LINKS": links,
        "UV_CACHE_DIR": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": links,
    }


def test_a_model_is_made_again_with_its_images_libraries(tmp_path: Path, offline: dict[str, str]) -> None:
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    house = House(Options(state=tmp_path / "state", project=tmp_path, environment=offline, **ports))
    try:
        head = trained(house.running.pachd)
        with Pachd(Address.parse(house.running.pachd)) as pachd:
            again, state = tmp_path / "again", tmp_path / "state"
            made = reproduce(pachd, head, again, offline, tmp_path, state, print)
            shutil.rmtree(again)
            (tmp_path / "images" / "old" / "requirements.txt").unlink()
            elsewhere = reproduce(pachd, head, again, dict(os.environ), tmp_path, state, print)
    finally:
        house.close()
    assert (made.verdict, made.differences, made.circumstances) == (Verdict.BYTES, (), ())
    code, environment = elsewhere.circumstances
    assert code.startswith("made with other code: image old was ")
    assert environment.startswith("made again in another environment: keras 0.1")


def trained(address: str) -> str:
    """The commit of a model made by a step in the image `old`."""
    client, files = Client.from_pachd_address(address), Files.at(address)
    for repo in ("data", "schema"):
        files.ensure_repo(repo, "")
    files.put("schema@master", {"/schema.json": (MILEAGE / "schema.json").read_bytes()})
    inputs = [{"pfs": {"repo": repo, "glob": "/"}} for repo in ("data", "schema")]
    command = [*STEP, *WHAT, "--leave-out", "Name"]
    spec = {
        "pipeline": {"name": "m-model"},
        "input": {"cross": inputs},
        "transform": {"image": "old", "cmd": command},
        "datum_tries": 1,
    }
    client.pps.create_pipeline_v2(create_pipeline_request_json=json.dumps(spec))
    commit = files.put("data@master", {"/1970.csv": (MILEAGE / "data" / "1970.csv").read_bytes()})
    client.pfs.wait_commit_set(pfs.CommitSet(id=commit))
    made = json.loads(files.read(f"m-model@{commit}", "/model.json"))
    assert made["libraries"]["keras"].startswith("0.1+")
    return commit
