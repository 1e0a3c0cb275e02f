"""Small files in and out of branches, for programs that keep their state in commits."""

from collections.abc import Mapping
from io import BytesIO

from howdah.client.pachd import Address, Fields, Pachd
from howdah.client.uploads import Opened, put
from howdah.errors import AlreadyExists, NotFound

FILE = 1  # pfs_v2.FileType
FINISHED = 4  # pfs_v2.CommitState


class Files:
    """References are strings in pachctl's form: `project/repo`, `project/repo@branch-or-commit`;
    without a project they mean the default one."""

    def __init__(self, pachd: Pachd) -> None:
        self._pachd = pachd

    @classmethod
    def at(cls, address: str, token: str = "") -> "Files":
        return cls(Pachd(Address.parse(address), token=token))

    def repos(self) -> list[tuple[str, str]]:
        """Every user repo as (project, name)."""
        found = self._pachd.stream("pfs_v2.API/ListRepo", type="user")
        return [(info.repo.project.name, info.repo.name) for info in found]

    def ensure_repo(self, repo: str, description: str) -> None:
        try:
            self._pachd.call("pfs_v2.API/CreateRepo", repo=self._repo(repo), description=description)
        except AlreadyExists:
            return

    def finished_head(self, branch: str) -> str | None:
        """The newest commit of the branch that is finished without an error; None where there is none."""
        try:
            info = self._pachd.call("pfs_v2.API/InspectCommit", commit=self._commit(branch))
            while not info.HasField("finished") or info.error:
                if not info.HasField("parent_commit"):
                    return None
                info = self._pachd.call("pfs_v2.API/InspectCommit", commit=info.parent_commit)
        except NotFound:
            return None
        return str(info.commit.id)

    def commits(self, branch: str) -> list[str]:
        """The branch's commits that are finished without an error, oldest first; none where it is not."""
        head = self._commit(branch)
        try:
            infos = list(self._pachd.stream("pfs_v2.API/ListCommit", repo=head.repo, to=head, all=True))
        except NotFound:
            return []
        return [str(i.commit.id) for i in reversed(infos) if i.HasField("finished") and not i.error]

    def digest(self, commit: str, path: str) -> bytes:
        """What pachd says of the content below `path`: equal for equal files."""
        return bytes(self._pachd.call("pfs_v2.API/InspectFile", file=self._file(commit, path)).hash)

    def exists(self, commit: str, path: str) -> bool:
        try:
            self._pachd.call("pfs_v2.API/InspectFile", file=self._file(commit, path))
        except NotFound:
            return False
        return True

    def paths(self, commit: str, below: str = "/") -> list[str]:
        """Every file's path, in order."""
        found = self._pachd.stream("pfs_v2.API/WalkFile", file=self._file(commit, below))
        return [info.file.path for info in found if info.file_type == FILE]

    def last(self, commit: str, folder: str, count: int) -> list[str]:
        """What stands in a folder, from the end; nothing where there is no such folder."""
        found = self._pachd.stream(
            "pfs_v2.API/ListFile", file=self._file(commit, folder), number=count, reverse=True
        )
        try:
            return [info.file.path for info in found]
        except NotFound:
            return []

    def read(self, commit: str, path: str) -> bytes:
        pieces = self._pachd.stream("pfs_v2.API/GetFile", file=self._file(commit, path))
        return b"".join(piece.value for piece in pieces)

    def put(self, branch: str, files: Mapping[str, bytes], description: str = "") -> str:
        """All of `files` in one finished commit, replacing what stood at their paths; returns its id."""
        repo, _, name = branch.partition("@")
        target = self._pachd.message("pfs_v2.Branch", repo=self._repo(repo), name=name)
        commit = self._pachd.call("pfs_v2.API/StartCommit", branch=target, description=description)
        sources = (Opened(path, lambda data=data: BytesIO(data)) for path, data in files.items())  # type: ignore[misc]
        try:
            put(self._pachd, commit, sources)
        except BaseException:
            commit_set = self._pachd.message("pfs_v2.CommitSet", id=commit.id)
            self._pachd.call("pfs_v2.API/DropCommitSet", commit_set=commit_set)
            raise
        self._pachd.call("pfs_v2.API/FinishCommit", commit=commit)
        self._pachd.call("pfs_v2.API/InspectCommit", commit=commit, wait=FINISHED)
        return str(commit.id)

    def move_branch(self, branch: str, commit: str) -> None:
        repo, _, name = branch.partition("@")
        target = self._pachd.message("pfs_v2.Branch", repo=self._repo(repo), name=name)
        head = self._pachd.message("pfs_v2.Commit", repo=self._repo(repo), id=commit)
        self._pachd.call("pfs_v2.API/CreateBranch", branch=target, head=head)

    def _repo(self, text: str) -> Fields:
        project, _, name = text.rpartition("/")
        owner = self._pachd.message("pfs_v2.Project", name=project or "default")
        return self._pachd.message("pfs_v2.Repo", project=owner, name=name, type="user")

    def _commit(self, text: str) -> Fields:
        """`repo@revision`, where pachd itself tells a branch from an id."""
        repo, _, revision = text.partition("@")
        return self._pachd.message("pfs_v2.Commit", repo=self._repo(repo), id=revision)

    def _file(self, commit: str, path: str) -> Fields:
        return self._pachd.message("pfs_v2.File", commit=self._commit(commit), path=path)
