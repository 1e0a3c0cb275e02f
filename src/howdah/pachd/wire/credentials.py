"""Who may connect: everyone on the loopback interface, else holders of the token.

The token is random, shown once, and kept only as its hash; it is compared in constant time.
"""

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from howdah.errors import Invalid
from howdah.pachd.wire.call import TOKEN
from howdah.pachd.wire.errors import Unauthenticated

_PREFIX = "blake2b:"


@dataclass(frozen=True, slots=True)
class TokenHash:
    text: str
    """`blake2b:<hex>`, as kept on disk."""
    own: str = ""
    """The same of the token with which the daemon's own parts come: another at every start, kept nowhere."""

    def matches(self, token: str) -> bool:
        hashed = _hashed(token)
        both = (hmac.compare_digest(self.text, hashed), hmac.compare_digest(self.own, hashed))
        return any(both)


@dataclass(frozen=True, slots=True)
class Certificate:
    chain: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Credentials:
    token: TokenHash | None = None
    certificate: Certificate | None = None

    def is_plain(self, host: str) -> bool:
        """Whether who listens on `host` is reached at 127.0.0.1 without TLS."""
        return self.certificate is None and host in ("127.0.0.1", "localhost")

    def check(self, metadata: Mapping[str, str]) -> None:
        if self.token is not None and not self.token.matches(metadata.get(TOKEN, "")):
            raise Unauthenticated


def new_token() -> tuple[str, TokenHash]:
    token = secrets.token_urlsafe(32)
    return token, TokenHash(_hashed(token))


def _hashed(token: str) -> str:
    # A random token of 256 bits needs no salt and no slow hash.
    return _PREFIX + hashlib.blake2b(token.encode(), digest_size=32).hexdigest()


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_binding(host: str, credentials: Credentials) -> None:
    """Refuse to listen where others could connect, without a token and TLS."""
    if is_loopback(host):
        return
    missing = [
        what
        for what, given in (
            ("a token (--new-token)", credentials.token),
            ("certificate files (--tls-cert and --tls-key)", credentials.certificate),
        )
        if given is None
    ]
    if missing:
        raise Invalid(
            f"refusing to listen on {host}",
            why="Other machines could connect.",
            remedy=f"Give {' and '.join(missing)}, or leave --host away.",
        )
