"""What `detector_events_alone.py` tests, in a process of its own: it loads MLServer, whose messages and
tritonclient's, which other tests load, have the same names and cannot be in one process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ALONE = Path(__file__).with_name("detector_events_alone.py")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_events_of_detectors():
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(ALONE)]
    ran = subprocess.run(words, env=dict(os.environ), capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    assert "11 passed" in ran.stdout
