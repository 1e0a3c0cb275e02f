"""scripts/check runs every part, names each that failed, and fails if any did."""

import shutil
import subprocess
from pathlib import Path

import pytest

PARTS = {
    "format": "ruff format",
    "lint": "ruff check",
    "types": "mypy -p",
    "import contracts": "lint-imports --no-cache",
    "the repository itself": "python -m",
}
STUB = """#!/bin/sh
echo "$(basename "$0") $1" >>"$RAN"
case "$FAILING" in *"<$(basename "$0") $1>"*) exit 1 ;; esac
"""


@pytest.fixture
def check(root, tmp_path):
    """Runs a copy of the script with programs that only say that they ran; those named fail."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for part in PARTS.values():
        stub = programs / part.split()[0]
        stub.write_text(STUB)
        stub.chmod(0o755)
    for tool in ("bash", "dirname", "basename"):
        (programs / tool).symlink_to(Path(shutil.which(tool)).resolve())
    (tmp_path / "scripts").mkdir()
    shutil.copy(root / "scripts" / "check", tmp_path / "scripts")

    def run(*failing):
        said = "".join(f"<{PARTS[part]}>" for part in failing)
        ran = tmp_path / "ran"
        done = subprocess.run(
            [tmp_path / "scripts" / "check"],
            env={"PATH": f"{programs}", "RAN": str(ran), "FAILING": said},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.read_text().splitlines() == list(PARTS.values()), "every part runs, whatever failed before"
        return done

    return run


def test_it_passes_when_every_part_does(check):
    done = check()
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("part", PARTS)
def test_one_part_that_fails_fails_the_whole(check, part):
    done = check(part)
    assert done.returncode == 1
    assert done.stderr == f"make check: failed: {part}\n"


def test_all_that_failed_are_named(check):
    done = check("format", "types")
    assert done.returncode == 1
    assert done.stderr == "make check: failed: format\nmake check: failed: types\n"
