"""`make demo EXIT=1`: the whole story runs on real data, says what it does, and leaves nothing running."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute and a half on two idle cores
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
    assert ran.returncode == 0, ran.stdout + ran.stderr
    told = ran.stdout
    assert "$ howdah up --detach" in told
    errors = re.search(r"now off by ([\d.]+) \(before: ([\d.]+)\)", told)
    assert errors is not None
    assert float(errors[1]) < float(errors[2])
    assert len(re.findall(r"-promoted-\w+\.json", told)) == 2
    assert "drift in " in told
    assert "by gRPC: " in told
    assert "(shapley exact)" in told
    assert told.count("job mileage-model@") == 2  # why, before and after
    assert told.count("success: there were no datums to process") >= 5  # the same file once more
    assert told.rstrip().splitlines()[-1].startswith("Stopped Howdah")
