"""Small files in and out of branches, for programs that keep their state in commits."""

from collections.abc import Mapping

from pachyderm_sdk import Client
from pachyderm_sdk.api import pfs

from howdah.client.failures import translated
from howdah.errors import AlreadyExists, NotFound


class Files:
    """References are strings in pachctl's form: `project/repo`, `project/repo@branch-or-commit`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def repos(self) -> list[tuple[str, str]]:
        """Every user repo as (project, name)."""
        with translated("list the repos"):
            return [
                (info.repo.project.name, info.repo.name) for info in self._client.pfs.list_repo(type="user")
            ]

    def ensure_repo(self, repo: str, description: str) -> None:
        try:
            with translated(f"create the repo {repo}"):
                self._client.pfs.create_repo(repo=pfs.Repo.from_uri(repo), description=description)
        except AlreadyExists:
            return

    def finished_head(self, branch: str) -> str | None:
        """The newest commit of the branch that is finished without an error; None where there is none."""
        try:
            with translated(f"read the branch {branch}"):
                commit = self._client.pfs.inspect_branch(branch=pfs.Branch.from_uri(branch)).head
                while commit:
                    info = self._client.pfs.inspect_commit(commit=commit)
                    if info.finished and not info.error:
                        return str(info.commit.id)
                    commit = info.parent_commit
        except NotFound:
            return None
        return None

    def exists(self, commit: str, path: str) -> bool:
        with translated(f"look at {commit}:{path}"):
            return bool(self._client.pfs.path_exists(file=pfs.File.from_uri(f"{commit}:{path}")))

    def paths(self, commit: str) -> list[str]:
        """Every file's path, in order."""
        with translated(f"list {commit}"):
            files = self._client.pfs.walk_file(file=pfs.File.from_uri(f"{commit}:/"))
            return [info.file.path for info in files if info.file_type == pfs.FileType.FILE]

    def read(self, commit: str, path: str) -> bytes:
        with (
            translated(f"read {commit}:{path}"),
            self._client.pfs.pfs_file(file=pfs.File.from_uri(f"{commit}:{path}")) as stream,
        ):
            return bytes(stream.read())

    def put(self, branch: str, files: Mapping[str, bytes], description: str = "") -> str:
        """All of `files` in one commit, replacing what stood at their paths; returns its id."""
        with (
            translated(f"write to {branch}"),
            self._client.pfs.commit(branch=pfs.Branch.from_uri(branch), description=description) as commit,
        ):
            for path, content in files.items():
                commit.put_file_from_bytes(path=path, data=content)
            return str(commit.id)

    def move_branch(self, branch: str, commit: str) -> None:
        target = pfs.Branch.from_uri(branch)
        with translated(f"move {branch} to {commit}"):
            head = pfs.Commit(repo=target.repo, id=commit)
            self._client.pfs.create_branch(branch=target, head=head)
