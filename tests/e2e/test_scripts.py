"""The examples in scripts/, run as a reader would, against a daemon of their own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "pipelines" / "mileage" / "data"
PACHCTL = "#!/bin/sh\nexec {python} -c 'from howdah.cli.pachctl import main; main()' \"$@\"\n"
CAR = (
    "Cylinders=8",
    "Displacement=307",
    "Horsepower=130",
    "Weight_in_lbs=3504",
    "Acceleration=12",
    "Year=1970",
    "Origin=USA",
)
EXAMPLES = ("put_and_retrain", "replay_drift", "predict_rest", "predict_grpc", "deploy")
Script = Callable[..., subprocess.CompletedProcess[str]]


def run(*words: object, env: dict[str, str], check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(word) for word in words], env=env, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    tool = tmp_path / "bin" / "pachctl"
    tool.parent.mkdir()
    tool.write_text(PACHCTL.format(python=sys.executable))
    tool.chmod(0o755)
    path = f"{tool.parent}:{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PATH": path}


@pytest.fixture
def found(tmp_path: Path, environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """What `howdah status` says of a running daemon."""
    howdah = (sys.executable, "-m", "howdah")
    state = ("--state", tmp_path / "state")
    ports = [word for port in ("pachd", "s3", "http", "ingress") for word in (f"--{port}-port", "0")]
    run(*howdah, "up", "--detach", *ports, *state, env=environment)
    try:
        yield json.loads(run(*howdah, "status", "--json", *state, env=environment).stdout)
    finally:
        run(*howdah, "down", *state, env=environment)


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_says_what_it_does(name: str, environment: dict[str, str]) -> None:
    told = run(sys.executable, ROOT / "scripts" / f"{name}.py", "--help", env=environment).stdout
    assert told.startswith(f"usage: {name}.py")


@pytest.mark.slow
@pytest.mark.timeout(600)  # a minute on two idle cores
def test_the_examples_tell_a_case_from_data_to_drift(
    found: dict[str, str], environment: dict[str, str]
) -> None:
    there = {**environment, "PACHD_ADDRESS": found["pachd"]}

    def script(name: str, *words: object, check: bool = True) -> subprocess.CompletedProcess[str]:
        return run(sys.executable, ROOT / "scripts" / f"{name}.py", *words, env=there, check=check)

    script("deploy", "mileage", "--apply")
    early = [DATA / f"{year}.csv" for year in range(1970, 1977)]
    ran = script("put_and_retrain", "mileage", *early).stdout
    assert "mileage-model JOB_SUCCESS 1 processed" in ran

    deadline = time.monotonic() + 240
    asked = ("predict_rest", found["ingress"], "mileage", *CAR)
    while script(*asked, check=False).returncode != 0:  # promotion and serving follow by themselves
        assert time.monotonic() < deadline, script(*asked, check=False).stderr
        time.sleep(0.5)
    rest = script(*asked).stdout.split()
    grpc = script("predict_grpc", found["ingress"].removeprefix("http://"), "mileage", *CAR).stdout.split()
    assert rest[0] == grpc[0] == "Miles_per_Gallon"
    assert float(rest[1]) == pytest.approx(float(grpc[1]))
    assert 10 < float(rest[1]) < 25  # this very car, in the data, does 18

    replayed = script("replay_drift", "mileage", DATA / "1977.csv", DATA / "1982.csv").stdout.splitlines()
    assert [line.partition(":")[0] for line in replayed] == ["1977.csv", "1982.csv"]
    assert "Weight_in_lbs" in replayed[1]  # cars had become lighter
