"""Pipelines, jobs, defaults and secrets in the database that also holds commits.

They share a database because a job is born, killed and finished in the transaction that
makes or finishes its commit.
"""

import json
from collections.abc import Iterator, Sequence

from howdah.core.refs import CommitId, CommitRef
from howdah.pachd.pipelines.meta import ProcessStats
from howdah.pachd.pipelines.records import (
    Counts,
    JobInfo,
    JobState,
    PipelineInfo,
    PipelineState,
    SecretInfo,
)
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.storage.database import Connection, Schema

SCHEMA = Schema(
    "pipelines",
    1,
    (
        "CREATE TABLE pipelines (id INTEGER PRIMARY KEY, project TEXT NOT NULL, name TEXT NOT NULL,"
        " version INTEGER NOT NULL, stopped INTEGER NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL,"
        " created_ns INTEGER NOT NULL, UNIQUE (project, name))",
        "CREATE TABLE pipeline_versions (pipeline INTEGER NOT NULL REFERENCES pipelines (id),"
        " version INTEGER NOT NULL, spec_commit TEXT NOT NULL, user_json TEXT NOT NULL,"
        " effective_json TEXT NOT NULL, salt TEXT NOT NULL, updated_ns INTEGER NOT NULL,"
        " cron_start_ns INTEGER NOT NULL, PRIMARY KEY (pipeline, version)) WITHOUT ROWID",
        "CREATE TABLE jobs (id INTEGER PRIMARY KEY, pipeline INTEGER NOT NULL REFERENCES pipelines (id),"
        " set_id TEXT NOT NULL, version INTEGER NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL,"
        " created_ns INTEGER NOT NULL, started_ns INTEGER, finished_ns INTEGER, restarts INTEGER NOT NULL,"
        " processed INTEGER NOT NULL, skipped INTEGER NOT NULL, failed INTEGER NOT NULL,"
        " recovered INTEGER NOT NULL, total INTEGER NOT NULL, stats TEXT NOT NULL,"
        " UNIQUE (pipeline, set_id))",
        "CREATE INDEX jobs_of_set ON jobs (set_id)",
        "CREATE INDEX jobs_created ON jobs (created_ns)",
        "CREATE INDEX jobs_unfinished ON jobs (pipeline, id) WHERE state NOT IN (4, 5, 6, 9)",
        "CREATE TABLE pipeline_defaults (project TEXT PRIMARY KEY, document TEXT NOT NULL,"
        " created_ns INTEGER NOT NULL) WITHOUT ROWID",  # project '' is the cluster
        "CREATE TABLE secrets (name TEXT PRIMARY KEY, type TEXT NOT NULL, data TEXT NOT NULL,"
        " created_ns INTEGER NOT NULL) WITHOUT ROWID",
    ),
)

_UNFINISHED = "state NOT IN (4, 5, 6, 9)"

# ---------------------------------------------------------------- pipelines

_PIPELINE = (
    "SELECT p.name, p.project, v.version, v.spec_commit, v.user_json, v.effective_json, v.salt,"
    " p.created_ns, v.updated_ns, v.cron_start_ns, p.stopped, p.state, p.reason"
    " FROM pipelines p JOIN pipeline_versions v ON v.pipeline = p.id"
)


def _pipeline(row: Sequence[object]) -> PipelineInfo:
    name, project, version, commit, user, effective, salt, created, updated, cron, stopped, state, reason = (
        row
    )
    ref = PipelineRef(str(name), str(project))
    return PipelineInfo(
        ref=ref,
        version=_int(version),
        spec_commit=CommitRef(ref.spec, CommitId(str(commit))),
        user_json=str(user),
        effective_json=str(effective),
        salt=str(salt),
        created_ns=_int(created),
        updated_ns=_int(updated),
        cron_start_ns=_int(cron),
        stopped=bool(stopped),
        state=PipelineState(_int(state)),
        reason=str(reason),
    )


def pipeline(connection: Connection, ref: PipelineRef, version: int = 0) -> PipelineInfo | None:
    """The current version, or the one asked for."""
    row = connection.execute(
        f"{_PIPELINE} WHERE p.project = ? AND p.name = ? AND v.version = coalesce(nullif(?, 0), p.version)",
        (ref.project, ref.name, version),
    ).fetchone()
    return None if row is None else _pipeline(row)


def pipeline_id(connection: Connection, ref: PipelineRef) -> int | None:
    row = connection.execute(
        "SELECT id FROM pipelines WHERE project = ? AND name = ?", (ref.project, ref.name)
    ).fetchone()
    return None if row is None else int(row[0])


def pipelines(connection: Connection, history: int = 0) -> list[PipelineInfo]:
    """Newest pipeline first, and of each the current version and `history` more (-1: all)."""
    rows = connection.execute(
        f"{_PIPELINE} WHERE ? < 0 OR v.version >= p.version - ? ORDER BY p.id DESC, v.version DESC",
        (history, history),
    ).fetchall()
    return [_pipeline(row) for row in rows]


