"""`howdah datum`: a datum run again beside the daemon, and a shell where its code would run."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs, pps

from howdah.daemon.house import House
from howdah.daemon.options import Options

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 60


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A daemon with one pipeline whose code fails on one of its two datums."""
    folder = tmp_path_factory.mktemp("here")
    ports = {"pachd_port": 0, "s3_port": 0, "http_port": 0, "ingress_port": 0}
    house = House(Options(state=folder, environment=dict(os.environ), **ports))
    client = Client.from_pachd_address(house.running.pachd)
    client.pfs.create_repo(repo=pfs.Repo(name="raw"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("raw@master")) as commit:
        commit.put_file_from_bytes(path="/good", data=b"5")
        commit.put_file_from_bytes(path="/bad", data=b"five")
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="double"),
        input=pps.Input(pfs=pps.PfsInput(repo="raw", glob="/*")),
        transform=pps.Transform(
            cmd=["sh", "-e"], stdin=["echo reading $raw", "expr $(cat $raw) + $(cat $raw) > /pfs/out/twice"]
        ),
        datum_tries=1,
    )
    client.pps.create_secret(name="key", data={"word": "open sesame"})
    client.pps.create_pipeline(
        pipeline=pps.Pipeline(name="locked"),
        input=pps.Input(pfs=pps.PfsInput(repo="raw", glob="/good")),
        transform=pps.Transform(
            cmd=["sh", "-e", "-c", 'echo "$WORD" > /pfs/out/said; cat /keys/word >> /pfs/out/said'],
            secrets=[
                pps.SecretMount(name="key", key="word", env_var="WORD"),
                pps.SecretMount(name="key", mount_path="/keys"),
            ],
        ),
    )
    ended = next(client.pps.list_job(pipeline=pps.Pipeline(name="locked")))
    client.pps.inspect_job(job=ended.job, wait=True)
    newest = next(client.pps.list_job(pipeline=pps.Pipeline(name="double")))
    client.pps.inspect_job(job=newest.job, wait=True)
    ids = {info.data[0].file.path: info.datum.id for info in client.pps.list_datum(job=newest.job)}
    (folder / "ids").write_text(f"{ids['/good']} {ids['/bad']}")
    yield folder
    house.close()


def howdah(state: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "howdah", *words, "--state", str(state)]


ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def test_run_gives_the_output_and_the_log(state: Path, tmp_path: Path) -> None:
    good, bad = (state / "ids").read_text().split()
    command = howdah(state, "datum", "run", "double", good[:12], "--out", str(tmp_path))
    ran = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "reading /pfs/raw/good" in ran.stdout
    assert (tmp_path / "twice").read_text() == "10\n"
    command = howdah(state, "datum", "run", "double", bad[:12])
    ran = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "the datum failed" in ran.stderr
    assert list((state / "datum").iterdir()) == []


def test_secrets_come_from_their_manifests(state: Path, tmp_path: Path) -> None:
    manifest = tmp_path / "key.json"
    manifest.write_text('{"metadata": {"name": "key"}, "stringData": {"word": "mellon"}}')
    command = howdah(state, "datum", "run", "locked", "--out", str(tmp_path), "--secret", str(manifest))
    ran = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert (tmp_path / "said").read_text() == "mellon\nmellon"
    command = howdah(state, "datum", "run", "locked")
    ran = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "the code runs without the secret key, which pachd does not give out" in ran.stdout


def test_a_datum_that_is_not_there_is_said(state: Path) -> None:
    command = howdah(state, "datum", "run", "double", "zz")
    ran = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert 'has a datum whose id begins with "zz"' in ran.stderr


def test_shell_sees_what_the_code_would_see(state: Path) -> None:
    good, _ = (state / "ids").read_text().split()
    pid, terminal = pty.fork()
    if not pid:
        command = howdah(state, "datum", "shell", "double", good)
        os.execve(command[0], command, ENVIRONMENT)
    deadline = time.monotonic() + PATIENCE_S
    seen = b""

    def until(wanted: bytes) -> None:
        nonlocal seen
        while wanted not in seen:
            ready, _, _ = select.select([terminal], [], [], deadline - time.monotonic())
            assert ready, seen
            seen += os.read(terminal, 1 << 16)

    until(b"# " if os.getuid() == 0 else b"$ ")
    os.write(terminal, b"cat $raw; echo; ls /pfs; echo in-$PPS_PIPELINE_NAME\n")
    until(b"in-double")
    assert b"out" in seen and b"raw" in seen
    os.write(terminal, b"exit\n")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0
