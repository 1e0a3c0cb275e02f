"""From the segments that model servers write to commits in `<namespace>-<deployment>-inferences`.

One segment becomes one Parquet file, named after it, in one commit; the segment is deleted once
that commit is finished. A crash in between ships the same segment to the same path again, so
nothing is lost and nothing counts twice. A server that was killed leaves its segment open: it is
taken as complete when its process is gone.

    /records/<day>/<segment>.parquet   the exchanges
    /ids/<x>/<segment>.json            which record a prediction ID is, x the first digit of its hash
"""

import contextlib
import hashlib
import io
import json
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from howdah.core import inference_log
from howdah.core.inference_log import COMPLETE, OPEN, Record
from howdah.errors import HowdahError

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
SEGMENTS_A_COMMIT = 32


class Sink(Protocol):
    """Where commits go; `client.files.Files` is one."""

    def ensure_repo(self, repo: str, description: str) -> None: ...

    def put(self, branch: str, files: Mapping[str, bytes], description: str = "") -> str: ...


class Shipper:
    def __init__(self, folder: Path, connect: Callable[[], Sink], project: str = "default") -> None:
        self._folder, self._connect, self._project = folder, connect, project
        self._sink: Sink | None = None
        self._known: set[str] = set()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="inference-log", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.wait(LOOK_EVERY_S):
            try:
                self.ship()
            except (HowdahError, OSError) as error:
                # The segments stay where they are; the next look tries again.
                log.warning("the inference log waits: %s", error)
                self._sink = None
                self._closing.wait(5 * LOOK_EVERY_S)

    def ship(self) -> int:
        """Commit every complete segment; returns how many records went out."""
        shipped = 0
        for deployment in sorted(path for path in self._folder.iterdir() if path.is_dir()):
            complete = sorted(path for path in map(_completed, deployment.iterdir()) if path is not None)
            for start in range(0, len(complete), SEGMENTS_A_COMMIT):
                shipped += self._commit(deployment.name, complete[start : start + SEGMENTS_A_COMMIT])
        return shipped

    def _commit(self, deployment: str, segments: Sequence[Path]) -> int:
        files: dict[str, bytes] = {}
        models: set[str] = set()
        count = 0
        for segment in segments:
            records = list(inference_log.read(segment))
            count += len(records)
            models |= {record.header.model_commit for record in records} - {""}
            if records:
                files |= _files(segment.stem, records)
        if files:
            repo = f"{self._project}/{deployment.replace('~', '-')}-inferences"
            sink = self._sink = self._sink or self._connect()
            if repo not in self._known:
                sink.ensure_repo(repo, "Every request, response and feedback of one deployment.")
                self._known.add(repo)
            # A reference and not provenance: what a model answered must not hang on the model's own history.
            description = json.dumps({"model_commits": sorted(models), "records": count})
            sink.put(f"{repo}@master", files, description)
        for segment in segments:
            segment.unlink()
        return count


def _completed(path: Path) -> Path | None:
    """The segment if it is complete, or has become so by the end of its writer."""
    if path.suffix == COMPLETE:
        return path
    if path.suffix != OPEN:
        return None
    pid = path.stem.rsplit("-", 1)[-1]
    if pid.isdigit() and _is_running(int(pid)):
        return None
    done = path.with_suffix(COMPLETE)
    with contextlib.suppress(FileNotFoundError):
        path.rename(done)
    return done


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _files(segment: str, records: Sequence[Record]) -> dict[str, bytes]:
    day = datetime.fromtimestamp(records[0].header.time_ns / 1e9, UTC).strftime("%Y-%m-%d")
    path = f"/records/{day}/{segment}.parquet"
    files = {path: table(records)}
    rows: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, record in enumerate(records):
        rows[bucket(record.header.id)][record.header.id].append(row)
    for name, ids in rows.items():
        files[f"/ids/{name}/{segment}.json"] = json.dumps({"path": path, "rows": ids}).encode()
    return files


def bucket(id: str) -> str:
    """Where a prediction ID stands in the index."""
    return hashlib.blake2b(id.encode(), digest_size=1).hexdigest()[0]


def table(records: Sequence[Record]) -> bytes:
    """Parquet: a row an exchange; payloads as JSON text, as they were on the wire."""
    import pyarrow as arrow
    from pyarrow import parquet

    headers = [record.header for record in records]
    columns = {
        "id": [header.id for header in headers],
        "kind": [header.kind for header in headers],
        "time": arrow.array([header.time_ns // 1000 for header in headers], arrow.timestamp("us", "UTC")),
        "latency_ms": [header.latency_us / 1000 for header in headers],
        "status": arrow.array([header.status for header in headers], arrow.int32()),
        "namespace": [header.namespace for header in headers],
        "deployment": [header.deployment for header in headers],
        "predictor": [header.predictor for header in headers],
        "model": [header.model for header in headers],
        "model_commit": [header.model_commit for header in headers],
        "protocol": [header.protocol for header in headers],
        "endpoint": [header.endpoint for header in headers],
        "request": [record.request.decode(errors="replace") for record in records],
        "response": [record.response.decode(errors="replace") for record in records],
    }
    into = io.BytesIO()
    parquet.write_table(arrow.table(columns), into, compression="zstd")
    return into.getvalue()