def insert_version(connection: Connection, info: PipelineInfo) -> None:
    """Make it the current version, of a new pipeline if need be."""
    connection.execute(
        "INSERT INTO pipelines (project, name, version, stopped, state, reason, created_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (project, name) DO UPDATE SET"
        " version = excluded.version, stopped = excluded.stopped, state = excluded.state, reason = ''",
        (
            info.ref.project,
            info.ref.name,
            info.version,
            info.stopped,
            info.state,
            info.reason,
            info.created_ns,
        ),
    )
    connection.execute(
        "INSERT INTO pipeline_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            pipeline_id(connection, info.ref),
            info.version,
            info.spec_commit.id,
            info.user_json,
            info.effective_json,
            info.salt,
            info.updated_ns,
            info.cron_start_ns,
        ),
    )


def set_salt(connection: Connection, ref: PipelineRef, version: int, salt: str) -> None:
    connection.execute(
        "UPDATE pipeline_versions SET salt = ? WHERE pipeline = ? AND version = ?",
        (salt, pipeline_id(connection, ref), version),
    )


def set_stopped(connection: Connection, ref: PipelineRef, stopped: bool) -> None:
    connection.execute(
        "UPDATE pipelines SET stopped = ? WHERE project = ? AND name = ?", (stopped, ref.project, ref.name)
    )


def set_pipeline_state(connection: Connection, ref: PipelineRef, state: PipelineState, reason: str) -> None:
    connection.execute(
        "UPDATE pipelines SET state = ?, reason = ? WHERE project = ? AND name = ?",
        (state, reason, ref.project, ref.name),
    )


def delete_pipeline(connection: Connection, ref: PipelineRef) -> None:
    """With its versions and jobs."""
    id = pipeline_id(connection, ref)
    connection.execute("DELETE FROM jobs WHERE pipeline = ?", (id,))
    connection.execute("DELETE FROM pipeline_versions WHERE pipeline = ?", (id,))
    connection.execute("DELETE FROM pipelines WHERE id = ?", (id,))


# ---------------------------------------------------------------- jobs

_JOB = (
    "SELECT j.id, p.name, p.project, j.set_id, j.version, j.state, j.created_ns, j.reason, j.started_ns,"
    " j.finished_ns, j.restarts, j.processed, j.skipped, j.failed, j.recovered, j.total, j.stats"
    " FROM jobs j JOIN pipelines p ON p.id = j.pipeline"
)


def _job(row: Sequence[object]) -> JobInfo:
    id, name, project, set_id, version, state, created, reason, started, finished, restarts = row[:11]
    return JobInfo(
        row=_int(id),
        ref=JobRef(PipelineRef(str(name), str(project)), CommitId(str(set_id))),
        version=_int(version),
        state=JobState(_int(state)),
        created_ns=_int(created),
        reason=str(reason),
        started_ns=None if started is None else _int(started),
        finished_ns=None if finished is None else _int(finished),
        restarts=_int(restarts),
        counts=Counts(*(_int(count) for count in row[11:16])),
        stats=ProcessStats(*json.loads(str(row[16]))),
    )


def job(connection: Connection, ref: JobRef) -> JobInfo | None:
    row = connection.execute(
        f"{_JOB} WHERE p.project = ? AND p.name = ? AND j.set_id = ?",
        (ref.pipeline.project, ref.pipeline.name, ref.id),
    ).fetchone()
    return None if row is None else _job(row)


def jobs(
    connection: Connection,
    pipeline: PipelineRef | None = None,
    *,
    least_version: int = 0,
    oldest_first: bool = False,
    bound_ns: int | None = None,
) -> Iterator[JobInfo]:
    """A page at a time; `bound_ns` leaves out what was created before it (oldest first) or after it."""
    id = None if pipeline is None else pipeline_id(connection, pipeline) or -1
    order, step = ("ASC", ">") if oldest_first else ("DESC", "<")
    bound, last = bound_ns, -1 if oldest_first else 1 << 62
    while True:
        rows = connection.execute(
            f"{_JOB} WHERE (? IS NULL OR j.pipeline = ?) AND j.version >= ? AND j.id {step} ?"
            f" AND (? IS NULL OR j.created_ns {step} ?) ORDER BY j.id {order} LIMIT 256",
            (id, id, least_version, last, bound, bound),
        ).fetchall()
        for row in rows:
            yield _job(row)
        if len(rows) < 256:
            return
        last = _int(rows[-1][0])


def unfinished_jobs(connection: Connection, pipeline: PipelineRef) -> list[JobInfo]:
    """Oldest first."""
    rows = connection.execute(
        f"{_JOB} WHERE j.pipeline = ? AND j.{_UNFINISHED} ORDER BY j.id",
        (pipeline_id(connection, pipeline),),
    ).fetchall()
    return [_job(row) for row in rows]


