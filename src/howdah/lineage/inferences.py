"""One exchange out of the inference log, by its prediction ID.

The log is commits in `<namespace>-<deployment>-inferences`: Parquet files, and beside them
an index that says in which file and row an ID stands, spread over sixteen folders.
"""

import hashlib
import io
import json
from dataclasses import dataclass

from howdah.client.files import Files
from howdah.errors import NotFound

SUFFIX = "-inferences"
DAYS, SEGMENTS = 7, 50
"""How far back the last predictions are looked for."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """What was asked, what was answered, by which model, when."""

    id: str
    repo: str
    path: str
    time: str
    latency_ms: float
    namespace: str
    deployment: str
    predictor: str
    model_commit: str
    request: str
    response: str


def find(files: Files, id: str) -> Exchange:
    """The prediction of that ID; NotFound says where was looked."""
    folder = f"/ids/{hashlib.blake2b(id.encode(), digest_size=1).hexdigest()[0]}/"
    repos = _logs(files)
    for repo in repos:
        head = files.finished_head(f"{repo}@master")
        if head is None or not files.exists(f"{repo}@{head}", folder):
            continue
        for path in reversed(files.paths(f"{repo}@{head}", folder)):
            index = json.loads(files.read(f"{repo}@{head}", path))
            if id in index["rows"]:
                return _read(files, f"{repo}@{head}", index["path"], index["rows"][id])
    where = f"Looked in {', '.join(repos)}." if repos else "No inference log exists yet."
    raise NotFound(
        f"No prediction {id} is on record",
        why=f"{where} A prediction is committed within a minute of being made.",
        remedy="Check the ID (the Seldon-Puid header of the answer), or try again in a minute.",
    )


def newest(files: Files, count: int) -> list[Exchange]:
    """The last predictions of all deployments, newest first."""
    found = [exchange for repo in _logs(files) for exchange in _last(files, repo, count)]
    return sorted(found, key=lambda exchange: exchange.time, reverse=True)[:count]


def _last(files: Files, repo: str, count: int) -> list[Exchange]:
    head = files.finished_head(f"{repo}@master")
    found: list[Exchange] = []
    for day in files.last(f"{repo}@{head}", "/records", DAYS) if head else ():
        for path in files.last(f"{repo}@{head}", day, SEGMENTS):
            found += _predictions(files, f"{repo}@{head}", path)
            if len(found) >= count:
                return found
    return found


def _logs(files: Files) -> list[str]:
    return [f"{project}/{name}" for project, name in files.repos() if name.endswith(SUFFIX)]


def _read(files: Files, commit: str, path: str, rows: list[int]) -> Exchange:
    for exchange in _predictions(files, commit, path, rows):
        return exchange
    raise NotFound(f"{commit}:{path} holds no prediction in rows {rows}, only what came after it")


def _predictions(files: Files, commit: str, path: str, rows: list[int] | None = None) -> list[Exchange]:
    """Those of one file, or of some of its rows."""
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(files.read(commit, path)))
    plain = (
        "id",
        "latency_ms",
        "namespace",
        "deployment",
        "predictor",
        "model_commit",
        "request",
        "response",
    )
    return [
        Exchange(
            repo=commit.partition("@")[0],
            path=path,
            time=row["time"].isoformat(timespec="milliseconds"),
            **{name: row[name] for name in plain},
        )
        for row in (table if rows is None else table.take(rows)).to_pylist()
        if row["kind"] == "prediction"
    ]
