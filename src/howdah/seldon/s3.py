"""The two S3 requests that fetching a model needs: list and get, signed (version 4)."""

import hashlib
import hmac
import http.client
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

from howdah.errors import Invalid, NotFound, Unavailable

TIMEOUT_S = 60.0
BLOCK_BYTES = 1 << 20
EMPTY = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Remote:
    """An S3 endpoint and the keys to it, as rclone's configuration variables name them."""

    endpoint: str
    access_key: str = ""
    secret_key: str = ""
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True)
class Item:
    key: str
    size_bytes: int
    etag: str


class Bucket:
    def __init__(self, remote: Remote, bucket: str) -> None:
        parts = urlsplit(remote.endpoint if "//" in remote.endpoint else f"http://{remote.endpoint}")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise Invalid(f"the S3 endpoint {remote.endpoint!r} is no address")
        self._remote, self._bucket = remote, bucket
        self._host, self._secure = parts.netloc, parts.scheme == "https"

    def list(self, prefix: str) -> Iterator[Item]:
        token = ""
        while True:
            query = {"list-type": "2", "prefix": prefix}
            if token:
                query["continuation-token"] = token
            try:
                with self._answer(f"/{self._bucket}", query) as response:
                    root = ElementTree.fromstring(response.read())
            except (ElementTree.ParseError, http.client.HTTPException) as error:
                words = f"the object store at {self._host} does not list {self._bucket}: {error!r}"
                raise Unavailable(words) from error
            space = root.tag.partition("}")[0] + "}" if root.tag.startswith("{") else ""
            for entry in root.iter(f"{space}Contents"):
                text = {child.tag.removeprefix(space): child.text or "" for child in entry}
                yield Item(text["Key"], int(text.get("Size", "0")), text.get("ETag", "").strip('"'))
            token = root.findtext(f"{space}NextContinuationToken") or ""
            if not token:
                return

    def get(self, key: str, into: BinaryIO) -> int:
        size = 0
        try:
            with self._answer(f"/{self._bucket}/{key}", {}) as response:
                while block := response.read(BLOCK_BYTES):
                    size += into.write(block)
        except http.client.HTTPException as error:
            raise Unavailable(f"the object store at {self._host} broke off in {key}: {error!r}") from error
        return size

    @contextmanager
    def _answer(self, path: str, query: dict[str, str]) -> Iterator[http.client.HTTPResponse]:
        """To a request with a connection of its own, which ends with the block."""
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        with closing(kind(self._host, timeout=TIMEOUT_S)) as connection:
            yield self._asked(connection, path, query)

    def _asked(
        self, connection: http.client.HTTPConnection, path: str, query: dict[str, str]
    ) -> http.client.HTTPResponse:
        encoded = quote(path, safe="/~-_.")
        asked = urlencode(sorted(query.items()), quote_via=quote, safe="~-_.")
        try:
            connection.request(
                "GET", encoded + (f"?{asked}" if asked else ""), headers=self._signed(encoded, asked)
            )
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"the object store at {self._host} does not answer: {error}") from error
        if response.status == 404:
            raise NotFound(f"s3:/{path} does not exist at {self._host}")
        if response.status == 403:
            raise Invalid(
                f"s3:/{path}: access denied at {self._host}; check the secret that envSecretRefName names"
            )
        if response.status != 200:
            body = response.read(200).decode(errors="replace")
            raise Unavailable(f"s3:/{path} answered {response.status} at {self._host}: {body}")
        return response

    def _signed(self, path: str, query: str) -> dict[str, str]:
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self._host, "x-amz-content-sha256": EMPTY, "x-amz-date": now}
        if not self._remote.access_key:
            return headers
        names = ";".join(sorted(headers))
        lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
        canonical = f"GET\n{path}\n{query}\n{lines}\n{names}\n{EMPTY}"
        scope = f"{now[:8]}/{self._remote.region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        key = f"AWS4{self._remote.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(
            key, f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{digest}".encode(), "sha256"
        ).hexdigest()
        credential = f"Credential={self._remote.access_key}/{scope}"
        authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "authorization": authorization}
