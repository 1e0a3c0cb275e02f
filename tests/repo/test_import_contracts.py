"""The import contracts of pyproject.toml hold."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_the_import_contracts_hold(root):
    ran = subprocess.run(
        [
            sys.executable,
            "-c",
            "from importlinter.cli import lint_imports_command as run; run()",
            "--no-cache",
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
