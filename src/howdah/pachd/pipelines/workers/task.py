"""What a worker is asked and what it answers: the seam between jobs and user code.

A job's side makes a `WorkerSetup` per pipeline version, one `Worker` per parallel place,
and calls `worker.run(DatumTask) -> DatumResult` from any one thread at a time. It reads
`result.output` into its upload and closes it; the worker may meanwhile run the next datum.
"""

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from howdah.core.refs import CommitId
from howdah.pachd.pipelines.datums import Datum, InputFile
from howdah.pachd.pipelines.meta import DatumState, ProcessStats
from howdah.pachd.pipelines.refs import JobRef, PipelineRef
from howdah.pachd.pipelines.spec import Resources, Transform
from howdah.pachd.storage.content import Content


class InputData(Protocol):
    """Where input files come from: versions' files and storage's bytes. Thread-safe."""

    def files(self, file: InputFile) -> Iterator[tuple[str, Content]]:
        """Every regular file at or below `file`, as its absolute path in the repo, ordered."""
        ...

    def read(self, content: Content) -> Iterator[bytes]:
        """The verified bytes; raises Corrupt rather than yield wrong ones."""
        ...


@dataclass(frozen=True, slots=True)
class WorkerSetup:
    """All that the datums of one worker have in common. A change of any of it needs a new worker."""

    pipeline: PipelineRef
    spec_commit: CommitId
    transform: Transform
    limits: Resources = field(default_factory=Resources)
    number: int = 0
    """Which of the pipeline's workers this is."""
    env: Mapping[str, str] = field(default_factory=dict)
    """From secrets' `env_var` and from the daemon (`PACHD_PEER_SERVICE_HOST`, …); `transform.env` wins."""
    secret_files: Mapping[str, bytes] = field(default_factory=dict)
    """Absolute path inside the sandbox to content, from secrets' `mount_path`."""

    @property
    def pod_name(self) -> str:
        """What Pachyderm's clients know as the worker's id."""
        return f"{self.pipeline.project}-{self.pipeline.name}-v1-{self.number}".replace("_", "-").lower()


@dataclass(frozen=True, slots=True)
class DatumTask:
    job: JobRef
    datum: Datum
    output_commit: CommitId
    tries: int = 3
    """Attempts in all, each from fresh inputs and an empty /pfs/out."""
    timeout_s: float | None = None
    """Per attempt; user code that takes longer is killed and the attempt failed."""


@dataclass(frozen=True, slots=True)
class Doing:
    """What one worker is at."""

    number: int
    job: JobRef
    inputs: tuple[InputFile, ...]
    since_ns: int

    def matches(self, filters: Sequence[str]) -> bool:
        """Every filter must be some input's path or hash (base64 or hexadecimal)."""
        names = {
            name
            for item in self.inputs
            for name in (item.path, base64.b64encode(item.hash).decode(), item.hash.hex())
        }
        return all(each in names for each in filters)


class Ending(Enum):
    """Why a worker gave a datum back."""

    RAN = "ran"
    CANCELLED = "cancelled"
    """`Worker.cancel()` was called, or the worker closed: nothing may be concluded about the datum."""


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file that user code wrote, readable until the output is closed."""

    path: str
    """Absolute in the output repo."""
    source: Path
    size: int


@dataclass(frozen=True, slots=True)
class CopiedInput:
    """A link from out to an input: the same content at another path, no byte moves."""

    path: str
    content: Content


OutputFile = LocalFile | CopiedInput


class DatumOutput(Protocol):
    """What stood in /pfs/out when the user code ended. Not thread-safe."""

    def __iter__(self) -> Iterator[OutputFile]:
        """Each file once, ordered by path. Raises Invalid for what cannot be committed, such
        as a link that leads nowhere or a name that a repo may not hold; the datum then failed."""
        ...

    def close(self) -> None:
        """Delete the files. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class DatumResult:
    ending: Ending
    state: DatumState
    """PROCESSED, RECOVERED (`err_cmd` ended well; there is no output) or FAILED."""
    reason: str = ""
    """Why it failed, in words for the user; empty when it was processed."""
    output: DatumOutput | None = None
    """Only with PROCESSED; the caller closes it."""
    stats: ProcessStats = field(default_factory=ProcessStats)
    """Of the last attempt; `upload_*` are the caller's to fill in."""
    image_id: str = ""
    """Hash of the image's folder and requirements that the code ran with, or empty."""
    warnings: tuple[str, ...] = ()
    """Said once per worker: an unknown image, no isolation on this system, …"""


class Running(Protocol):
    """One worker. `run` by one thread at a time; `cancel` by any."""

    def run(self, task: DatumTask) -> DatumResult:
        """Run the user code on one datum, up to `task.tries` times.

        Never raises for what user code does. Raises Unavailable when no sandbox can be
        had at all, Corrupt when inputs cannot be read, Invalid when the environment cannot
        be built (its message names the missing wheel).
        """
        ...

    def cancel(self) -> None:
        """Kill the user code of the datum that runs now, if one does; `run` then gives CANCELLED."""
        ...

    def close(self) -> None:
        """Kill everything and remove the worker's folder. Idempotent; a `run` in progress is cancelled."""
        ...
