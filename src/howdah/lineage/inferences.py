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
    repos = [f"{project}/{name}" for project, name in files.repos() if name.endswith(SUFFIX)]
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


def _read(files: Files, commit: str, path: str, rows: list[int]) -> Exchange:
    from pyarrow import parquet

    table = parquet.read_table(io.BytesIO(files.read(commit, path))).take(rows)
    for row in table.to_pylist():
        if row["kind"] == "prediction":
            return Exchange(
                id=row["id"],
                repo=commit.partition("@")[0],
                path=path,
                time=row["time"].isoformat(timespec="milliseconds"),
                **{
                    name: row[name]
                    for name in (
                        "latency_ms",
                        "namespace",
                        "deployment",
                        "predictor",
                        "model_commit",
                        "request",
                        "response",
                    )
                },
            )
    raise NotFound(f"{commit}:{path} holds no prediction in rows {rows}, only what came after it")
