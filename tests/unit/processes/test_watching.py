"""Readiness, log files and memory, each against the real thing."""

import http.server
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from howdah.processes import trees
from howdah.processes.commands import Command
from howdah.processes.limits import Limits, Processors
from howdah.processes.logfiles import rotate, tail
from howdah.processes.readiness import HttpProbe, NotReady, TcpProbe, wait_until_ready
from howdah.processes.spawner import Spawner, bare_python

ENV = {"PATH": os.environ["PATH"]}


@pytest.fixture
def spawner() -> Iterator[Spawner]:
    with Spawner.start() as started:
        yield started


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_http_probe_wants_a_2xx(free_port: int) -> None:
    assert not HttpProbe(free_port).ready()
    with http.server.HTTPServer(("127.0.0.1", free_port), Answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        assert HttpProbe(free_port, "/ready").ready()
        assert not HttpProbe(free_port, "/busy").ready()
        assert TcpProbe(free_port).ready()
        server.shutdown()


def test_waits_for_a_server_that_comes_up(spawner: Spawner, free_port: int) -> None:
    script = f"import socket; s = socket.create_server(('127.0.0.1', {free_port})); s.accept(); s.accept()"
    child = spawner.spawn(Command((*bare_python(), "-c", script), ENV))
    wait_until_ready(child, TcpProbe(free_port), 30, "the server")
    child.stop(1)


def test_says_that_a_server_ended_before_it_was_ready(spawner: Spawner, free_port: int) -> None:
    child = spawner.spawn(Command(("sh", "-c", "exit 3"), ENV))
    with pytest.raises(NotReady, match="model m exited with code 3 before it was ready"):
        wait_until_ready(child, TcpProbe(free_port), 30, "model m")


def test_says_that_the_time_was_over(spawner: Spawner, free_port: int) -> None:
    child = spawner.spawn(Command(("sleep", "60"), ENV))
    instants = iter(range(0, 1000, 7))
    with pytest.raises(NotReady, match="model m was not ready after 30 s"):
        wait_until_ready(child, TcpProbe(free_port), 30, "model m", now_s=lambda: next(instants))
    child.stop(1)


def test_a_log_is_cut_while_its_writer_holds_it_open(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old\n" * 100)
        assert not rotate(log, 1000)
        assert rotate(log, 100, keep=2)
        writer.write(b"new\n")
        assert log.read_bytes() == b"new\n"
        assert (tmp_path / "a.log.1").read_bytes() == b"old\n" * 25
        writer.write(b"newer\n" * 100)
        assert rotate(log, 100, keep=2)
    assert (tmp_path / "a.log.2").read_bytes() == b"old\n" * 25
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.log", "a.log.1", "a.log.2"]


def test_tail_reads_the_end_only(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    assert tail(log, 3) == []
    log.write_bytes(b"".join(b"line %d\n" % number for number in range(50_000)) + b"\xff")
    assert tail(log, 2) == ["line 49999", "�"]


def test_memory_counts_the_whole_tree(spawner: Spawner, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    hold = f"import time; held = b'x' * 50_000_000; open({str(ready)!r}, 'w').close(); time.sleep(60)"
    python = " ".join(bare_python())
    child = spawner.spawn(Command(("sh", "-c", f'{python} -c "{hold}"; true'), ENV))
    while not ready.exists():
        child.wait(0.01)
    pid = child.record.pid
    assert 50_000_000 < trees.resident_bytes(pid) < 150_000_000
    assert (Limits(memory_bytes=10_000_000).memory_excess(pid) or 0) > 50_000_000
    assert Limits(memory_bytes=10**9).memory_excess(pid) is None
    assert Limits().memory_excess(pid) is None
    child.stop(1)


def test_whole_processors_are_dealt_out_to_who_has_fewest() -> None:
    mine = sorted(os.sched_getaffinity(0))
    processors = Processors()
    assert processors.take(None) is None
    assert processors.take(len(mine)) is None
    if len(mine) > 1:
        dealt = [processors.take(0.5) for _ in mine]
        assert dealt == [frozenset([cpu]) for cpu in mine]
        processors.give_back(dealt[1])
        assert processors.take(1) == dealt[1]


def test_a_child_runs_on_its_processors_only(spawner: Spawner, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = min(os.sched_getaffinity(0))
    command = Command(("nice",), ENV, stdout=log, nice=5, cpus=frozenset([first]))
    spawner.spawn(command).wait()
    assert log.read_text() == f"{os.nice(0) + 5}\n"
    show = f"import os; print(os.sched_getaffinity(0) == {{{first}}})"
    spawner.spawn(Command((*bare_python(), "-c", show), ENV, stdout=log, cpus=frozenset([first]))).wait()
    assert log.read_text().endswith("True\n")
