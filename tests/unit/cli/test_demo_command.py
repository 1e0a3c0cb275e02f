"""`howdah demo` is the script of the checkout, or a plain word where there is none."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import howdah

pytestmark = pytest.mark.slow
PACKAGE = Path(howdah.__file__).parent


def asked(checkout, *options):
    shutil.copytree(
        PACKAGE, checkout / "src" / "howdah", ignore=shutil.ignore_patterns("__pycache__", "assets")
    )
    return subprocess.run(
        [sys.executable, "-m", "howdah", "demo", *options],
        cwd=checkout,
        env={"PYTHONPATH": str(checkout / "src")},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_runs_the_script_with_what_was_said(tmp_path):
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts" / "demo.py").write_text("import sys; print('told', sys.argv[1:]); sys.exit(3)")
    ran = asked(tmp_path, "--exit")
    assert (ran.stdout, ran.returncode) == ("told ['--exit']\n", 3)


def test_an_installed_package_says_where_the_demo_is(tmp_path):
    ran = asked(tmp_path)
    assert ran.returncode == 2
    assert "make demo" in ran.stderr
    assert "Traceback" not in ran.stderr
