"""Commits and their files through the official SDK, for programs that run beside pachd."""

from collections.abc import Mapping
from pathlib import Path

from grpc import RpcError, StatusCode
from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.errors import HowdahError, NotFound, Unavailable


def connect(environment: Mapping[str, str]) -> Client:
    """The pachd that a worker's environment names, or else what the Pachyderm configuration says."""
    if address := environment.get("PACHD_ADDRESS"):
        return Client.from_pachd_address(address)
    if "PACHD_PEER_SERVICE_HOST" in environment:
        return Client.new_in_cluster()
    return Client.from_config()


def head(client: Client, branch: str) -> str | None:
    """The id of the commit that `project/repo@branch` points at; None where there is no such branch."""
    try:
        found = client.pfs.inspect_branch(branch=pfs.Branch.from_uri(branch))
    except RpcError as error:
        if error.code() == StatusCode.NOT_FOUND:
            return None
        raise _said(error, f"read the branch {branch}") from error
    return str(found.head.id)


def download(client: Client, commit: str, folder: Path) -> None:
    """Every file of the commit `project/repo@id`, below `folder`."""
    uri = pfs.Commit.from_uri(commit)
    try:
        for info in client.pfs.walk_file(file=pfs.File(commit=uri, path="/")):
            target = folder / info.file.path.lstrip("/")
            if info.file_type == pfs.FileType.DIR:
                target.mkdir(parents=True, exist_ok=True)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            with client.pfs.pfs_file(file=info.file) as source, target.open("wb") as sink:
                while piece := source.read(1 << 20):
                    sink.write(piece)
    except RpcError as error:
        raise _said(error, f"read the commit {commit}") from error


def _said(error: RpcError, what: str) -> HowdahError:
    branch = NotFound if error.code() == StatusCode.NOT_FOUND else Unavailable
    return branch(f"Could not {what}: {error.details()}")
