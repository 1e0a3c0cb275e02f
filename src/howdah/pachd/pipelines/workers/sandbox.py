"""A running sandbox, from the daemon's side: one for each worker, one command at a time.

The sandbox is built once and its init (`init_program.py`) starts a command for each datum.
Whatever must be stopped, for its time, its memory, the disk or on request, is stopped by
killing the sandbox whole; the next datum gets a new one. Output comes through two pipes
that the daemon reads while it waits; when the init reports the command's end, every
process that could still write is dead, so that what stands in the pipes is all there is.
"""

import contextlib
import json
import os
import select
import signal
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from howdah.core.clock import Clock
from howdah.errors import Unavailable
from howdah.pachd.pipelines.workers import isolation as isolations
from howdah.pachd.pipelines.workers.isolation import Isolation
from howdah.pachd.pipelines.workers.layout import View, kernel_switches, mounts, rebuilt, top_entries
from howdah.processes import trees
from howdah.processes.children import AFTERMATH_S, SpawnedChild
from howdah.processes.commands import Command, Exit
from howdah.processes.spawner import CommandNotStarted, Spawner

READ_BYTES = 1 << 16
LARGEST_REPLY = 1 << 16
START_S = 30.0
LOOK_S = 0.1
"""How often limits are looked at while a command runs."""
_CREDENTIALS = struct.Struct("3i")
SCM_CREDENTIALS = 2


@dataclass(frozen=True, slots=True)
class UserCommand:
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: str
    stdin: str | None = None
    """Fed to the command; None is an empty standard input."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: by itself, never begun, or stopped by us."""

    exit: Exit | None = None
    not_started: str = ""
    stopped: str = ""
    """Why it was killed, as `Watch.stop` said."""


class Watch:
    """What goes on beside a running command. Subclassed by the worker."""

    deadline_s: float | None = None

    def output(self, stream: str, data: bytes) -> None:
        """Bytes of `stdout` or `stderr`, as they come."""

    def stop(self) -> str:
        """Asked every LOOK_S: why the command must be killed now, or empty."""
        return ""


