"""What must start fast imports nothing heavy: help, and the daemon."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "tensorflow",
    "keras",
    "sklearn",
    "pandas",
    "alibi",
    "alibi_detect",
    "mlserver",
    "shap",
    "onnxruntime",
}
PROGRAMS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]


def imported(code: str) -> set[str]:
    """The top-level modules in a fresh interpreter after `code`."""
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules, file=sys.stderr)"],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in ran.stderr.split()}


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_imports_neither_heavy_libraries_nor_grpc(program):
    module = PROGRAMS[program].partition(":")[0]
    asked = f"import sys\nsys.argv[1:] = ['--help']\nfrom {module} import main"
    found = imported(f"{asked}\ntry:\n    main()\nexcept SystemExit:\n    pass")
    assert "typer" in found
    assert found & (HEAVY | {"grpc", "pydantic", "pachyderm_sdk", "rich"}) == set()


def test_a_short_command_does_without_pydantic_and_the_sdk(tmp_path):
    """It still tries to reach a pachd: grpc is there, and all that it asks is read."""
    surroundings = {"PACHD_ADDRESS": "grpc://127.0.0.1:1", "XDG_CACHE_HOME": str(tmp_path)}
    asked = (
        f"import os, sys\nos.environ |= {surroundings}\n"
        "sys.argv[1:] = ['list', 'repo', '--type', 'user', '-o', 'json']\nfrom howdah.cli.pachctl import main"
    )
    code = f"{asked}\ntry:\n    main()\nexcept SystemExit:\n    pass"
    first, second = imported(code), imported(code)
    assert {"grpc", "pachyderm_sdk"} <= first  # the contract is derived once, and kept
    assert "grpc" in second
    assert second & (HEAVY | {"pydantic", "pachyderm_sdk", "betterproto", "rich"}) == set()


def test_the_daemon_imports_nothing_heavy():
    found = imported("import howdah.daemon.house")
    assert "grpc" in found
    assert found & HEAVY == set()
