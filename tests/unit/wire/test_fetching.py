"""A URL reaches only where the operator lets it, by the address that was checked."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from howdah.errors import Invalid, Unavailable
from howdah.pachd.wire.fetching import Fetcher


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "http://169.254.169.254/latest/meta-data")
            self.end_headers()
            return
        if self.path in ("/nowhere", "/no-port"):
            self.send_response(302)
            self.send_header("Location", "http://[" if self.path == "/nowhere" else "http://localhost:99999/")
            self.end_headers()
            return
        if self.path == "/round":
            self.send_response(302)
            self.send_header("Location", "/round")
            self.end_headers()
            return
        body = b"data of " + self.path.encode()
        self.send_response(200 if self.path != "/gone" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Site) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def read(fetcher: Fetcher, url: str) -> bytes:
    return b"".join(piece for _, piece in fetcher.fetch(url, "/x", recursive=False))


def test_a_host_that_is_listed_is_read(port: int) -> None:
    fetcher = Fetcher(["data.example.org"], resolve=lambda name, port: ["127.0.0.1"])
    assert read(fetcher, f"http://data.example.org:{port}/a?b=c") == b"data of /a?b=c"


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://data.example.org/a",
        "s3://bucket/a",
        "http://",
        "http://127.0.0.1/a",
        "http://[::1]/a",
        "http://evil.org/a",
        "http://data.example.org.evil.org/",
        "http://[",
        "http://data.example.org:99999/",
        "http://data.example.org:x/",
    ],
)
def test_everything_else_is_refused_without_a_connection(url: str) -> None:
    def resolve(name: str, port: int) -> list[str]:
        raise AssertionError(f"{name} was looked up")

    with pytest.raises(Invalid):
        read(Fetcher(["data.example.org", "*.other.org"], resolve=resolve), url)


def test_a_pattern_never_reaches_a_private_address(port: int) -> None:
    fetcher = Fetcher(["*.example.org"], resolve=lambda name, port: ["10.0.0.1"])
    with pytest.raises(Invalid, match=r"private address 10\.0\.0\.1"):
        read(fetcher, "http://data.example.org/")


def test_a_redirect_is_checked_like_the_first(port: int) -> None:
    fetcher = Fetcher(["localhost"], resolve=lambda name, port: ["127.0.0.1"])
    with pytest.raises(Invalid, match=r"169\.254\.169\.254 is not allowed"):
        read(fetcher, f"http://localhost:{port}/away")
    with pytest.raises(Invalid, match="redirects"):
        read(fetcher, f"http://localhost:{port}/round")


def test_an_answer_that_is_no_document_is_said(port: int) -> None:
    fetcher = Fetcher(["localhost"], resolve=lambda name, port: ["127.0.0.1"])
    with pytest.raises(Unavailable, match="404"):
        read(fetcher, f"http://localhost:{port}/gone")


def test_a_name_that_no_resolver_takes_has_no_address() -> None:
    with pytest.raises(Unavailable, match="has no address"):
        read(Fetcher(["*.example.org"]), "http://a..example.org/")


@pytest.mark.parametrize("path", ["/nowhere", "/no-port"])
def test_a_redirect_to_what_is_no_url_is_said(port: int, path: str) -> None:
    with pytest.raises(Invalid, match="no URL"):
        read(
            Fetcher(["localhost"], resolve=lambda name, port: ["127.0.0.1"]), f"http://localhost:{port}{path}"
        )


def test_what_is_not_ascii_is_said(port: int) -> None:
    with pytest.raises(Invalid, match="percent signs"):
        read(Fetcher(["localhost"], resolve=lambda name, port: ["127.0.0.1"]), f"http://localhost:{port}/ü")
