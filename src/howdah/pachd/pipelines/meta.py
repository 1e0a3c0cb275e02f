"""A datum's record in the meta repo: `/meta/<id>/meta`, protojson as Pachyderm writes it.

The record outlives its job: a later job that skips the datum leaves it as it is, which is
how anyone can tell that the datum was skipped (its `job` is not the job asked about).
"""

import base64
import json
from dataclasses import dataclass, field
from enum import Enum

from howdah.core.refs import CommitId, CommitRef, RepoRef
from howdah.pachd.pipelines.datums import Datum, InputFile, Source
from howdah.pachd.pipelines.reading import Reader
from howdah.pachd.pipelines.refs import DatumId, JobRef, PipelineRef
from howdah.pachd.pipelines.schema import JsonObject


class DatumState(Enum):
    PROCESSED = "PROCESSED"
    FAILED = "FAILED"
    RECOVERED = "RECOVERED"


@dataclass(frozen=True, slots=True)
class ProcessStats:
    download_s: float = 0.0
    process_s: float = 0.0
    upload_s: float = 0.0
    download_bytes: int = 0
    upload_bytes: int = 0

    def __add__(self, other: "ProcessStats") -> "ProcessStats":
        return ProcessStats(
            self.download_s + other.download_s,
            self.process_s + other.process_s,
            self.upload_s + other.upload_s,
            self.download_bytes + other.download_bytes,
            self.upload_bytes + other.upload_bytes,
        )


@dataclass(frozen=True, slots=True)
class Meta:
    job: JobRef
    datum: Datum
    hash: str
    state: DatumState = DatumState.PROCESSED
    reason: str = ""
    stats: ProcessStats = field(default_factory=ProcessStats)
    image_id: str = ""


def meta_path(id: DatumId) -> str:
    return f"/meta/{id}/meta"


def pfs_path(id: DatumId) -> str:
    return f"/pfs/{id}"


def encode(meta: Meta) -> bytes:
    document: JsonObject = {
        "job": {
            "pipeline": {
                "project": {"name": meta.job.pipeline.project},
                "name": meta.job.pipeline.name,
            },
            "id": meta.job.id,
        },
        "inputs": [_input(item) for item in meta.datum.inputs],
        "hash": meta.hash,
        "stats": stats_json(meta.stats),
    }
    # protojson leaves out what has its zero value.
    if meta.state is not DatumState.PROCESSED:
        document["state"] = meta.state.value
    if meta.reason:
        document["reason"] = meta.reason
    if meta.image_id:
        document["imageId"] = meta.image_id
    return json.dumps(document, separators=(",", ":")).encode()


def _input(item: InputFile) -> JsonObject:
    source = item.source
    entry: JsonObject = {
        "fileInfo": {
            "file": {
                "commit": {
                    "repo": {
                        "name": source.repo.name,
                        "type": source.repo.type,
                        "project": {"name": source.repo.project},
                    },
                    "id": source.commit,
                    "branch": {"name": source.branch},
                },
                "path": item.path,
            },
            "fileType": "DIR" if item.path.endswith("/") else "FILE",
            "sizeBytes": str(item.size),
            "hash": base64.b64encode(item.hash).decode(),
        },
        "name": source.name,
        "branch": source.branch,
    }
    texts = {"joinOn": item.join_on, "groupBy": item.group_by}
    flags = {
        "outerJoin": source.outer_join,
        "lazy": source.lazy,
        "emptyFiles": source.empty_files,
        "reference": source.reference,
    }
    entry |= {key: text for key, text in texts.items() if text}
    entry |= {key: True for key, flag in flags.items() if flag}
    return entry


def stats_json(stats: ProcessStats) -> JsonObject:
    return {
        "downloadTime": f"{stats.download_s:.9f}s",
        "processTime": f"{stats.process_s:.9f}s",
        "uploadTime": f"{stats.upload_s:.9f}s",
        "downloadBytes": str(stats.download_bytes),
        "uploadBytes": str(stats.upload_bytes),
    }


def decode(data: bytes) -> Meta:
    root = Reader(json.loads(data))
    return Meta(
        job=_job(root),
        datum=Datum(tuple(_input_file(item) for item in root.objects("inputs"))),
        hash=root.text("hash"),
        state=DatumState(root.text("state") or "PROCESSED"),
        reason=root.text("reason"),
        stats=_stats(root.object("stats")),
        image_id=root.text("imageId"),
    )


_NOTHING = Reader({})


def _job(root: Reader) -> JobRef:
    job = root.object("job") or _NOTHING
    pipeline = job.object("pipeline") or _NOTHING
    project = (pipeline.object("project") or _NOTHING).text("name")
    return JobRef(PipelineRef(pipeline.text("name"), project), CommitId(job.text("id")))


def _input_file(read: Reader) -> InputFile:
    info = read.object("fileInfo") or _NOTHING
    file = info.object("file") or _NOTHING
    commit = file.object("commit") or _NOTHING
    repo = commit.object("repo") or _NOTHING
    project = (repo.object("project") or _NOTHING).text("name")
    at = CommitRef(RepoRef(repo.text("name"), repo.text("type"), project), CommitId(commit.text("id")))
    source = Source(
        name=read.text("name"),
        repo=at.repo,
        branch=read.text("branch"),
        commit=at.id,
        lazy=read.flag("lazy"),
        empty_files=read.flag("emptyFiles"),
        outer_join=read.flag("outerJoin"),
        reference=read.flag("reference"),
    )
    return InputFile(
        source,
        file.text("path"),
        base64.b64decode(info.text("hash")),
        info.integer("sizeBytes"),
        read.text("joinOn"),
        read.text("groupBy"),
    )


def _stats(read: Reader | None) -> ProcessStats:
    if read is None:
        return ProcessStats()
    download, process, upload = (
        float(read.text(key).removesuffix("s") or 0) for key in ("downloadTime", "processTime", "uploadTime")
    )
    return ProcessStats(download, process, upload, read.integer("downloadBytes"), read.integer("uploadBytes"))
