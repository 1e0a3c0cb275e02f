"""What a bucket's name means, and an object's key."""

from dataclasses import dataclass

from howdah.core.refs import DEFAULT_PROJECT, USER, BranchRef, CommitSpec, RepoRef
from howdah.pachd.versions.names import is_commit_id
from howdah.pachd.wire.s3.failures import InvalidBucketName

_MASTER = "master"


@dataclass(frozen=True, slots=True)
class Bucket:
    name: str
    branch: BranchRef
    commit_id: str = ""

    @property
    def commit(self) -> CommitSpec:
        return CommitSpec(self.branch.repo, self.commit_id or self.branch.name)

    @property
    def writable(self) -> bool:
        return not self.commit_id

    @classmethod
    def parse(cls, name: str) -> "Bucket":
        parts = name.split(".")
        commit_id = parts.pop(0) if is_commit_id(parts[0]) else ""
        if not all(parts) or not 1 <= len(parts) <= 3:
            raise InvalidBucketName(name)
        if len(parts) == 1:
            parts.insert(0, _MASTER)
        branch, repo, project = (*parts, DEFAULT_PROJECT)[:3]
        return cls(name, BranchRef(RepoRef(repo, USER, project), branch), commit_id)


def bucket_name(branch: BranchRef) -> str:
    return f"{branch.name}.{branch.repo.name}.{branch.repo.project}"


def path_of(key: str) -> str:
    return "/" + key.lstrip("/")


def key_of(path: str) -> str:
    return path.lstrip("/")
