"""`howdah up`, `status` and `down` as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs
from pachyderm_sdk.config import ConfigFile

PORTS = ("--pachd-port=0", "--s3-port=0", "--http-port=0", "--ingress-port=0")

IDLE = json.dumps(
    {
        "pipeline": {"name": "idle"},
        "input": {"pfs": {"repo": "in", "glob": "/"}},
        "transform": {"cmd": ["true"]},
    }
)


class Command:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "pachyderm.json"
        self._environment = os.environ | {
            "HOWDAH_STATE": str(folder / "state"),
            "PACH_CONFIG": str(self.configuration),
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "howdah", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, timeout=60
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-X", "importtime", "-m", "howdah", *arguments]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, env=self._environment, stdout=pipe, stderr=pipe, text=True
        )

    def status(self) -> dict[str, str]:
        found: dict[str, str] = json.loads(self.run("status", "--json").stdout)
        return found


@pytest.fixture
def howdah(tmp_path: Path) -> Iterator[Command]:
    command = Command(tmp_path)
    yield command
    command.run("down")


@pytest.mark.slow
def test_up_status_down(howdah: Command) -> None:
    assert howdah.run("status").returncode == 2
    up = howdah.run("up", "--detach", *PORTS)
    assert up.returncode == 0, up.stderr
    running = howdah.status()
    assert f"export PACHD_ADDRESS={running['pachd']}" in up.stdout
    assert Client.from_pachd_address(running["pachd"]).get_version().major == 2
    again = howdah.run("up", "--detach", *PORTS)
    assert again.returncode == 2
    assert "is in use by process" in again.stderr
    down = howdah.run("down")
    assert down.returncode == 0
    assert howdah.run("status").returncode == 2
    assert "Nothing runs" in howdah.run("down").stdout


@pytest.mark.slow
def test_ctrl_c_while_it_starts_leaves_no_daemon(howdah: Command) -> None:
    starting = howdah.start("up", "--detach", *PORTS)
    children = Path(f"/proc/{starting.pid}/task/{starting.pid}/children")
    while not (daemon := children.read_text().split()):
        assert starting.poll() is None
    starting.send_signal(signal.SIGINT)
    out, said = starting.communicate(timeout=60)
    assert (starting.returncode, out) == (130, "")
    assert "Traceback" not in said
    while Path(f"/proc/{daemon[0]}").exists():
        time.sleep(0.05)  # when it is ready it finds that nobody waits for it any more, and ends
    assert howdah.run("status").returncode == 2
    assert howdah.run("up", "--detach", *PORTS).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "moment"),
    [
        (("predict", "nobody", "a=1", "--wait", "100"), "http.client"),
        (("pachctl", "logs", "-f", "-p", "idle"), "grpc._channel"),
    ],
    ids=["predict", "logs"],
)
def test_ctrl_c_ends_what_would_wait(howdah: Command, words: tuple[str, ...], moment: str) -> None:
    """Python tells on stderr what it has imported: that is how far the program is."""
    howdah.run("up", "--detach", "--context", *PORTS)
    howdah.run("pachctl", "create", "repo", "in")
    (howdah.folder / "idle.json").write_text(IDLE)
    assert howdah.run("pachctl", "create", "pipeline", "-f", "idle.json").returncode == 0
    waiting = howdah.start(*words)
    assert waiting.stderr is not None
    while waiting.stderr.readline().rpartition("|")[2].strip() != moment:
        assert waiting.poll() is None
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=60)
    assert waiting.returncode == 130
    told = [line for line in said.splitlines() if not line.startswith("import time:")]
    assert told == ["Interrupted."]


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(howdah: Command) -> None:
    howdah.run("up", "--detach", *PORTS)
    running = howdah.status()
    client = Client.from_pachd_address(running["pachd"])
    client.pfs.create_repo(repo=pfs.Repo.from_uri("kept"))
    with client.pfs.commit(branch=pfs.Branch.from_uri("kept@master")) as commit:
        commit.put_file_from_bytes(path="/a", data=b"acknowledged")
    os.kill(int(running["pid"]), signal.SIGKILL)
    up = howdah.run("up", "--detach", *PORTS)
    assert up.returncode == 0, up.stderr
    client = Client.from_pachd_address(howdah.status()["pachd"])
    file = pfs.File(commit=pfs.Commit(repo=commit.repo, id=commit.id), path="/a")
    assert client.pfs.pfs_file(file).read() == b"acknowledged"
    assert howdah.status()["deployment_id"] == running["deployment_id"]


@pytest.mark.slow
def test_a_context_is_written_only_when_asked_and_beside_the_others(howdah: Command) -> None:
    howdah.configuration.write_text(
        json.dumps(
            {"user_id": "me", "v2": {"active_context": "old", "contexts": {"old": {}}, "metrics": False}}
        )
    )
    before = howdah.configuration.read_text()
    howdah.run("up", "--detach", *PORTS)
    assert howdah.configuration.read_text() == before
    howdah.run("down")
    up = howdah.run("up", "--detach", "--context", *PORTS)
    assert up.returncode == 0, up.stderr
    written = json.loads(howdah.configuration.read_text())
    assert (written["user_id"], written["v2"]["metrics"]) == ("me", False)
    assert set(written["v2"]["contexts"]) == {"old", "howdah"}
    context = ConfigFile.from_path(howdah.configuration).active_context
    assert context.active_pachd_address == howdah.status()["pachd"]


@pytest.mark.slow
def test_a_taken_port_is_named(howdah: Command) -> None:
    howdah.run("up", "--detach", *PORTS)
    port = howdah.status()["pachd"].rpartition(":")[2]
    other = howdah.run(
        "up", "--detach", "--state", str(howdah.folder / "other"), *PORTS[1:], f"--pachd-port={port}"
    )
    assert other.returncode == 2
    assert f"could not listen on 127.0.0.1:{port}" in other.stderr
