"""What a command holds while it runs: a pachd and the project that names are looked up in."""

from collections.abc import Iterator
from dataclasses import dataclass

from howdah.cli.pachctl.references import Reference
from howdah.client.pachd import Fields, Pachd

PFS, PPS = "pfs_v2.API", "pps_v2.API"


@dataclass(frozen=True, slots=True)
class Session:
    pachd: Pachd
    project: str

    def message(self, kind: str, /, **fields: object) -> Fields:
        return self.pachd.message(kind, **fields)

    def pfs(self, rpc: str, **fields: object) -> Fields:
        return self.pachd.call(f"{PFS}/{rpc}", **fields)

    def pps(self, rpc: str, **fields: object) -> Fields:
        return self.pachd.call(f"{PPS}/{rpc}", **fields)

    def pfs_stream(self, rpc: str, **fields: object) -> Iterator[Fields]:
        return self.pachd.stream(f"{PFS}/{rpc}", **fields)

    def pps_stream(self, rpc: str, **fields: object) -> Iterator[Fields]:
        return self.pachd.stream(f"{PPS}/{rpc}", **fields)

    # -- the things that references name, as messages

    def named_project(self, name: str) -> Fields:
        return self.message("pfs_v2.Project", name=name)

    def listed(self, found: Iterator[Fields], all_projects: bool) -> Iterator[Fields]:
        """The same; NotFound where there is nothing because the one project asked for does not exist."""
        empty = True
        for each in found:
            empty = False
            yield each
        if empty and not all_projects:
            self.pfs("InspectProject", project=self.named_project(self.project))

    def repo(self, reference: Reference) -> Fields:
        project = self.named_project(reference.project or self.project)
        return self.message("pfs_v2.Repo", project=project, name=reference.repo, type=reference.type)

    def branch(self, reference: Reference) -> Fields:
        return self.message("pfs_v2.Branch", repo=self.repo(reference), name=reference.branch)

    def commit(self, reference: Reference) -> Fields:
        """A branch's head, an id, or an ancestor such as `master^2`: pachd tells them apart."""
        repo = self.repo(reference)
        if not reference.branch:
            return self.message("pfs_v2.Commit", repo=repo, id=reference.commit)
        branch = self.message("pfs_v2.Branch", repo=repo, name=reference.branch)
        return self.message("pfs_v2.Commit", repo=repo, branch=branch, id=reference.commit)

    def branch_head(self, reference: Reference) -> Fields:
        return self.pfs("InspectBranch", branch=self.branch(reference)).head

    def file(self, reference: Reference, path: str | None = None) -> Fields:
        return self.message(
            "pfs_v2.File", commit=self.commit(reference), path=reference.path if path is None else path
        )

    def pipeline(self, name: str) -> Fields:
        project, _, short = name.rpartition("/")
        return self.message(
            "pps_v2.Pipeline", project=self.named_project(project or self.project), name=short
        )

    def job(self, reference: Reference) -> Fields:
        pipeline = self.message(
            "pps_v2.Pipeline",
            project=self.named_project(reference.project or self.project),
            name=reference.repo,
        )
        return self.message("pps_v2.Job", pipeline=pipeline, id=reference.commit)
