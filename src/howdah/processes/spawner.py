"""The daemon's end of the spawner process: start children, hear how they end.

`Spawner.start()` belongs before the first gRPC server and the first thread. What the
spawner process itself guarantees stands in `spawner_program.py`.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from howdah.core.clock import Clock, SystemClock
from howdah.errors import Invalid, Unavailable
from howdah.processes import identity, spawner_program
from howdah.processes.children import ChildRecord, SpawnedChild
from howdah.processes.commands import Command, Exit, Lifetime


class CommandNotStarted(Invalid):
    """The program could not be started: it does not exist or may not be executed."""


def bare_python() -> list[str]:
    """The interpreter as it starts fastest: no site packages, no environment, no user folder."""
    return [getattr(sys, "_base_executable", "") or sys.executable, "-I", "-S"]


class Spawner:
    """One spawner process. Thread-safe; close it last.

    If the process is killed, children that die with the daemon die with it, the others
    go on, and every later call raises Unavailable.
    """

    def __init__(self, channel: socket.socket, process: subprocess.Popen[bytes], clock: Clock) -> None:
        self._channel = channel
        self._process = process
        self._clock = clock
        self._sending = threading.Lock()
        self._waiting: dict[str, _Reply] = {}
        self._children: dict[int, SpawnedChild] = {}
        self._gone = False
        self._reader = threading.Thread(target=self._read, name="spawner", daemon=True)
        self._reader.start()

    @classmethod
    def start(cls, clock: Clock | None = None) -> "Spawner":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        number = theirs.fileno()
        argv = [*bare_python(), spawner_program.__file__, str(number)]
        # Its own session: Ctrl-C in the daemon's terminal is not for it.
        process = subprocess.Popen(
            argv,
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.defpath},
            start_new_session=True,
        )
        theirs.close()
        return cls(ours, process, clock or SystemClock())

    @property
    def pid(self) -> int:
        return self._process.pid

    def spawn(self, command: Command, configuration: str | None = None) -> SpawnedChild:
        """Start `command`; returns once the program itself is running.

        `configuration` is what an adoption must match, by default `command.digest()`.
        Raises CommandNotStarted with the system's reason.
        """
        mark = uuid.uuid4().hex
        with contextlib.ExitStack() as stack:
            fds = dict(command.pass_fds)
            for number, target in ((1, command.stdout), (2, command.stderr)):
                if target is not None:
                    fds[number] = (
                        target if isinstance(target, int) else stack.enter_context(_appending(target))
                    )
            reply = _Reply(configuration or command.digest())
            request = {
                "op": "spawn",
                "id": mark,
                "argv": list(command.argv),
                "env": {**command.env, spawner_program.MARK: mark},
                "cwd": str(command.cwd),
                "dies": command.lifetime is Lifetime.DIES_WITH_DAEMON,
                "nice": command.nice,
                "cpus": None if command.cpus is None else sorted(command.cpus),
                "fds": list(fds),
            }
            self._waiting[mark] = reply
            self._send(request, list(fds.values()))
            reply.arrived.wait()
        if reply.child is None:
            if self._gone:
                raise Unavailable("the spawner process has ended; restart the daemon")
            raise CommandNotStarted(f"cannot start {command.argv[0]!r}: {reply.error}")
        return reply.child

    def close(self) -> None:
        """End the spawner process and every child that dies with the daemon."""
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_WR)
        self._process.wait()
        self._reader.join()
        self._channel.close()

    def __enter__(self) -> "Spawner":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _send(self, request: dict[str, object], fds: list[int]) -> None:
        body = json.dumps(request).encode()
        frame = len(body).to_bytes(4, "big") + body
        try:
            with self._sending:
                # Descriptors travel with the four bytes of the length, and with nothing else.
                socket.send_fds(self._channel, [frame[:4]], fds)
                self._channel.sendall(frame[4:])
        except OSError as error:
            raise Unavailable("the spawner process has ended; restart the daemon") from error

    def _signal(self, pid: int, number: int) -> None:
        with contextlib.suppress(Unavailable):  # then the child is gone, or no longer ours to signal
            self._send({"op": "signal", "pid": pid, "signal": number}, [])

    def _read(self) -> None:
        while (received := self._receive()) is not None:
            if "exit" in received:
                child = self._children.pop(int(str(received["exit"])))
                child.end(Exit.from_status(int(str(received["status"]))))
                continue
            reply = self._waiting.pop(str(received["reply"]))
            if "pid" in received:
                pid = int(str(received["pid"]))
                # It cannot be another process yet: its end is reported after its start.
                start = identity.started(pid) or ""
                reply.child = SpawnedChild(ChildRecord(pid, start, reply.configuration), self._signal)
                self._children[pid] = reply.child
            else:
                reply.error = str(received["error"])
            reply.arrived.set()
        self._gone = True
        for reply in list(self._waiting.values()):
            reply.arrived.set()
        for child in list(self._children.values()):
            child.end(Exit())

    def _receive(self) -> dict[str, object] | None:
        try:
            received = spawner_program.receive(self._channel)
        except OSError:
            return None
        return None if received is None else received[0]


class _Reply:
    def __init__(self, configuration: str) -> None:
        self.configuration = configuration
        self.arrived = threading.Event()
        self.child: SpawnedChild | None = None
        self.error = ""


@contextlib.contextmanager
def _appending(path: Path) -> Iterator[int]:
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield fd
    finally:
        os.close(fd)
