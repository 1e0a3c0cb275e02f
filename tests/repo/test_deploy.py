"""scripts/deploy.py shows what it would do, for every case, and runs nothing unless asked."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted(path.name for path in (ROOT / "pipelines").iterdir() if path.is_dir())


def deploy(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # Nowhere: whoever ran pachctl here would fail.
    env = {**os.environ, "PACHD_ADDRESS": "grpc://127.0.0.1:1", **environment}
    command = [sys.executable, str(ROOT / "scripts" / "deploy.py"), *words]
    return subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("case", CASES)
def test_it_shows_every_pipeline_in_order_and_runs_nothing(case):
    done = deploy(case)
    assert done.returncode == 0, done.stderr
    shown = [shlex.split(line[2:]) for line in done.stdout.splitlines() if line.startswith("$ ")]
    pipelines = [words[-1] for words in shown if words[1:3] == ["update", "pipeline"]]
    assert pipelines == [f"pipelines/{case}/{path.name}" for path in specs(case)]
    # Repos and what stands in them come first: a pipeline's inputs exist when it is created.
    parts = 6 if (ROOT / "pipelines" / case / "parameters").is_dir() else 5
    before = [words[1] for words in shown[: -len(pipelines)]]
    assert before == ["update"] * (parts + 1) + ["put"] * (parts - 1)
    assert "Nothing was run" in done.stdout


def specs(case: str) -> list[Path]:
    return sorted((ROOT / "pipelines" / case).glob("[0-9]*.json"))


@pytest.mark.parametrize("case", CASES)
def test_each_pipeline_reads_only_what_stands_before_it(case):
    there = {f"{case}-{part}" for part in ("raw", "schema", "policy", "manifest", "retrain", "parameters")}
    there.add(f"default-{case}-inferences")
    for path in specs(case):
        spec = json.loads(path.read_text())
        assert set(repos(spec["input"])) <= there, path.name
        there.add(spec["pipeline"]["name"])


def repos(input: dict) -> list[str]:
    if "pfs" in input:
        return [input["pfs"]["repo"]]
    return [repo for inputs in input.values() for each in inputs for repo in repos(each)]


def test_serving_and_a_registry_are_asked_for():
    done = deploy("heart", "--serve", REGISTRY="localhost:5000/team/")
    assert done.stdout.splitlines()[-2].startswith("$ kubectl apply -f ")
    assert "pipelines/heart/01-clean.json" not in done.stdout  # a copy, with the registry in it


def test_a_case_that_is_not_there_is_named():
    done = deploy("herat")
    assert done.returncode == 2
    assert "pipelines/herat holds no pipeline specs" in done.stderr
