"""Where pachd is, and whole commits out of it, for programs that run beside it."""

from collections.abc import Mapping
from pathlib import Path

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.client.failures import translated


def connect(environment: Mapping[str, str]) -> Client:
    """The pachd that a worker's environment names, or else what the Pachyderm configuration says."""
    if address := environment.get("PACHD_ADDRESS"):
        return Client.from_pachd_address(address)
    if "PACHD_PEER_SERVICE_HOST" in environment:
        return Client.new_in_cluster()
    return Client.from_config()


def download(client: Client, commit: str, folder: Path) -> None:
    """Every file of the commit `project/repo@id`, below `folder`."""
    with translated(f"read the commit {commit}"):
        for info in client.pfs.walk_file(file=pfs.File.from_uri(f"{commit}:/")):
            target = folder / info.file.path.lstrip("/")
            if info.file_type == pfs.FileType.DIR:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with client.pfs.pfs_file(file=info.file) as source, target.open("wb") as sink:
                while piece := source.read(1 << 20):
                    sink.write(piece)
