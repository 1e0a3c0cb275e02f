"""Fetching what `put file` names by URL, from nowhere that the operator has not allowed.

A URL comes from whoever may call us, and we may stand where they do not: so only http and https, only
to hosts listed in `howdah.toml`, by the address that was checked (the name is resolved once), and each
redirect is checked like the first. A host that is listed by its own name may be private; one that only
matches a pattern may not.
"""

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import SplitResult, urljoin, urlsplit

from howdah.errors import Invalid, Unavailable

_PIECE_BYTES = 1 << 20
_TIMEOUT_S = 30.0
_REDIRECTS = 5
_MOVED = frozenset({301, 302, 303, 307, 308})

Resolve = Callable[[str, int], Sequence[str]]


class Fetcher:
    """`hosts` are names, or `*.example.org` for every name below one."""

    def __init__(self, hosts: Sequence[str], resolve: Resolve | None = None) -> None:
        self._hosts = hosts
        self._resolve = resolve or _addresses

    def fetch(self, url: str, path: str, recursive: bool) -> Iterator[tuple[str, bytes]]:
        """The pieces of the document, to be appended to the file at `path`."""
        if recursive:
            raise Invalid(
                f"put file from {url}: recursive reading needs an object store, which is not served"
            )
        for _ in range(_REDIRECTS + 1):
            parts = _split(url)
            connection = self._connect(parts, url)
            try:
                target = parts._replace(scheme="", netloc="", fragment="").geturl() or "/"
                connection.request("GET", target, headers={"Host": parts.netloc, "User-Agent": "howdah"})
                response = connection.getresponse()
                if response.status in _MOVED:
                    url = _moved(url, response.headers.get("Location", ""))
                    continue
                if response.status != http.client.OK:
                    raise Unavailable(f"put file from {url}: the host answered {response.status}")
                yield path, b""
                while piece := response.read(_PIECE_BYTES):
                    yield path, piece
                return
            except UnicodeError as error:
                raise Invalid(f"put file from {url}: write what is not ASCII with percent signs") from error
            except (OSError, http.client.HTTPException) as error:
                raise Unavailable(f"put file from {url}: {error}") from error
            finally:
                connection.close()
        raise Invalid(f"put file from {url}: more than {_REDIRECTS} redirects")

    def _connect(self, parts: SplitResult, url: str) -> http.client.HTTPConnection:
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Invalid(f"put file from {url}: only http and https URLs are fetched")
        address = self._allowed(parts, url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        return _Pinned(parts, address, port)

    def _allowed(self, parts: SplitResult, url: str) -> str:
        name = (parts.hostname or "").lower()
        by_name = name in self._hosts
        if not by_name and not any(_below(name, pattern) for pattern in self._hosts):
            raise Invalid(
                f"put file from {url}: the host {name} is not allowed; "
                "list it as put_file_hosts under [pachd] in howdah.toml"
            )
        address = next(iter(self._resolve(name, parts.port or 0)), None)
        if address is None:
            raise Unavailable(f"put file from {url}: the name {name} has no address")
        if not by_name and not ipaddress.ip_address(address).is_global:
            raise Invalid(
                f"put file from {url}: {name} is the private address {address}; list it by its name"
            )
        return address


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read here, where a number that is no port can be refused
    except ValueError as error:
        raise Invalid(f"put file from {url}: this is no URL: {error}") from error
    return parts


def _moved(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError as error:
        raise Invalid(f"put file from {url}: it moved to what is no URL: {error}") from error


class _Pinned(http.client.HTTPConnection):
    """To an address that was checked, while host name and certificate stay those of the URL."""

    def __init__(self, parts: SplitResult, address: str, port: int) -> None:
        super().__init__(parts.hostname or "", port, timeout=_TIMEOUT_S)
        self._address = address
        self._secure = parts.scheme == "https"

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._secure:
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)


def _below(name: str, pattern: str) -> bool:
    return pattern.startswith("*.") and name.endswith(pattern[1:])


def _addresses(name: str, port: int) -> Sequence[str]:
    try:
        return [str(info[4][0]) for info in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
    except (socket.gaierror, UnicodeError):  # the latter for labels that are empty or too long
        return ()