class Sandbox:
    """Used by one thread; `kill`, `interrupt` and `flush` by any."""

    def __init__(
        self, child: SpawnedChild, control: socket.socket, pipes: tuple[int, int], clock: Clock, init_pid: int
    ) -> None:
        self._child = child
        self._control = control
        self._pipes = {pipes[0]: "stdout", pipes[1]: "stderr"}
        self._clock = clock
        self._wake_read, self._wake_write = os.pipe()
        self._open = threading.RLock()
        """Held by whoever may come late to a descriptor: the number of a closed one is soon another's."""
        self._closed = False
        self._watch: Watch | None = None
        self.init_pid = init_pid
        """As the daemon sees it, whatever number it has inside."""
        self._own_bytes = trees.resident_bytes(child.record.pid)
        self.alive = True

    @classmethod
    def start(
        cls,
        spawner: Spawner,
        isolation: Isolation,
        view: View,
        clock: Clock,
        *,
        cpus: frozenset[int] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> "Sandbox":
        """Build one. Raises Unavailable with the reason when the system refuses."""
        tree = mounts(view, top_entries(), kernel_switches(), rebuilt(view)) if isolation.shuts_in else []
        root = view.folder / "root"
        root.mkdir(exist_ok=True)
        argv = [word.replace("{root}", str(root)) for word in isolations.argv(isolation, tree)]
        with contextlib.ExitStack() as undo:  # the daemon may end at any moment, and the spawner with it
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            if sys.platform == "linux":
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            with (
                theirs,
                _pipe(undo) as (out, out_end),
                _pipe(undo) as (err, err_end),
                tempfile.TemporaryFile(dir=view.folder) as spec,
            ):
                spec.write(isolations.tree_json(tree))
                spec.seek(0)
                command = Command(
                    tuple(argv),
                    {"PATH": os.defpath, **(env or {})},
                    stdout=out_end,
                    stderr=err_end,
                    pass_fds={0: spec.fileno(), 3: theirs.fileno()},
                    cpus=cpus,
                )
                try:
                    child = spawner.spawn(command)
                except CommandNotStarted as error:
                    raise Unavailable(f"no sandbox: {error}") from error
            ours.settimeout(START_S)
            hello, pid = _receive_with_sender(ours)
            if hello is None or not hello.get("ready"):
                reason = _drain(err).decode(errors="replace").strip() or "it ended at once"
                child.signal(signal.SIGKILL)
                raise Unavailable(f"no sandbox: {reason}")
            sandbox = cls(child, ours, (out, err), clock, pid or child.record.pid)
            undo.pop_all()
            return sandbox

    def run(self, command: UserCommand, watch: Watch) -> Ended:
        """Run one command to its end; afterwards nothing that it started is alive."""
        request = {
            "argv": list(command.argv),
            "env": dict(command.env),
            "cwd": command.cwd,
            "stdin": command.stdin,
        }
        body = json.dumps(request).encode()
        try:
            self._control.sendall(len(body).to_bytes(4, "big") + body)
        except OSError:
            self.kill()
            return Ended(stopped="the worker's sandbox was killed")
        self._watch = watch
        try:
            return self._wait(watch)
        finally:
            self._watch = None

    def _wait(self, watch: Watch) -> Ended:
        poll = select.poll()
        for fd in (*self._pipes, self._control.fileno(), self._wake_read):
            poll.register(fd, select.POLLIN)
        next_look = self._clock.monotonic_s() + LOOK_S
        while True:
            now = self._clock.monotonic_s()
            until = next_look if watch.deadline_s is None else min(next_look, watch.deadline_s)
            ready = {fd for fd, _ in poll.poll(max(0.0, until - now) * 1000)}
            for fd in ready & self._pipes.keys():
                if not self._pass_on(fd, watch):
                    poll.unregister(fd)
            if self._control.fileno() in ready:
                return self._reply(watch)
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            now = self._clock.monotonic_s()
            if self._wake_read in ready or now >= next_look or (watch.deadline_s or now + 1) <= now:
                next_look = now + LOOK_S
                if reason := watch.stop():
                    self.kill()
                    self._rest(watch)
                    return Ended(stopped=reason)

    def _pass_on(self, fd: int, watch: Watch) -> bool:
        """One piece, if there is any; False at the end of the stream."""
        with self._open:  # reading and handing on are one step, or `flush` could overtake a piece
            data = _read(fd)
            if data:
                watch.output(self._pipes[fd], data)
            return data != b""

    def _reply(self, watch: Watch) -> Ended:
        reply, _ = _receive_with_sender(self._control)
        self._rest(watch)
        if reply is None:
            self.kill()
            return Ended(stopped="the worker's sandbox was killed")
        if "error" in reply:
            return Ended(not_started=str(reply["error"]))
        status = reply.get("status")
        if not isinstance(status, int):
            self.kill()
            return Ended(stopped="the worker's sandbox broke its protocol")
        return Ended(Exit.from_status(status))

    def _rest(self, watch: Watch) -> None:
        with self._open:
            for fd, stream in self._pipes.items():
                while data := _read(fd):
                    watch.output(stream, data)

    def interrupt(self) -> None:
        """Make a `run` in progress ask `Watch.stop` at once."""
        with self._open:
            if not self._closed:
                os.write(self._wake_write, b"!")

    def flush(self) -> None:
        """Hand on all that a command which runs now has said so far."""
        with self._open:
            watch = self._watch
            if watch is not None and not self._closed:
                for fd in self._pipes:
                    self._pass_on(fd, watch)  # one piece is as much as a pipe holds

    def memory_bytes(self) -> int:
        """What user code holds: all processes inside, less the sandbox's own."""
        return max(0, trees.resident_bytes(self._child.record.pid) - self._own_bytes)

    def kill(self) -> None:
        """Kill everything inside and wait until it is gone. Idempotent."""
        if not self.alive:
            return
        self.alive = False
        watched = _pidfd(self.init_pid)
        self._child.signal(signal.SIGKILL)
        self._child.wait(AFTERMATH_S)
        if watched is not None:
            # The init is a zombie only after everything in its namespace has ended.
            poll = select.poll()
            poll.register(watched, select.POLLIN)
            poll.poll(AFTERMATH_S * 1000)
            os.close(watched)

    def close(self) -> None:
        self.kill()
        with self._open:
            if self._closed:
                return
            self._closed = True
            _close(self._control, *self._pipes, self._wake_read, self._wake_write)


def root_of(sandbox: Sandbox) -> Path:
    """The sandbox's own view of files, as long as it lives: its links lead where they lead inside."""
    return Path(f"/proc/{sandbox.init_pid}/root")


@contextlib.contextmanager
def _pipe(undo: contextlib.ExitStack) -> Iterator[tuple[int, int]]:
    """The end to read from, without waiting, which `undo` closes, and the one for the child, which is
    closed here."""
    ours, theirs = os.pipe()
    undo.callback(os.close, ours)
    os.set_blocking(ours, False)
    try:
        yield ours, theirs
    finally:
        os.close(theirs)


def _pidfd(pid: int) -> int | None:
    if sys.platform != "linux":
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _receive_with_sender(control: socket.socket) -> tuple[dict[str, object] | None, int]:
    """One frame and the sender's process number, or None when the other end is closed or silent."""
    pid = 0
    head = b""
    try:
        while len(head) < 4:
            piece, ancillary, _, _ = control.recvmsg(4 - len(head), socket.CMSG_SPACE(_CREDENTIALS.size))
            if not piece:
                return None, pid
            head += piece
            for level, kind, data in ancillary:
                if level == socket.SOL_SOCKET and kind == SCM_CREDENTIALS:
                    pid = _CREDENTIALS.unpack(data)[0]
        size = int.from_bytes(head, "big")
        if size > LARGEST_REPLY:
            return None, pid
        body = b""
        while len(body) < size:
            piece = control.recv(size - len(body))
            if not piece:
                return None, pid
            body += piece
        reply = json.loads(body)
    except (OSError, ValueError):
        return None, pid
    return (reply if isinstance(reply, dict) else None), pid


def _read(fd: int) -> bytes | None:
    """None when there is nothing now, empty when there never will be."""
    try:
        return os.read(fd, READ_BYTES)
    except BlockingIOError:
        return None


def _drain(fd: int) -> bytes:
    data = b""
    while piece := _read(fd):
        data += piece
    return data


def _close(*things: int | socket.socket) -> None:
    for thing in things:
        if isinstance(thing, int):
            os.close(thing)
        else:
            thing.close()
