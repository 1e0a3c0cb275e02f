"""What the three shells are told when they ask for the names in `howdah`'s and pachctl's commands."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.client.deployments import Deployments
from howdah.client.files import Files
from howdah.daemon.house import House

pytestmark = pytest.mark.slow

KEPT = {
    "apiVersion": "machinelearning.seldon.io/v1",
    "kind": "SeldonDeployment",
    "metadata": {"name": "planes-served", "namespace": "default"},
    "spec": {
        "replicas": 0,
        "predictors": [
            {"name": "p", "graph": {"name": "m", "implementation": "SKLEARN_SERVER", "modelUri": "/none"}}
        ],
    },
}


@pytest.fixture(scope="module")
def model(house: House) -> Iterator[str]:
    """The commit of the model of a case `planes`, which is deployed, too."""
    files = Files.at(house.running.pachd)
    files.ensure_repo("planes-policy", "")
    files.ensure_repo("planes-model", "")
    commit = files.put("planes-model@master", {"/model.json": b"{}"})
    with Deployments(Path(house.running.kubeconfig).read_text()) as there:
        there.apply(KEPT)
        yield commit
        there.delete("planes-served")


def told(house: House, shell: str, line: str, **more: str) -> str:
    program = line.split()[0]
    asked = {
        f"_{program.upper()}_COMPLETE": f"complete_{shell}",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split()) - (0 if line.endswith(" ") else 1)),
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "PYTHONPATH": str(Path(__file__).parents[2] / "src"),
        "PACHD_ADDRESS": house.running.pachd,
        "PACH_CONFIG": "/nonexistent/config.json",
        "HOWDAH_STATE": str(Path(house.running.kubeconfig).parent),
        **more,
    }
    module = {"howdah": "howdah.cli.howdah", "pachctl": "howdah.cli.pachctl"}[program]
    ran = subprocess.run(
        [sys.executable, "-c", f"from {module} import main; main()"],
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in ran.stderr
    return ran.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_names_that_exist(house: House, model: str, shell: str) -> None:
    assert "promote" in told(house, shell, "howdah prom")
    for command in ("models", "compare", "promote", "rollback"):
        assert "planes" in told(house, shell, f"howdah {command} pla"), command
    for command in ("predict", "explain", "feedback"):
        assert "planes-served" in told(house, shell, f"howdah {command} planes-"), command
    for command in ("promote planes", "why", "reproduce"):
        assert model in told(house, shell, f"howdah {command} {model[:9]}"), command
    assert ":v1" in told(house, shell, "howdah reproduce planes")
    assert "planes-model@master" in told(house, shell, "pachctl list file planes-model@")


def test_nothing_is_said_where_nothing_answers(house: House, model: str, tmp_path: Path) -> None:
    nobody = {"PACHD_ADDRESS": "grpc://127.0.0.1:1", "HOWDAH_STATE": str(tmp_path)}
    for line in ("howdah promote pla", "howdah predict pla", "howdah why 0", "pachctl inspect job x@"):
        assert told(house, "bash", line, **nobody).strip() == ""
