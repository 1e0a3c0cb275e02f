"""The archived client, python-pachyderm 7.6, from its own environment, against a daemon."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from howdah.daemon.house import House

STORY = Path(__file__).with_name("python_pachyderm_story.py")
PYTHON = Path(__file__).parents[2] / ".venv-python-pachyderm" / "bin" / "python"


@pytest.mark.slow
def test_python_pachyderm_writes_reads_lists_and_compares(house: House) -> None:
    assert PYTHON.exists(), "run `make setup`, which builds .venv-python-pachyderm"
    port = house.running.pachd.rpartition(":")[2]
    # Its own environment whole: nothing of this one's, where protobuf is too new for it.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    ran = subprocess.run(
        [PYTHON, STORY, port], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    assert "from-python-pachyderm" in said.pop("repos")
    assert said == {
        "version": 2,
        "first": "one",
        "head": "changed",
        "listed": ["/a.txt", "/c.txt"],
        "walked": ["/", "/a.txt", "/d/", "/d/b.txt"],
        "commits": 2,
        "diff": [["/", "/"], ["/a.txt", "/a.txt"], ["/c.txt", ""], ["", "/d/"], ["", "/d/b.txt"]],
        "left": [],
    }
