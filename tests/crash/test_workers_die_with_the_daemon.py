"""kill -9 of the daemon, of the spawner and of a sandbox: user code never outlives any of them."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from howdah.pachd.pipelines.workers.isolation import Isolation

pytestmark = pytest.mark.slow

DAEMON = """
import os, sys
from pathlib import Path
from howdah.core.clock import SystemClock
from howdah.pachd.pipelines.workers.isolation import Isolation
from howdah.pachd.pipelines.workers.layout import View
from howdah.pachd.pipelines.workers.sandbox import Sandbox, UserCommand, Watch
from howdah.processes.spawner import Spawner

class Tell(Watch):
    def output(self, stream, data):
        os.write(1, data)

folder = Path(sys.argv[2])
for name in ("pfs/out", "out", "tmp"):
    (folder / name).mkdir(parents=True)
spawner = Spawner.start()
sandbox = Sandbox.start(spawner, Isolation(sys.argv[1]), View(folder), SystemClock())
os.write(1, f"{spawner.pid} {sandbox.init_pid}\\n".encode())
script = "trap '' TERM HUP; (setsid sh -c 'echo ready; exec sleep 900' &); sleep 900"
sandbox.run(UserCommand(("sh", "-c", script), {"PATH": os.environ["PATH"]}, "/"), Tell())
"""


VICTIMS = ("daemon", "spawner", "sandbox")


@pytest.mark.parametrize(
    ("isolation", "victim"),
    [
        (isolation, victim)
        for isolation in Isolation
        for victim in VICTIMS
        # What a plain process daemonises is the spawner's to find, so the spawner must live.
        if (isolation, victim) != (Isolation.PLAIN, "spawner")
    ],
    ids=lambda word: word.value if isinstance(word, Isolation) else word,
)
def test_user_code_dies(isolation: Isolation, victim: str, tmp_path: Path) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-c", DAEMON, isolation.value, str(tmp_path / "worker")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert daemon.stdout is not None and daemon.stderr is not None
    head = daemon.stdout.readline().split()
    if not head and b"no sandbox" in (said := daemon.stderr.read()):
        daemon.wait()
        pytest.skip(f"this system refuses {isolation.value}: {said[-200:]!r}")
    spawner, init = map(int, head)
    assert daemon.stdout.readline() == b"ready\n"
    code = [os.pidfd_open(pid) for pid in _below(init) if pid != init]
    assert len(code) >= 2
    os.kill({"daemon": daemon.pid, "spawner": spawner, "sandbox": init}[victim], signal.SIGKILL)
    for pidfd in code:
        select.select([pidfd], [], [])  # the test's time limit bounds it
        os.close(pidfd)
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()
    daemon.stderr.close()


def _below(pid: int) -> list[int]:
    found = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in (thread / "children").read_text().split():
            found += _below(int(child))
    return found
