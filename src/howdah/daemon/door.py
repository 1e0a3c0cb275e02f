"""A socket in the state folder, by which the daemon's own user has it do what only the process that holds
the store can do.

The folder is closed to everybody else (`state_folder`), so whoever gets as far as the socket could as well
stop the daemon and do it themselves: no token is asked for, and a path that is named may be any that the
user could write.

A connection is one request, a line of JSON: what is to be done, then by what name which argument. The
answers come back a line each: `{"answer": …}` any number of times, at the end `{"done": true}` or
`{"error": …}`, which is raised where the request was made; what the system refused there, too. Without
either the daemon has died.

Whoever connects and asks nothing, or asks and does not read, holds up nobody and not the door's closing.
"""

import errno
import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from howdah.core import logs
from howdah.core.json import Json, JsonObject, as_object, as_text
from howdah.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    HowdahError,
    Invalid,
    NotFound,
    Unavailable,
)

NAME = "door"
_ASKING_S = 10.0
"""For a request to arrive: who connects has it ready."""
_PATIENCE_S = 5.0
_BRANCHES = {
    branch.__name__: branch for branch in (NotFound, AlreadyExists, Invalid, Conflict, Corrupt, Unavailable)
}

_log = logs.get("daemon.door")

type Answers = Callable[[JsonObject], Generator[Json]]


class NobodyAnswers(Unavailable):
    """No daemon listens at this folder's door."""


class Door:
    """Open from construction to `close`, which waits for what is being done: tell it to end before."""

    def __init__(self, state: Path, answers: Answers, *, patience_s: float = _PATIENCE_S) -> None:
        """`answers` is called for each request, in a thread of its own. At the end what is still to be
        said is waited for as long as the patience lasts."""
        self._patience_s = patience_s
        self._path = state / NAME
        self._path.unlink(missing_ok=True)  # a daemon that was killed leaves it behind
        with _short(state) as folder:
            self._server = _Server(str(folder / NAME), answers)
        self._thread = threading.Thread(target=self._server.serve_forever, name="door", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server.shutdown()
        self._server.break_off(self._patience_s)
        self._server.server_close()
        self._thread.join()


def ask(state: Path, act: str, **arguments: Json) -> Iterator[Json]:
    """What the daemon of this folder answers, as it comes; raises what the act raised there, an OSError
    of the daemon's as one. NobodyAnswers."""
    with socket.socket(socket.AF_UNIX) as link:
        try:
            with _short(state) as folder:
                link.connect(str(folder / NAME))
        except (ConnectionRefusedError, FileNotFoundError) as error:
            raise NobodyAnswers(f"nobody listens at {state / NAME}") from error
        for line in _exchange(link, json.dumps({"act": act, **arguments})):
            said = as_object(json.loads(line))
            if "done" in said:
                return
            if "refused" in said:
                raise _refusal(as_object(said["refused"]))
            if "error" in said:
                raise _error(as_object(said["error"]))
            yield said["answer"]
    raise Unavailable("the daemon broke off before it was done", remedy="See its log.")


def _exchange(link: socket.socket, line: str) -> Iterator[str]:
    """Whole lines only: a daemon that dies leaves half of one, or a broken connection."""
    with suppress(ConnectionError):
        link.sendall(line.encode() + b"\n")
        with link.makefile() as lines:
            yield from (each for each in lines if each.endswith("\n"))


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, path: str, answers: Answers) -> None:
        self.answers = answers
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        super().__init__(path, _Request)

    def process_request(self, request: socket.socket, client_address: object) -> None:  # type: ignore[override]
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket) -> None:  # type: ignore[override]
        with self._changed:
            self._open.discard(request)
            self._changed.notify_all()
        super().shutdown_request(request)

    def break_off(self, patience_s: float) -> None:
        """Wait no longer for requests, and for readers no longer than this. Nobody new may come any more."""
        with self._changed:
            self._shut(socket.SHUT_RD)
            self._changed.wait_for(lambda: not self._open, patience_s)
            self._shut(socket.SHUT_RDWR)

    def _shut(self, how: int) -> None:
        for request in self._open:
            with suppress(OSError):  # the other side has gone
                request.shutdown(how)

    def handle_error(self, request: object, client_address: object) -> None:
        _log.exception("a request at the door failed")


class _Request(socketserver.StreamRequestHandler):
    server: _Server
    timeout = _ASKING_S

    def handle(self) -> None:
        try:
            line = self.rfile.readline()
        except (ConnectionError, TimeoutError):
            return
        if not line.endswith(b"\n"):
            return  # nothing was asked, or not the whole of it
        self.connection.settimeout(None)  # whoever reads may take its time
        asked = as_object(json.loads(line))
        # Whoever asked may have gone away: then nobody is left to be told, and what can be stopped stops.
        with closing(self.server.answers(asked)) as answers, suppress(ConnectionError):
            try:
                for answer in answers:
                    self._say({"answer": answer})
                self._say({"done": True})
            except ConnectionError:
                raise
            except HowdahError as error:
                self._say({"error": _told(error)})
            except OSError as error:
                if error.errno is None:
                    raise
                self._say({"refused": _of_the_system(error)})

    def _say(self, said: JsonObject) -> None:
        self.wfile.write(json.dumps(said).encode() + b"\n")


def _told(error: HowdahError) -> JsonObject:
    branch = next((name for name, branch in _BRANCHES.items() if isinstance(error, branch)), "")
    return {"branch": branch, "what": str(error), "why": error.why, "remedy": error.remedy}


def _error(told: JsonObject) -> HowdahError:
    branch = _BRANCHES.get(as_text(told["branch"]), Unavailable)
    return branch(as_text(told["what"]), why=as_text(told["why"]), remedy=as_text(told["remedy"]))


def _of_the_system(error: OSError) -> JsonObject:
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if name is not None]
    return {"errno": error.errno, "names": [*names]}


def _refusal(told: JsonObject) -> OSError:
    match told:
        case {"errno": int(number), "names": [str(name), str(second)]}:
            return OSError(number, os.strerror(number), name, None, second)
        case {"errno": int(number), "names": [str(name)]}:
            return OSError(number, os.strerror(number), name)
        case {"errno": int(number)}:
            return OSError(number, os.strerror(number))
    return OSError(errno.EIO, os.strerror(errno.EIO))


@contextmanager
def _short(folder: Path) -> Iterator[Path]:
    """The folder under a name that fits into a socket's address, which takes a hundred bytes."""
    open_folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        short = Path(f"/proc/self/fd/{open_folder}")
        yield short if short.exists() else folder
    finally:
        os.close(open_folder)
