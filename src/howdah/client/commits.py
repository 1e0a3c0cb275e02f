"""Where pachd is for a program that runs beside it, and whole commits out of it."""

from collections.abc import Mapping
from pathlib import Path

from howdah.client.files import Files
from howdah.client.pachd import Address, Pachd
from howdah.errors import Invalid


def connect(environment: Mapping[str, str]) -> Pachd:
    """The pachd that the environment names: a worker's own, or PACHD_ADDRESS."""
    if host := environment.get("PACHD_PEER_SERVICE_HOST"):
        port = int(environment.get("PACHD_PEER_SERVICE_PORT", "30650"))
        return Pachd(Address(host, port), token=environment.get("PACH_TOKEN", ""))
    if address := environment.get("PACHD_ADDRESS"):
        return Pachd(Address.parse(address))
    raise Invalid("no pachd is named", remedy="Run this in a pipeline, or set PACHD_ADDRESS.")


def download(files: Files, commit: str, folder: Path) -> None:
    """Every file of the commit `project/repo@id`, below `folder`; each must fit in memory."""
    for path in files.paths(commit):
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(files.read(commit, path))
