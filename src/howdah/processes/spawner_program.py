"""The program of the spawner process. It imports nothing of ours and is run by its path.

It sits between the daemon and every child because forking a process with a
thousand gRPC threads is slow and unsafe, and because a parent-death signal fires when
the *thread* that forked ends. This process has one thread and a few megabytes.

Guarantees: a child leads its own session; when it ends, what is left of its process
group and everything that it daemonised is killed (this process is a subreaper, and each
child's environment carries a mark by which orphans are told apart); when the daemon
goes away, however suddenly, its socket closes, and the children that must die with it
are killed in the same way while the others are left running.

Frames on the socket, both ways: four bytes of length, then JSON; descriptors travel
with the length.
"""

import contextlib
import ctypes
import json
import os
import select
import signal
import socket
import sys

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
MARK = "HOWDAH_CHILD"
MAX_FDS = 16

Message = dict[str, object]


class Spawner:
    def __init__(self, daemon: socket.socket) -> None:
        self.daemon = daemon
        self.prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
        self.children: dict[int, tuple[str, bool]] = {}  # pid -> (mark, dies with the daemon)
        self.wake_read, self.wake_write = os.pipe()
        os.set_blocking(self.wake_read, False)
        os.set_blocking(self.wake_write, False)

    def run(self) -> None:
        if self.prctl is not None:
            self.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(ignored, signal.SIG_IGN)  # it goes when the daemon goes
        poll = select.poll()
        poll.register(self.daemon, select.POLLIN)
        poll.register(self.wake_read, select.POLLIN)
        while True:
            ready = {fd for fd, _ in poll.poll()}
            if self.wake_read in ready:
                os.read(self.wake_read, 4096)
            if self.daemon.fileno() in ready and not self.serve():
                break
            self.reap()
        for pid, (_, dies) in list(self.children.items()):
            if dies:
                self.kill_group(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)  # what it daemonised becomes ours only once it has ended
                self.kill_orphans(pid)

    def serve(self) -> bool:
        """Carry out one request; False when the daemon has gone."""
        received = receive(self.daemon)
        if received is None:
            return False
        request, fds = received
        if request["op"] == "spawn":
            self.send(self.spawn(request, fds))
        else:
            pid, number = request["pid"], request["signal"]
            assert isinstance(pid, int) and isinstance(number, int)
            if pid in self.children:  # otherwise the number may be another process by now
                self.kill_group(pid, number)
        return True

    def spawn(self, request: Message, fds: list[int]) -> Message:
        report_read, report_write = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            try:
                become(self.prctl, parent, request, fds)
            except BaseException as error:  # noqa: BLE001 - the forked child must not return
                os.write(report_write, str(error).encode()[:4000])
            os._exit(127)
        os.close(report_write)
        for fd in fds:
            os.close(fd)
        with open(report_read, "rb") as report:
            failure = report.read().decode()
        if failure:
            os.waitpid(pid, 0)
            return {"reply": request["id"], "error": failure}
        env = request["env"]
        assert isinstance(env, dict)
        self.children[pid] = (str(env[MARK]), bool(request["dies"]))
        return {"reply": request["id"], "pid": pid}

    def reap(self) -> None:
        while True:
            try:
                # Left as a zombie for a moment: its number still names its group.
                info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if info is None:
                return
            pid = info.si_pid
            known = pid in self.children
            if known:
                self.kill_group(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            if known:
                self.kill_orphans(pid)
                del self.children[pid]
                self.send({"exit": pid, "status": status})

    def kill_group(self, pid: int, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)

    def kill_orphans(self, pid: int) -> None:
        """Kill what `pid` daemonised: such processes have become children of this one."""
        mark = f"{MARK}={self.children[pid][0]}".encode()
        for _ in range(100):  # each round may orphan another generation
            orphans = [p for p in offspring(os.getpid()) if p not in self.children and carries(p, mark)]
            if not orphans:
                return
            for orphan in orphans:
                for victim in (orphan, *descendants(orphan)):
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(victim, signal.SIGKILL)
            for orphan in orphans:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan, 0)

    def send(self, message: Message) -> None:
        body = json.dumps(message).encode()
        with contextlib.suppress(OSError):  # the daemon has gone; the loop is about to see it
            self.daemon.sendall(len(body).to_bytes(4, "big") + body)


def become(prctl: object, parent: int, request: Message, fds: list[int]) -> None:
    """In the forked child: turn into the program asked for."""
    argv, env, cpus, targets = request["argv"], request["env"], request["cpus"], request["fds"]
    assert isinstance(argv, list) and isinstance(env, dict) and isinstance(targets, list)
    signal.set_wakeup_fd(-1)
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python starts by ignoring it
    if callable(prctl) and request["dies"]:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(127)
    if request["nice"]:
        os.nice(int(str(request["nice"])))
    if isinstance(cpus, list) and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cpus)
    # Move every descriptor out of the way first: a target may be another's source.
    high = [dup_above(fd, 64) for fd in fds]
    for target, fd in zip(targets, high, strict=True):
        os.dup2(fd, target, inheritable=True)
    for target in (0, 1, 2):
        if target not in targets:
            null = os.open(os.devnull, os.O_RDWR)
            os.dup2(null, target, inheritable=True)
    os.chdir(str(request["cwd"]))
    os.execvpe(argv[0], argv, env)


def dup_above(fd: int, floor: int) -> int:
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, floor)


def offspring(pid: int) -> list[int]:
    """Its children's numbers, whichever of its threads forked them."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{thread}/children") as file:
                found += map(int, file.read().split())
    except OSError:
        pass  # gone, or a system without /proc: process groups are all there is
    return found


def descendants(pid: int) -> list[int]:
    found = []
    pending = [pid]
    while pending:
        children = offspring(pending.pop())
        found += children
        pending += children
    return found


def carries(pid: int, mark: bytes) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return mark in file.read().split(b"\0")
    except OSError:
        return False


def receive(stream: socket.socket) -> tuple[Message, list[int]] | None:
    head, fds, _, _ = socket.recv_fds(stream, 4, MAX_FDS)
    for fd in fds:
        os.set_inheritable(fd, False)
    while 0 < len(head) < 4:
        more = stream.recv(4 - len(head))
        if not more:
            return None
        head += more
    if not head:
        return None
    body = bytearray()
    while len(body) < int.from_bytes(head, "big"):
        piece = stream.recv(int.from_bytes(head, "big") - len(body))
        if not piece:
            return None
        body += piece
    return json.loads(bytes(body)), fds


if __name__ == "__main__":
    channel = socket.socket(fileno=int(sys.argv[1]))
    channel.set_inheritable(False)  # a child that held it would hide the daemon's end, and ours
    Spawner(channel).run()
