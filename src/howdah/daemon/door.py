"""A socket in the state folder, by which the daemon's own user has it do what only the process that holds
the store can do.

The folder is closed to everybody else (`state_folder`), so whoever gets as far as the socket could as well
stop the daemon and do it themselves: no token is asked for, and a path that is named may be any that the
user could write.

A connection is one request, a line of JSON: what is to be done, then by what name which argument. The
answers come back a line each: `{"answer": …}` any number of times, at the end `{"done": true}` or
`{"error": …}`, which is raised where the request was made. Without either the daemon has died.
"""

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
_BRANCHES = {
    branch.__name__: branch for branch in (NotFound, AlreadyExists, Invalid, Conflict, Corrupt, Unavailable)
}

_log = logs.get("daemon.door")

type Answers = Callable[[JsonObject], Generator[Json]]


class Door:
    """Open from construction to `close`, which waits for what is being done."""

    def __init__(self, state: Path, answers: Answers) -> None:
        """`answers` is called for each request, in a thread of its own."""
        self._path = state / NAME
        self._path.unlink(missing_ok=True)  # a daemon that was killed leaves it behind
        with _short(state) as folder:
            self._server = _Server(str(folder / NAME), answers)
        self._thread = threading.Thread(target=self._server.serve_forever, name="door", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def ask(state: Path, act: str, **arguments: Json) -> Iterator[Json]:
    """What the daemon of this folder answers, as it comes; raises what the act raised there.
    ConnectionError or FileNotFoundError when nobody listens."""
    with socket.socket(socket.AF_UNIX) as link:
        with _short(state) as folder:
            link.connect(str(folder / NAME))
        link.sendall(json.dumps({"act": act, **arguments}).encode() + b"\n")
        with link.makefile() as lines:
            for line in lines:
                if not line.endswith("\n"):
                    break
                said = as_object(json.loads(line))
                if "done" in said:
                    return
                if "error" in said:
                    raise _error(as_object(said["error"]))
                yield said["answer"]
    raise Unavailable("the daemon broke off before it was done", remedy="See its log.")


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False
    block_on_close = True

    def __init__(self, path: str, answers: Answers) -> None:
        self.answers = answers
        super().__init__(path, _Request)

    def handle_error(self, request: object, client_address: object) -> None:
        _log.exception("a request at the door failed")


class _Request(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        asked = as_object(json.loads(self.rfile.readline()))
        # Whoever asked may have gone away: then nobody is left to be told, and what can be stopped stops.
        with closing(self.server.answers(asked)) as answers, suppress(ConnectionError):
            try:
                for answer in answers:
                    self._say({"answer": answer})
                self._say({"done": True})
            except HowdahError as error:
                self._say({"error": _told(error)})

    def _say(self, said: JsonObject) -> None:
        self.wfile.write(json.dumps(said).encode() + b"\n")


def _told(error: HowdahError) -> JsonObject:
    branch = next((name for name, branch in _BRANCHES.items() if isinstance(error, branch)), "")
    return {"branch": branch, "what": str(error), "why": error.why, "remedy": error.remedy}


def _error(told: JsonObject) -> HowdahError:
    branch = _BRANCHES.get(as_text(told["branch"]), Unavailable)
    return branch(as_text(told["what"]), why=as_text(told["why"]), remedy=as_text(told["remedy"]))


@contextmanager
def _short(folder: Path) -> Iterator[Path]:
    """The folder under a name that fits into a socket's address, which takes a hundred bytes."""
    open_folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        short = Path(f"/proc/self/fd/{open_folder}")
        yield short if short.exists() else folder
    finally:
        os.close(open_folder)
