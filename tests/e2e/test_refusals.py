"""`howdah up` where it cannot: one clear sentence, exit code 2, nothing half created."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FREE = "[daemon]\npachd_port = 0\ns3_port = 0\nhttp_port = 0\ningress_port = 0\n"


def up(folder, *options):
    return subprocess.run(
        [sys.executable, "-m", "howdah", "up", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(ran, *said):
    assert ran.returncode == 2, ran.stderr
    assert ran.stderr.startswith("Error: ")
    assert "Do:" in ran.stderr
    assert "Traceback" not in ran.stderr
    assert [each for each in said if each not in ran.stderr] == []


def test_an_unknown_key(tmp_path):
    (tmp_path / "howdah.toml").write_text(f"{FREE}http_prot = 1\n")
    refused(up(tmp_path), "daemon.http_prot", "Did you mean 'daemon.http_port'?")
    assert [path.name for path in tmp_path.iterdir()] == ["howdah.toml"]


def test_a_wrong_type(tmp_path):
    (tmp_path / "howdah.toml").write_text('[daemon]\nhttp_port = "many"\n')
    refused(up(tmp_path), "daemon.http_port", "whole number")
    assert [path.name for path in tmp_path.iterdir()] == ["howdah.toml"]


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_state_folder_that_is_a_file(tmp_path, detach):
    (tmp_path / "howdah.toml").write_text(FREE)
    (tmp_path / "state").write_text("mine")
    refused(up(tmp_path, "--state", "state", *detach), "state", "--state")
    assert (tmp_path / "state").read_text() == "mine"


@pytest.mark.parametrize("name", ["pachd", "s3", "http", "ingress"])
@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_port_in_use(tmp_path, name, detach):
    (tmp_path / "howdah.toml").write_text(FREE)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ran = up(tmp_path, f"--{name}-port", str(port), *detach)
    refused(ran, f"could not listen on 127.0.0.1:{port}")
    assert [path.name for path in tmp_path.iterdir()] == ["howdah.toml"]


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_an_address_that_others_reach_without_a_token(tmp_path, detach):
    (tmp_path / "howdah.toml").write_text(FREE)
    refused(up(tmp_path, "--host", "0.0.0.0", *detach), "refusing to listen on 0.0.0.0", "--new-token")
    assert [path.name for path in tmp_path.iterdir()] == ["howdah.toml"]


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_a_folder_with_a_running_daemon_is_named_before_its_ports(tmp_path, detach):
    (tmp_path / "howdah.toml").write_text(FREE)
    (tmp_path / ".howdah").mkdir(mode=0o700)
    with (tmp_path / ".howdah" / "lock").open("w") as lock, socket.socket() as taken:
        fcntl.flock(lock, fcntl.LOCK_EX)
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ran = up(tmp_path, f"--http-port={taken.getsockname()[1]}", *detach)
    assert ran.returncode != 0
    assert "is in use by process" in ran.stderr


def test_an_unknown_option_points_to_the_help(tmp_path):
    refused(up(tmp_path, "--prot", "1"), "No such option", "howdah up --help")
    assert list(tmp_path.iterdir()) == []
