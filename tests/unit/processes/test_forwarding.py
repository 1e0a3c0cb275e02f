"""One port that leads to another."""

import socket
import threading
from collections.abc import Iterator

import pytest

from howdah.processes.forwarding import LOOPBACK, Forward


@pytest.fixture
def loud() -> Iterator[int]:
    """Says what it heard in capitals once the other has said all."""
    door = socket.create_server((LOOPBACK, 0))

    def serve() -> None:
        while True:
            try:
                link, _ = door.accept()
            except OSError:
                return
            with link:
                heard = b""
                while data := link.recv(1 << 16):
                    heard += data
                link.sendall(heard.upper())

    thread = threading.Thread(target=serve)
    thread.start()
    yield door.getsockname()[1]
    door.shutdown(socket.SHUT_RDWR)
    door.close()
    thread.join()


def ask(port: int, words: bytes) -> bytes:
    with socket.create_connection((LOOPBACK, port), timeout=10) as link:
        link.sendall(words)
        link.shutdown(socket.SHUT_WR)
        answer = b""
        while data := link.recv(1 << 16):
            answer += data
        return answer


def test_bytes_pass_both_ways_and_ends_are_told(loud: int) -> None:
    with Forward(0, loud) as forward:
        assert ask(forward.port, b"abc") == b"ABC"
        large = b"x" * (1 << 20)
        assert ask(forward.port, large) == large.upper()


def test_who_finds_nobody_behind_it_is_let_go() -> None:
    with socket.create_server((LOOPBACK, 0)) as probe:
        nobody = probe.getsockname()[1]
    with Forward(0, nobody) as forward:
        assert ask(forward.port, b"") == b""


def test_closing_cuts_what_is_connected_and_frees_the_port(loud: int) -> None:
    forward = Forward(0, loud)
    link = socket.create_connection((LOOPBACK, forward.port), timeout=10)
    link.sendall(b"abc")
    while not forward._connected:  # until it has reached the other end
        threading.Event().wait(0.001)
    forward.close()
    assert link.recv(10) == b""
    link.close()
    Forward(forward.port, loud).close()


def test_a_port_in_use_is_refused(loud: int) -> None:
    with pytest.raises(OSError, match="in use"):
        Forward(loud, loud)
