"""What the engine remembers of pipelines and jobs: frozen records."""

import functools
import json
from dataclasses import dataclass, field, replace
from enum import IntEnum

from howdah.core.refs import CommitRef
from howdah.pachd.pipelines.meta import ProcessStats
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.pipelines.schema import JsonObject
from howdah.pachd.pipelines.spec import PipelineSpec, parse


class JobState(IntEnum):
    """Pachyderm's numbers."""

    CREATED = 1
    STARTING = 2
    RUNNING = 3
    FAILURE = 4
    SUCCESS = 5
    KILLED = 6
    EGRESSING = 7
    FINISHING = 8
    UNRUNNABLE = 9

    @property
    def terminal(self) -> bool:
        return self in _TERMINAL


_TERMINAL = frozenset({JobState.FAILURE, JobState.SUCCESS, JobState.KILLED, JobState.UNRUNNABLE})


class PipelineState(IntEnum):
    """Pachyderm's numbers."""

    STARTING = 1
    RUNNING = 2
    RESTARTING = 3
    FAILURE = 4
    PAUSED = 5
    STANDBY = 6
    CRASHING = 7


@functools.lru_cache(maxsize=1024)
def _parsed(effective_json: str) -> PipelineSpec:
    return parse(json.loads(effective_json))


@dataclass(frozen=True, slots=True)
class PipelineInfo:
    """One version of a pipeline. `stopped`, `state` and `reason` are the pipeline's, not the version's."""

    ref: PipelineRef
    version: int
    spec_commit: CommitRef
    user_json: str
    effective_json: str
    salt: str
    created_ns: int
    updated_ns: int
    cron_start_ns: int = 0
    stopped: bool = False
    state: PipelineState = PipelineState.STARTING
    reason: str = ""

    @property
    def effective(self) -> JsonObject:
        value: JsonObject = json.loads(self.effective_json)
        return value

    @property
    def spec(self) -> PipelineSpec:
        return replace(_parsed(self.effective_json), salt=self.salt)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many datums a job has had in hand, and what became of them."""

    processed: int = 0
    skipped: int = 0
    failed: int = 0
    recovered: int = 0
    total: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.processed + other.processed,
            self.skipped + other.skipped,
            self.failed + other.failed,
            self.recovered + other.recovered,
            self.total + other.total,
        )


@dataclass(frozen=True, slots=True)
class JobInfo:
    row: int
    ref: JobRef
    version: int
    """Of the pipeline, when the job was born."""
    state: JobState
    created_ns: int
    reason: str = ""
    started_ns: int | None = None
    finished_ns: int | None = None
    restarts: int = 0
    counts: Counts = Counts()
    stats: ProcessStats = field(default_factory=ProcessStats)


@dataclass(frozen=True, slots=True)
class SecretInfo:
    name: str
    created_ns: int
    type: str = "Opaque"
