"""A model commit back to everything it came from: its job, its code, the data that people put in."""

import json
from dataclasses import dataclass

from howdah.client.files import FILE, Files
from howdah.client.pachd import Fields, Pachd
from howdah.core.json import JsonObject
from howdah.errors import NotFound

USER = 1  # pfs_v2.OriginKind


@dataclass(frozen=True, slots=True)
class DataFile:
    path: str
    size: int
    hash: str


@dataclass(frozen=True, slots=True)
class DataCommit:
    """A commit that somebody put in, and not a pipeline: where all lineage ends."""

    repo: str
    commit: str
    finished: str
    files: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class Job:
    pipeline: str
    id: str
    state: str
    image: str
    command: tuple[str, ...]
    pipeline_version: int


@dataclass(frozen=True, slots=True)
class Decision:
    kind: str
    reason: str
    actor: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Model:
    repo: str
    commit: str
    manifest: JsonObject
    """The bundle's own model.json: parameters, seed, metrics, libraries, code."""
    job: Job
    data: tuple[DataCommit, ...]
    decisions: tuple[Decision, ...]


def find(pachd: Pachd, commit: str) -> Model:
    """The model among the commits of one global ID; NotFound where there is none."""
    files = Files(pachd)
    commit_set = pachd.message("pfs_v2.CommitSet", id=commit)
    infos = list(pachd.stream("pfs_v2.API/InspectCommitSet", commit_set=commit_set))
    for info in infos:
        repo = f"{info.commit.repo.project.name}/{info.commit.repo.name}"
        if info.commit.repo.type == "user" and files.exists(f"{repo}@{commit}", "/model.json"):
            return Model(
                repo=repo,
                commit=commit,
                manifest=json.loads(files.read(f"{repo}@{commit}", "/model.json")),
                job=_job(pachd, info),
                data=tuple(_data(pachd, source) for source in _sources(pachd, info)),
                decisions=_decisions(files, repo, commit),
            )
    raise NotFound(f"No commit of the global ID {commit} holds a model", remedy="Name a model's commit.")


def _job(pachd: Pachd, info: Fields) -> Job:
    pipeline = pachd.message("pps_v2.Pipeline", project=info.commit.repo.project, name=info.commit.repo.name)
    job = pachd.message("pps_v2.Job", pipeline=pipeline, id=info.commit.id)
    found = pachd.call("pps_v2.API/InspectJob", job=job, details=True)
    transform = found.details.transform
    return Job(
        pipeline=info.commit.repo.name,
        id=info.commit.id,
        state=pachd.contract.enum_name("pps_v2.JobInfo", "state", found.state),
        image=transform.image,
        command=tuple(transform.cmd),
        pipeline_version=found.pipeline_version,
    )


def _sources(pachd: Pachd, info: Fields) -> list[Fields]:
    """Every commit upstream that no pipeline made, each once, in the order of their repos."""
    seen: dict[tuple[str, str], Fields] = {}
    waiting = list(info.direct_provenance)
    while waiting:
        commit = waiting.pop()
        key = (f"{commit.repo.project.name}/{commit.repo.name}.{commit.repo.type}", commit.id)
        if key in seen:
            continue
        seen[key] = found = pachd.call("pfs_v2.API/InspectCommit", commit=commit)
        waiting.extend(found.direct_provenance)
    ends = (found for found in seen.values() if not found.direct_provenance)
    return sorted(
        (found for found in ends if found.commit.repo.type == "user"),
        key=lambda found: (found.commit.repo.name, found.commit.id),
    )


def _data(pachd: Pachd, info: Fields) -> DataCommit:
    walked = pachd.stream(
        "pfs_v2.API/WalkFile", file=pachd.message("pfs_v2.File", commit=info.commit, path="/")
    )
    return DataCommit(
        repo=f"{info.commit.repo.project.name}/{info.commit.repo.name}",
        commit=info.commit.id,
        finished=info.finished.ToJsonString(),
        files=tuple(
            DataFile(found.file.path, found.size_bytes, found.hash.hex())
            for found in walked
            if found.file_type == FILE
        ),
    )


def _decisions(files: Files, repo: str, commit: str) -> tuple[Decision, ...]:
    record = f"{repo.removesuffix('-model')}-decisions"
    head = files.finished_head(f"{record}@master")
    if head is None:
        return ()
    entries = (json.loads(files.read(f"{record}@{head}", path)) for path in files.paths(f"{record}@{head}"))
    return tuple(
        Decision(entry["kind"], entry["reason"], entry["actor"], entry["evidence"])
        for entry in entries
        if entry["subject"] == commit
    )