def jobs_of_set(connection: Connection, set_id: str) -> list[JobInfo]:
    rows = connection.execute(f"{_JOB} WHERE j.set_id = ? ORDER BY j.id", (set_id,)).fetchall()
    return [_job(row) for row in rows]


def job_set_ids(connection: Connection, oldest_first: bool = False) -> list[tuple[str, int]]:
    """Every set that has jobs, with when the newest was created."""
    order = "ASC" if oldest_first else "DESC"
    rows = connection.execute(
        f"SELECT set_id, max(created_ns) AS newest FROM jobs GROUP BY set_id ORDER BY newest {order}, set_id"
    )
    return [(str(set_id), int(newest)) for set_id, newest in rows]


def last_job_state(connection: Connection, pipeline: PipelineRef) -> JobState | None:
    row = connection.execute(
        "SELECT state FROM jobs WHERE pipeline = ? ORDER BY id DESC LIMIT 1",
        (pipeline_id(connection, pipeline),),
    ).fetchone()
    return None if row is None else JobState(row[0])


def insert_job(connection: Connection, ref: JobRef, version: int, now_ns: int) -> None:
    # Whole microseconds: listings are continued from this time, and Python's clients keep no more.
    now_ns = now_ns // 1000 * 1000
    connection.execute(
        "INSERT INTO jobs (pipeline, set_id, version, state, reason, created_ns, restarts, processed,"
        " skipped, failed, recovered, total, stats) VALUES (?, ?, ?, ?, '', ?, 0, 0, 0, 0, 0, 0, '[]')",
        (pipeline_id(connection, ref.pipeline), ref.id, version, JobState.CREATED, now_ns),
    )


def set_job_state(connection: Connection, row: int, state: JobState, reason: str, now_ns: int) -> None:
    """Also notes when it first ran and when it came to its end."""
    connection.execute(
        "UPDATE jobs SET state = :state, reason = :reason,"
        " started_ns = CASE WHEN :state = 3 THEN coalesce(started_ns, :now) ELSE started_ns END,"
        " finished_ns = CASE WHEN :ended THEN :now ELSE finished_ns END WHERE id = :row",
        {"state": int(state), "reason": reason, "now": now_ns, "ended": state.terminal, "row": row},
    )


def set_job_progress(connection: Connection, row: int, counts: Counts, stats: ProcessStats) -> None:
    connection.execute(
        "UPDATE jobs SET processed = ?, skipped = ?, failed = ?, recovered = ?, total = ?, stats = ?"
        " WHERE id = ?",
        (
            counts.processed,
            counts.skipped,
            counts.failed,
            counts.recovered,
            counts.total,
            _stats(stats),
            row,
        ),
    )


def count_restart(connection: Connection, row: int) -> None:
    connection.execute("UPDATE jobs SET restarts = restarts + 1 WHERE id = ?", (row,))


def delete_job(connection: Connection, row: int) -> None:
    connection.execute("DELETE FROM jobs WHERE id = ?", (row,))


def _stats(stats: ProcessStats) -> str:
    return json.dumps(
        [stats.download_s, stats.process_s, stats.upload_s, stats.download_bytes, stats.upload_bytes]
    )


# ---------------------------------------------------------------- defaults and secrets


def defaults(connection: Connection, project: str = "") -> tuple[str, int]:
    """The document as it was set and when; project "" is the cluster."""
    row = connection.execute(
        "SELECT document, created_ns FROM pipeline_defaults WHERE project = ?", (project,)
    ).fetchone()
    return ("", 0) if row is None else (str(row[0]), int(row[1]))


def set_defaults(connection: Connection, project: str, document: str, now_ns: int) -> None:
    connection.execute("REPLACE INTO pipeline_defaults VALUES (?, ?, ?)", (project, document, now_ns))


def delete_defaults(connection: Connection) -> None:
    connection.execute("DELETE FROM pipeline_defaults")


def put_secret(connection: Connection, info: SecretInfo, data: str) -> None:
    connection.execute(
        "REPLACE INTO secrets VALUES (?, ?, ?, ?)", (info.name, info.type, data, info.created_ns)
    )


def secret(connection: Connection, name: str) -> tuple[SecretInfo, str] | None:
    row = connection.execute(
        "SELECT name, created_ns, type, data FROM secrets WHERE name = ?", (name,)
    ).fetchone()
    return None if row is None else (SecretInfo(row[0], row[1], row[2]), str(row[3]))


def secrets(connection: Connection) -> list[SecretInfo]:
    rows = connection.execute("SELECT name, created_ns, type FROM secrets ORDER BY name")
    return [SecretInfo(*row) for row in rows]


def delete_secret(connection: Connection, name: str) -> bool:
    return connection.execute("DELETE FROM secrets WHERE name = ?", (name,)).rowcount > 0


def _int(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"expected an integer from the database, got {value!r}")
    return value
