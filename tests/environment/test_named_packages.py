"""The packages that Howdah is made of stand in its locked environments, and import."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APART = ROOT / ".venv-python-pachyderm" / "bin" / "python"
TOGETHER = {
    "seldon-core": "seldon_core",
    "alibi": "alibi.explainers",
    "alibi-detect": "alibi_detect.cd",
    "tensorflow": "tensorflow",
    "scikit-learn": "sklearn",
    "pandas": "pandas",
    "mlserver": "mlserver",
}


def locked(lock: str, package: str) -> str:
    lines = (ROOT / "requirements" / lock).read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"{package}==")]
    return line.split("==")[1].split()[0]


def imports(python: str | Path, module: str) -> subprocess.CompletedProcess[str]:
    # A process each: some of them cannot live in one, and none belongs in the test's own.
    environment = {**os.environ, "TF_USE_LEGACY_KERAS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [python, "-W", "ignore", "-c", f"import {module}"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.parametrize(("package", "module"), TOGETHER.items())
def test_a_named_package_is_as_locked_and_imports(package, module):
    assert version(package) == locked("dev.txt", package)
    ran = imports(sys.executable, module)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_python_pachyderm_lives_apart_and_imports():
    assert APART.exists(), "run `make setup`, which builds it"
    ran = imports(
        APART,
        "python_pachyderm; from importlib.metadata import version; "
        f"assert version('python-pachyderm') == {locked('python-pachyderm.txt', 'python-pachyderm')!r}",
    )
    assert ran.returncode == 0, ran.stderr
