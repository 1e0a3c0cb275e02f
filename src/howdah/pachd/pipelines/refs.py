"""What pipelines, jobs and datums are called, and where they keep their things."""

from dataclasses import dataclass
from typing import NewType

from howdah.core.refs import DEFAULT_PROJECT, META, SPEC, BranchRef, CommitId, CommitRef, RepoRef

DatumId = NewType("DatumId", str)
"""64 hexadecimal digits; see `identity`."""


@dataclass(frozen=True, slots=True, order=True)
class PipelineRef:
    name: str
    project: str = DEFAULT_PROJECT

    def __post_init__(self) -> None:
        if not self.project:
            object.__setattr__(self, "project", DEFAULT_PROJECT)

    def __str__(self) -> str:
        return f"{self.project}/{self.name}"

    @property
    def output(self) -> RepoRef:
        return RepoRef(self.name, project=self.project)

    @property
    def meta(self) -> RepoRef:
        return RepoRef(self.name, META, self.project)

    @property
    def spec(self) -> RepoRef:
        return RepoRef(self.name, SPEC, self.project)

    @property
    def spec_branch(self) -> BranchRef:
        return BranchRef(self.spec, "master")


@dataclass(frozen=True, slots=True, order=True)
class JobRef:
    pipeline: PipelineRef
    id: CommitId

    def __str__(self) -> str:
        return f"{self.pipeline}@{self.id}"

    @property
    def output(self) -> CommitRef:
        return CommitRef(self.pipeline.output, self.id)

    @property
    def meta(self) -> CommitRef:
        return CommitRef(self.pipeline.meta, self.id)
