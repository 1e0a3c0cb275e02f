"""The first process inside a sandbox: starts one command at a time and leaves nothing behind.

It imports nothing of ours, runs without site packages, and lives as long as the worker, so
that a datum costs one spawn and not one sandbox. When a command ends, everything that it
left running is killed: as process 1 of a process namespace, by killing all there is;
elsewhere, as a subreaper, by walking its descendants until there are none.

Frames on descriptor 3, both ways: four bytes of length, then JSON. Asked
{argv, env, cwd, stdin}, it answers {status, user_s, system_s} or {error}. Its own standard
output and error are the command's.
"""

import contextlib
import json
import os
import signal
import sys

CONTROL = 3
SHM = "/dev/shm"
MARK = "HOWDAH_CHILD"


def main() -> None:
    os.set_inheritable(CONTROL, False)
    first = os.getpid() == 1
    if not first:
        become_subreaper()
    send({"ready": True, "namespaces": first})
    while (request := receive()) is not None:
        try:
            pid = start(request)
        except OSError as error:
            send({"error": error.strerror or str(error), "number": error.errno})
            continue
        status, user_s, system_s = wait_for(pid)
        sweep(pid, first)
        send({"status": status, "user_s": user_s, "system_s": system_s})


def start(request: dict[str, object]) -> int:
    env, argv, stdin = request["env"], request["argv"], request["stdin"]
    assert isinstance(env, dict) and isinstance(argv, list) and (stdin is None or isinstance(stdin, str))
    if MARK in os.environ:
        env[MARK] = os.environ[MARK]  # by which the spawner knows whose orphan it is
    cwd = str(request["cwd"])
    try:
        os.chdir(cwd)
    except OSError as error:
        raise OSError(error.errno, f"its working_dir {cwd}: {error.strerror}") from None
    path = find(argv[0], env.get("PATH", os.defpath))
    source = open_stdin(stdin)
    try:
        return os.posix_spawn(
            path,
            argv,
            env,
            file_actions=[(os.POSIX_SPAWN_DUP2, source, 0)],
            setsid=True,
            setsigdef=[signal.SIGPIPE, signal.SIGXFSZ],  # Python starts by ignoring them
        )
    finally:
        os.close(source)


def find(name: str, path: str) -> str:
    if "/" in name:
        return name
    for folder in path.split(os.pathsep):
        candidate = os.path.join(folder, name)
        if os.access(candidate, os.X_OK) and not os.path.isdir(candidate):
            return candidate
    raise FileNotFoundError(2, "no such command on PATH")


def open_stdin(text: str | None) -> int:
    if text is None:
        return os.open(os.devnull, os.O_RDONLY)
    data = text.encode("utf-8", "surrogateescape")
    if hasattr(os, "memfd_create"):
        fd = os.memfd_create("stdin")
    else:
        name = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"stdin-{os.getpid()}")
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        os.unlink(name)
    while data:
        data = data[os.write(fd, data) :]
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


def wait_for(pid: int) -> tuple[int, float, float]:
    while True:
        ended, status, used = os.wait4(-1, 0)
        if ended == pid:
            return status, used.ru_utime, used.ru_stime


def sweep(pid: int, first: bool) -> None:
    if first:
        kill(-1)
        reap()
        clear(SHM)
        return
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
    while left := descendants():  # a process killed may have just forked
        for victim in left:
            kill(victim)
        reap()


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def descendants() -> list[int]:
    found: list[int] = []
    pending = [os.getpid()]
    while pending:
        pid = pending.pop()
        try:
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children") as file:
                    below = [int(word) for word in file.read().split()]
                found += below
                pending += below
        except OSError:
            continue
    return found


def become_subreaper() -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)


def clear(folder: str) -> None:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        try:
            if entry.is_dir(follow_symlinks=False):
                os.chmod(entry.path, 0o700)
                clear(entry.path)
                os.rmdir(entry.path)
            else:
                os.unlink(entry.path)
        except OSError:
            continue


def receive() -> dict[str, object] | None:
    head = read_exactly(4)
    if not head:
        return None
    request: dict[str, object] = json.loads(read_exactly(int.from_bytes(head, "big")))
    return request


def read_exactly(count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = os.read(CONTROL, count - len(data))
        if not piece:
            return b""
        data += piece
    return data


def send(message: dict[str, object]) -> None:
    body = json.dumps(message).encode()
    data = len(body).to_bytes(4, "big") + body
    while data:
        data = data[os.write(CONTROL, data) :]


if __name__ == "__main__":
    main()
