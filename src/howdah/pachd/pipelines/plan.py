"""What to do next about one pipeline: a pure function of what is observed.

Jobs of a pipeline are worked off one after the other, oldest first, since each stands on the
one before. A service is the exception: its newest job replaces the one that runs.

Effects are idempotent: done twice, or half done when the daemon died, the next round sees
where things stand and plans the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from howdah.pachd.pipelines.records import JobState, PipelineState
from howdah.pachd.pipelines.refs import JobRef


@dataclass(frozen=True, slots=True)
class JobSeen:
    """A job that has not ended."""

    ref: JobRef
    state: JobState
    inputs_ready: bool = False
    failed_inputs: tuple[str, ...] = ()
    running_s: float | None = None  # since its work began
    working: bool = False  # a thread of this daemon is at it


@dataclass(frozen=True, slots=True)
class Seen:
    stopped: bool
    state: PipelineState
    reason: str
    jobs: Sequence[JobSeen]
    """Oldest first."""
    working: Sequence[JobRef] = ()
    """Every job that a thread of this daemon is at, ended ones included."""
    base_closed: bool = True
    """The commits of all ended jobs are finished, so that the next job can stand on them."""
    trouble: str = ""
    """Why work has to wait although nothing is wrong with the spec; it is tried again."""
    service: bool = False
    job_timeout_s: float | None = None


@dataclass(frozen=True, slots=True)
class SetState:
    state: PipelineState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Await:
    """CREATED to STARTING: it waits for its inputs."""

    job: JobRef


@dataclass(frozen=True, slots=True)
class Work:
    """Put a thread at it: RUNNING now, or again after a restart of the daemon."""

    job: JobRef


@dataclass(frozen=True, slots=True)
class End:
    job: JobRef
    state: JobState
    reason: str


@dataclass(frozen=True, slots=True)
class Retire:
    """A service's job gives way to its successor."""

    job: JobRef


@dataclass(frozen=True, slots=True)
class Abandon:
    """Whatever thread is at it has lost its job."""

    job: JobRef


Effect = SetState | Await | Work | End | Retire | Abandon


def plan(seen: Seen) -> list[Effect]:
    effects: list[Effect] = []
    wanted = _pipeline_state(seen)
    if (wanted.state, wanted.reason) != (seen.state, seen.reason):
        effects.append(wanted)
    alive = {job.ref for job in seen.jobs if job.state is not JobState.FINISHING}
    effects += [Abandon(ref) for ref in seen.working if ref not in alive]
    if seen.service:
        effects += _service(seen)
    else:
        effects += _transform(seen)
    return effects


def _pipeline_state(seen: Seen) -> SetState:
    if seen.stopped:
        return SetState(PipelineState.PAUSED)
    if seen.trouble:
        return SetState(PipelineState.CRASHING, seen.trouble)
    return SetState(PipelineState.RUNNING)


def _transform(seen: Seen) -> list[Effect]:
    effects: list[Effect] = []
    free = seen.base_closed and not seen.stopped and not seen.trouble
    for job in seen.jobs:
        if (early := _ended_early(seen, job)) is not None:
            effects.append(early)
            continue
        match job.state:
            case JobState.FINISHING:
                free = False
            case JobState.RUNNING:
                if not job.working and free:
                    effects.append(Work(job.ref))
                free = False
            case JobState.CREATED | JobState.STARTING:
                if job.inputs_ready and free and not job.working:
                    effects.append(Work(job.ref))
                elif job.state is JobState.CREATED and not job.working:
                    effects.append(Await(job.ref))
                free = False
            case _:
                free = False
    return effects


def _service(seen: Seen) -> list[Effect]:
    effects: list[Effect] = []
    ready = [job for job in seen.jobs if job.inputs_ready and job.state is not JobState.FINISHING]
    free = not seen.stopped and not seen.trouble
    newest = ready[-1].ref if ready and free else None
    for job in seen.jobs:
        if (early := _ended_early(seen, job)) is not None:
            effects.append(early)
        elif job.ref == newest:
            if not job.working:
                effects.append(Work(job.ref))
        elif job in ready and newest is not None:
            effects.append(Retire(job.ref))
        elif job.state is JobState.CREATED:
            effects.append(Await(job.ref))
    return effects


def _ended_early(seen: Seen, job: JobSeen) -> End | None:
    if job.state is JobState.FINISHING:
        return None
    if job.failed_inputs:
        names = ", ".join(job.failed_inputs)
        reason = f"unrunnable because the following upstream pipelines failed: {names}"
        return End(job.ref, JobState.UNRUNNABLE, reason)
    limit_s = seen.job_timeout_s
    if limit_s is not None and job.running_s is not None and job.running_s >= limit_s:
        return End(job.ref, JobState.KILLED, f"job timed out: it ran longer than {limit_s:g} s")
    return None
