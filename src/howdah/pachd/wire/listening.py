"""Taking a port, or saying in one sentence why it cannot be had."""

import socket

from howdah.errors import Unavailable


def listen(name: str, host: str, port: int) -> socket.socket:
    """A socket bound to `port` (0: any free one), not yet accepting. Unavailable where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise Unavailable(
            f"could not listen on {host}:{port} for {name}",
            why=error.strerror or str(error),
            remedy="Stop what listens there, or choose another port (0 takes any free one).",
        ) from error
    return listening
