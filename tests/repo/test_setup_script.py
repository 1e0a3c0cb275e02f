"""scripts/setup where it cannot succeed: one sentence, exit code 2, nothing half created."""

import shutil
import subprocess
from pathlib import Path

import pytest

TOOLS = ["bash", "uname", "cat", "cksum", "grep", "awk", "dirname", "env"]


@pytest.fixture
def bare(root, tmp_path):
    """A clone on a machine with a shell and no Python."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for tool in TOOLS:
        (bin_folder / tool).symlink_to(Path(shutil.which(tool)).resolve())
    clone = tmp_path / "clone"
    shutil.copytree(root / "scripts", clone / "scripts")
    shutil.copytree(root / "requirements", clone / "requirements")
    shutil.copy(root / "pyproject.toml", clone)
    return clone, {"PATH": str(bin_folder), "HOME": str(tmp_path)}


def setup(clone, environment):
    return subprocess.run(
        [shutil.which("bash"), "scripts/setup"],
        cwd=clone,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_python_it_says_so_and_how_to_get_it(bare):
    clone, environment = bare
    before = sorted(clone.iterdir())
    ran = setup(clone, environment)
    assert ran.returncode == 2
    assert "Python 3.12 is missing" in ran.stderr
    assert "pyenv install 3.12" in ran.stderr
    assert sorted(clone.iterdir()) == before


def test_a_shim_that_leads_nowhere_is_not_taken_for_python(bare):
    clone, environment = bare
    shim = Path(environment["PATH"]) / "python3.12"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    assert setup(clone, environment).returncode == 2


def test_a_machine_without_packages_is_told(bare):
    clone, environment = bare
    uname = Path(environment["PATH"]) / "uname"
    uname.unlink()
    uname.write_text('#!/bin/sh\n[ "$1" = -m ] && echo riscv64 || echo Linux\n')
    uname.chmod(0o755)
    ran = setup(clone, environment)
    assert ran.returncode == 2
    assert "no packages for Linux on riscv64" in ran.stderr


def test_an_unchanged_environment_is_left_alone(bare):
    clone, environment = bare
    for name in (".venv", ".venv-python-pachyderm"):
        (clone / name / "bin").mkdir(parents=True)
        (clone / name / "bin" / "python").symlink_to("/bin/sh")
    checksum = subprocess.run(
        "cat pyproject.toml requirements/*.txt scripts/setup scripts/pure-sources | cksum",
        shell=True,
        cwd=clone,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (clone / ".venv" / ".howdah-setup").write_text(checksum)
    assert setup(clone, environment).returncode == 0
    (clone / "pyproject.toml").write_text("changed")
    assert setup(clone, environment).returncode == 2, "it must look for Python again"
