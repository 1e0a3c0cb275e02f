"""Addresses from which anyone who holds one may read a piece of a file, for a time.

A link says which content, from where, how long and until when, and is signed with a key that this
process made when it started: nothing is kept for it, and nothing can be read that was not handed out.
"""

import base64
import hmac
import secrets
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from howdah.core.clock import Clock
from howdah.pachd.storage.blobs import Blobs
from howdah.pachd.storage.content import Content

PATH = "/storage/chunks"
LIFETIME_S = 3600
_FIXED = struct.Struct(">QQQ")
_SIGNATURE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Linked:
    length: int
    pieces: Iterator[memoryview]


class ChunkLinks:
    def __init__(self, blobs: Blobs, clock: Clock) -> None:
        self._blobs = blobs
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self.base: Callable[[], str] = lambda: ""
        """The address of the HTTP port; known only once that listens."""

    def link(self, content: Content, start: int, length: int) -> str:
        until_s = self._clock.now_ns() // 1_000_000_000 + LIFETIME_S
        said = _FIXED.pack(start, length, until_s) + content.encode()
        return f"{self.base()}{PATH}/{_text(self._sign(said) + said)}"

    def _sign(self, said: bytes) -> bytes:
        return hmac.digest(self._key, said, "sha256")

    def read(self, link: str) -> "Linked | None":
        """What a link of ours says; None where it is not valid, or no longer."""
        said = self._verified(link)
        if said is None:
            return None
        start, length, _ = _FIXED.unpack_from(said)
        return Linked(length, self._blobs.read(Content.decode(said[_FIXED.size :]), start, length))

    def _verified(self, link: str) -> bytes | None:
        try:
            data = base64.urlsafe_b64decode(link + "=" * (-len(link) % 4))
        except ValueError:
            return None
        signature, said = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
        if len(said) < _FIXED.size or not hmac.compare_digest(signature, self._sign(said)):
            return None
        until_s = _FIXED.unpack_from(said)[2]
        return said if until_s * 1_000_000_000 > self._clock.now_ns() else None


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
