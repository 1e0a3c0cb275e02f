"""What the edge has decided: folder, addresses, credentials. No environment is read below here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from howdah.core.settings import Settings


@dataclass(frozen=True, slots=True)
class Options:
    """Ports of 0 mean any free one."""

    state: Path
    host: str = "127.0.0.1"
    pachd_port: int = 30650
    s3_port: int = 30600
    http_port: int = 4000
    ingress_port: int = 8003
    tls_cert: Path | None = None
    tls_key: Path | None = None
    new_token: bool = False
    """Make a token that every client must show, replacing the one before."""
    settings: Settings = field(default_factory=Settings)
    project: Path = field(default_factory=Path)
    """The folder that holds `images/`."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """The daemon's own, of which user code is given what it needs (PATH, LANG)."""
