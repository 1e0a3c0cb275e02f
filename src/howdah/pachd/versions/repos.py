"""Projects and repos: making, describing and deleting them."""

from dataclasses import replace

from howdah.core.refs import DEFAULT_PROJECT, USER, RepoRef
from howdah.pachd.versions import branches, tables
from howdah.pachd.versions.errors import (
    ProjectExists,
    ProjectNotEmpty,
    ProjectNotFound,
    RepoExists,
    RepoNotFound,
)
from howdah.pachd.versions.names import validate_name, validate_project_name
from howdah.pachd.versions.records import ProjectInfo, RepoInfo
from howdah.pachd.versions.work import Work


def create_project(work: Work, name: str, description: str, update: bool) -> None:
    name = name or DEFAULT_PROJECT
    validate_project_name(name)
    existing = tables.project(work.connection, name)
    if update:
        if existing is None:
            raise ProjectNotFound(name)
        tables.put_project(work.connection, replace(existing, description=description))
        work.emit("project.updated", name)
        return
    if existing is not None:
        raise ProjectExists(name)
    tables.put_project(work.connection, ProjectInfo(name, description, work.now_ns))
    work.emit("project.created", name)


def delete_project(work: Work, name: str, force: bool) -> None:
    name = name or DEFAULT_PROJECT
    work.view.project(name)
    remaining = tables.repos(work.connection, project=name)
    if remaining and not force:
        raise ProjectNotEmpty(name, [repo.ref for repo in remaining])
    delete_infos(work, remaining, force=True)
    tables.delete_project(work.connection, name)
    work.emit("project.deleted", name)


def create_repo(work: Work, ref: RepoRef, description: str, update: bool) -> None:
    validate_name(ref.name)
    validate_name(ref.type)
    work.view.project(ref.project)
    existing = tables.repo(work.connection, ref)
    if existing is None:
        user = RepoRef(ref.name, USER, ref.project)
        if ref.type != USER and tables.repo_row(work.connection, user) is None:
            # A system repo only ever stands beside the user repo of its pipeline.
            raise RepoNotFound(user)
        tables.insert_repo(work.connection, ref, description, work.now_ns)
        work.emit("repo.created", str(ref), keys=(ref.project,))
    elif not update:
        raise RepoExists(ref)
    elif existing.description != description:
        tables.update_repo(work.connection, existing.row, description, existing.metadata)
        work.emit("repo.updated", str(ref), keys=(ref.project,))


def related(work: Work, ref: RepoRef) -> list[RepoInfo]:
    """The repo, and with a user repo the system repos of the same name."""
    if ref.type != USER:
        return [work.view.repo(ref)]
    return tables.repos(work.connection, project=ref.project, name=ref.name)


def delete_infos(work: Work, repos: list[RepoInfo], force: bool) -> None:
    heads = [work.view.branch(branch) for repo in repos for branch in repo.branches]
    for branch in heads:
        # Triggers stay within a repo, and it goes as a whole.
        tables.set_branch_trigger(work.connection, branch.row, None)
    # Downstream first: a branch on which another of them rests is then free to go.
    for branch in sorted(heads, key=lambda branch: -len(branch.provenance)):
        branches.delete_branch(work, branch.ref, force)
    for repo in repos:
        for commit in list(tables.commits(work.connection, repo.row)):
            tables.delete_commit(work.connection, commit.row)
            work.deleted(commit)
        tables.delete_repo(work.connection, repo.row)
        work.emit("repo.deleted", str(repo.ref), keys=(repo.ref.project,))
