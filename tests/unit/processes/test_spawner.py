"""The spawner against real processes: ends, groups, orphans, and a daemon that vanishes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.errors import Unavailable
from howdah.processes import identity
from howdah.processes.children import adopt
from howdah.processes.commands import Command, Exit, Lifetime
from howdah.processes.spawner import CommandNotStarted, Spawner

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    with Spawner.start() as started:
        yield started


def shell(script: str, **rest: object) -> Command:
    return Command(("sh", "-c", script), ENV, **rest)  # type: ignore[arg-type]


def wait_gone(pid: int, start: str) -> None:
    """Returns when the process has ended; the test's own time limit bounds it."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if identity.is_alive(pid, start):
            import select

            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll()
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    ("script", "expected"),
    [("exit 0", Exit(code=0)), ("exit 7", Exit(code=7)), ("kill -9 $$", Exit(signal=9))],
)
def test_tells_how_a_child_ended(spawner: Spawner, script: str, expected: Exit) -> None:
    assert spawner.spawn(shell(script)).wait() == expected


def test_names_a_command_that_does_not_exist(spawner: Spawner) -> None:
    with pytest.raises(CommandNotStarted, match=r"cannot start 'no-such-program': .*No such file"):
        spawner.spawn(Command(("no-such-program",), ENV))


def test_output_goes_to_files_and_environment_is_exactly_what_was_given(
    spawner: Spawner, tmp_path: Path
) -> None:
    log = tmp_path / "logs" / "child.log"
    command = Command(("env",), {**ENV, "A": "ü b"}, stdout=log, stderr=log)
    assert spawner.spawn(command).wait() == Exit(code=0)
    lines = log.read_text().splitlines()
    assert "A=ü b" in lines
    assert {line.split("=")[0] for line in lines} == {"PATH", "A", "HOWDAH_CHILD"}


def test_passes_descriptors_even_when_numbers_cross(spawner: Spawner) -> None:
    first, second = os.pipe(), os.pipe()
    command = shell("echo one >&4; echo two >&3", pass_fds={3: second[1], 4: first[1]})
    assert spawner.spawn(command).wait() == Exit(code=0)
    os.close(first[1])
    os.close(second[1])
    assert (os.read(first[0], 100), os.read(second[0], 100)) == (b"one\n", b"two\n")
    os.close(first[0])
    os.close(second[0])


def test_a_child_leads_its_own_session(spawner: Spawner) -> None:
    child = spawner.spawn(shell("sleep 60"))
    assert os.getsid(child.record.pid) == child.record.pid
    assert child.stop(grace_s=5) == Exit(signal=signal.SIGTERM)


def test_one_that_ignores_sigterm_is_killed_with_all_below(spawner: Spawner, tmp_path: Path) -> None:
    out = tmp_path / "pids"
    child = spawner.spawn(
        shell(f"trap '' TERM; setsid sleep 60 & echo $! > {out}.new; mv {out}.new {out}; wait")
    )
    while not out.exists():
        child.wait(0.01)
    below = int(out.read_text())
    start = identity.started(below)
    assert start is not None
    assert child.stop(grace_s=0.05) == Exit(signal=signal.SIGKILL)
    wait_gone(below, start)


def test_what_a_child_daemonised_dies_when_it_ends(spawner: Spawner, tmp_path: Path) -> None:
    out = tmp_path / "pid"
    inner = f"echo $$ > {out}.new; mv {out}.new {out}; exec sleep 60"
    script = f"(setsid sh -c '{inner}' &) ; while [ ! -e {out} ]; do sleep 0.01; done"
    child = spawner.spawn(shell(script))
    assert child.wait() == Exit(code=0)
    # The end is told only after the leavings are gone.
    assert identity.started(int(out.read_text())) is None


DAEMON = """
import os, sys, time
from howdah.processes.commands import Command, Lifetime
from howdah.processes.spawner import Spawner
spawner = Spawner.start()
for lifetime in Lifetime:
    child = spawner.spawn(Command(("sleep", "60"), {"PATH": os.environ["PATH"]}, lifetime=lifetime))
    print(child.record.pid, child.record.started, child.record.configuration, flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_a_killed_daemon_takes_its_workers_along_and_leaves_its_servers_to_be_adopted() -> None:
    daemon = subprocess.Popen([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True)
    assert daemon.stdout is not None
    from howdah.processes.children import ChildRecord

    worker, server = (
        ChildRecord(int(pid), start, digest)
        for pid, start, digest in (daemon.stdout.readline().split() for _ in Lifetime)
    )
    daemon.kill()
    daemon.wait()
    daemon.stdout.close()
    wait_gone(worker.pid, worker.started)

    assert adopt(server, "another configuration") is None
    assert (
        adopt(ChildRecord(server.pid, "another boot/1", server.configuration), server.configuration) is None
    )
    child = adopt(server, server.configuration)
    assert child is not None
    assert child.poll() is None
    assert child.stop(grace_s=5) == Exit()
    assert adopt(server, server.configuration) is None


def test_a_killed_spawner_ends_workers_and_is_said(spawner: Spawner) -> None:
    child = spawner.spawn(shell("sleep 60"))
    os.kill(spawner.pid, signal.SIGKILL)
    assert child.wait() == Exit()
    wait_gone(child.record.pid, child.record.started)
    with pytest.raises(Unavailable, match="spawner process has ended"):
        spawner.spawn(shell("true"))


def test_the_digest_changes_with_anything_that_matters() -> None:
    command = shell("true")
    others = [
        shell("false"),
        shell("true", cwd=Path("/tmp")),
        shell("true", lifetime=Lifetime.OUTLIVES_DAEMON),
    ]
    digests = {command.digest(), command.digest("config"), *(other.digest() for other in others)}
    assert len(digests) == 5
    assert shell("true").digest() == command.digest()
