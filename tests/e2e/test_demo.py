"""`make demo`: the whole story runs on real data, says what it does, and leaves nothing running."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FREE = [word for port in ("pachd", "s3", "http", "ingress") for word in (f"--{port}-port", "0")]


@pytest.mark.slow
@pytest.mark.timeout(900)  # a minute and a half on two idle cores
def test_the_demo_tells_its_story_and_stops(tmp_path):
    ran = subprocess.run(
        [sys.executable, ROOT / "scripts" / "demo.py", "--exit", "--state", tmp_path / "state", *FREE],
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


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_put_in_a_second_terminal_leads_to_a_new_served_model(tmp_path):
    told = tmp_path / "told"
    with told.open("wb") as sink:
        demo = subprocess.Popen(
            [sys.executable, ROOT / "scripts" / "demo.py", "--state", tmp_path / "state", *FREE],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
    try:
        wait_for(demo, told, "change the data and watch:")
        text = told.read_text()
        address = re.search(r"export PACHD_ADDRESS=(\S+)", text)[1]
        typed = re.search(r"^  (\S+) (put file .*)$", text, re.MULTILINE)
        words = [sys.executable, "-c", "from howdah.cli.pachctl import main; main()", *typed[2].split()]
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "PACHD_ADDRESS": address}
        subprocess.run(words, cwd=ROOT, env=environment, check=True)
        since = wait_for(demo, told, "The prediction's ID is", after="-- a commit to mileage-raw")
    finally:
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0
    assert re.search(r"mileage-model \w+ success: 1 processed", since)
    assert re.search(r"-promoted-\w+\.json", since)
    assert told.read_text().rstrip().splitlines()[-1].startswith("Stopped Howdah")


def wait_for(demo, told, words, after=""):
    """What was told from `after` on, once it holds these words."""
    while demo.poll() is None:
        _, found, since = told.read_text().partition(after) if after else ("", "all", told.read_text())
        if found and words in since:
            return since
        time.sleep(0.2)
    raise AssertionError(told.read_text())
