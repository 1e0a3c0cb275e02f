"""One port of this machine that leads to another: what a service's external port is."""

import contextlib
import socket
import threading
from types import TracebackType

LOOPBACK = "127.0.0.1"
_PIECE = 1 << 16


class Forward:
    """Listens from construction on, on the loopback interface only; raises OSError if it cannot.

    Who connects while nobody listens at the other end is disconnected at once. Closing cuts what is
    connected.
    """

    def __init__(self, port: int, to: int) -> None:
        self._to = to
        self._lock = threading.Lock()
        self._closed = False
        self._connected: set[socket.socket] = set()
        self._door = socket.create_server((LOOPBACK, port), backlog=128)
        self.port: int = self._door.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name=f"forward-{port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> "Forward":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            connected = list(self._connected)
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._door.close()
        for each in connected:
            _cut(each)
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._door.accept()
            except OSError:
                return
            threading.Thread(target=self._carry, args=(near,), daemon=True).start()

    def _carry(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError), near, socket.create_connection((LOOPBACK, self._to)) as far:
            pair = {near, far}
            with self._lock:
                if self._closed:
                    return
                self._connected |= pair
            try:
                back = threading.Thread(target=_pump, args=(far, near), daemon=True)
                back.start()
                _pump(near, far)
                back.join()
            finally:
                with self._lock:
                    self._connected -= pair


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Until the source has said all; then the target is told."""
    with contextlib.suppress(OSError):
        while data := source.recv(_PIECE):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _cut(connected: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
