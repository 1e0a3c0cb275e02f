"""Who may use a daemon, decided from its options before anything of it is made."""

from dataclasses import dataclass
from pathlib import Path

from howdah.core import state_folder
from howdah.daemon.options import Options
from howdah.errors import Invalid
from howdah.pachd.wire.credentials import Certificate, Credentials, TokenHash, check_binding, new_token

_FILE = "token-hash"


@dataclass(frozen=True, slots=True)
class Access:
    credentials: Credentials
    own: str
    """What our own parts show where a token is asked for; empty where none is."""
    new_token: str | None
    """Made just now: shown once, kept nowhere."""

    def keep(self, state: Path) -> None:
        """From now on this token is asked for, in this folder."""
        if self.new_token is not None and self.credentials.token is not None:
            path = state / _FILE
            path.touch(0o600)
            path.write_text(self.credentials.token.text + "\n")


def decide(options: Options) -> Access:
    """Invalid where others could come in unasked. Makes nothing."""
    if (options.tls_cert is None) != (options.tls_key is None):
        raise Invalid("--tls-cert and --tls-key go together")
    certificate = None
    if options.tls_cert is not None and options.tls_key is not None:
        certificate = Certificate(options.tls_cert, options.tls_key)
    shown, kept = None, state_folder.read(options.state, _FILE).strip()
    if options.new_token:
        shown, hashed = new_token()
        kept = hashed.text
    own, hashed_own = new_token()
    token = TokenHash(kept, hashed_own.text) if kept else None
    credentials = Credentials(token, certificate)
    check_binding(options.host, credentials)
    return Access(credentials, own if token else "", shown)
