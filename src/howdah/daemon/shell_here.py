"""A terminal into a sandbox: a socket in its private /tmp, a small program at each end.

The program inside listens there, gives the shell a terminal of its own and carries its bytes.
Outside, `carry` takes them to and from the user's terminal.
"""

import contextlib
import os
import select
import socket
import sys
import termios
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from howdah.daemon.datum_here import Bench, Chosen
from howdah.errors import Unavailable
from howdah.pachd.pipelines.spec import Transform

_NAME = "howdah-shell"
_PIECE = 1 << 16
_LOOK_S = 0.02
_INSIDE = """
import fcntl, os, pty, select, socket, struct, sys, termios
came_from = os.getcwd()
os.chdir(os.environ["TMPDIR"])  # a relative name: addresses of sockets must be short
door = socket.socket(socket.AF_UNIX); door.bind(sys.argv[1]); door.listen(1)
os.chdir(came_from)
link, _ = door.accept()
pid, terminal = pty.fork()
if not pid:
    os.environ["TERM"] = sys.argv[4]
    os.execvp(sys.argv[5], sys.argv[5:])
size = struct.pack("HHHH", int(sys.argv[2]), int(sys.argv[3]), 0, 0)
fcntl.ioctl(terminal, termios.TIOCSWINSZ, size)
while True:
    ready, _, _ = select.select([link, terminal], [], [])
    try:
        if terminal in ready:
            link.sendall(os.read(terminal, 65536))
        if link in ready:
            data = link.recv(65536)
            if not data:
                break
            os.write(terminal, data)
    except OSError:
        break
os.close(terminal)
link.close()
"""


def shell(bench: Bench, chosen: Chosen, command: str) -> None:
    """Open `command` where the datum's code would run; returns when it ends."""
    if not sys.stdin.isatty():
        raise Unavailable(
            "a shell needs a terminal", remedy="Use `howdah datum run` to run the pipeline's own command."
        )
    size = os.get_terminal_size()
    words = [_NAME, str(size.lines), str(size.columns), os.environ.get("TERM", "xterm"), command]
    own = chosen.spec.transform
    transform = Transform(
        image=own.image,
        cmd=(getattr(sys, "_base_executable", sys.executable), "-I", "-S", "-c", _INSIDE, *words),
        env=own.env,
        working_dir=own.working_dir,
    )
    # A person may think for as long as they like.
    patient = replace(chosen, spec=replace(chosen.spec, datum_timeout_s=None))
    run = threading.Thread(target=bench.run, args=(patient, None, transform), daemon=True)
    run.start()
    with _connected(bench, run) as link, _raw(sys.stdin.fileno()):
        carry(link, sys.stdin.fileno(), sys.stdout.fileno())
    run.join()


@contextmanager
def _connected(bench: Bench, run: threading.Thread) -> Iterator[socket.socket]:
    """To the program inside, as soon as it listens."""
    with socket.socket(socket.AF_UNIX) as link:
        while not _connect(link, bench.private_tmp()):
            if not run.is_alive():
                raise Unavailable("the sandbox ended before the shell began", why=bench.last_words())
            time.sleep(_LOOK_S)
        yield link


def _connect(link: socket.socket, tmp: Path | None) -> bool:
    if tmp is None or not (tmp / _NAME).exists():
        return False
    folder = os.open(tmp, os.O_RDONLY)
    try:
        short = Path(f"/proc/self/fd/{folder}")
        link.connect(str((short if short.exists() else tmp) / _NAME))
    except OSError:
        return False
    finally:
        os.close(folder)
    return True


@contextmanager
def _raw(terminal: int) -> Iterator[None]:
    before = termios.tcgetattr(terminal)
    tty.setraw(terminal)
    try:
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def carry(link: socket.socket, keys: int, screen: int) -> None:
    """Bytes both ways until the far end closes."""
    with contextlib.suppress(ConnectionError):
        while True:
            ready, _, _ = select.select([link.fileno(), keys], [], [])
            if link.fileno() in ready:
                data = link.recv(_PIECE)
                if not data:
                    return
                os.write(screen, data)
            if keys in ready:
                link.sendall(os.read(keys, _PIECE))
