"""`make demo EXIT=1`: the story runs, says what it does, and leaves nothing running."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_demo_tells_its_story_and_stops(tmp_path):
    free = [word for port in ("pachd", "s3", "http", "ingress") for word in (f"--{port}-port", "0")]
    ran = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py", "--exit", "--state", tmp_path / "state", *free],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "$ howdah up --detach" in ran.stdout
    assert ">>> client.pfs.create_repo" in ran.stdout
    assert re.search(r"^/1973.csv \d+ bytes$", ran.stdout, re.MULTILINE)
    assert re.search(r"^new in [0-9a-f]{32} /1973.csv$", ran.stdout, re.MULTILINE)
    assert "$ howdah down" in ran.stdout
    assert ran.stdout.rstrip().splitlines()[-1].startswith("Stopped Howdah")
