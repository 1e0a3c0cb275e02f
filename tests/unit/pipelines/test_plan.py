"""What the controller decides, as tables."""

from dataclasses import replace

import pytest

from howdah.core.refs import CommitId
from howdah.pachd.pipelines.plan import (
    Abandon,
    Await,
    Effect,
    End,
    JobSeen,
    Retire,
    Seen,
    SetState,
    Work,
    plan,
)
from howdah.pachd.pipelines.records import JobState, PipelineState
from howdah.pachd.pipelines.refs import JobRef, PipelineRef

P = PipelineRef("p")
ONE, TWO, THREE = (JobRef(P, CommitId(str(n) * 32)) for n in (1, 2, 3))
CREATED, STARTING, RUNNING, FINISHING = (
    JobState.CREATED, JobState.STARTING, JobState.RUNNING, JobState.FINISHING,
)  # fmt: skip
CALM = Seen(stopped=False, state=PipelineState.RUNNING, reason="", jobs=())
FAILED = "unrunnable because the following upstream pipelines failed: up"


@pytest.mark.parametrize(
    ("jobs", "effects"),
    [
        ([], []),
        ([JobSeen(ONE, CREATED)], [Await(ONE)]),
        ([JobSeen(ONE, STARTING)], []),
        ([JobSeen(ONE, CREATED, inputs_ready=True)], [Work(ONE)]),
        ([JobSeen(ONE, STARTING, inputs_ready=True)], [Work(ONE)]),
        ([JobSeen(ONE, RUNNING, inputs_ready=True, working=True)], []),
        ([JobSeen(ONE, CREATED, inputs_ready=True, working=True)], []),  # its thread has just begun
        # After a crash the job goes on where it stood.
        ([JobSeen(ONE, RUNNING, inputs_ready=True)], [Work(ONE)]),
        ([JobSeen(ONE, FINISHING), JobSeen(TWO, CREATED, inputs_ready=True)], [Await(TWO)]),
        ([JobSeen(ONE, RUNNING, working=True), JobSeen(TWO, STARTING, inputs_ready=True)], []),
        # Nobody overtakes a job that waits for its inputs.
        ([JobSeen(ONE, STARTING), JobSeen(TWO, CREATED, inputs_ready=True)], [Await(TWO)]),
        ([JobSeen(ONE, CREATED, failed_inputs=("up",))], [End(ONE, JobState.UNRUNNABLE, FAILED)]),
        (
            [JobSeen(ONE, STARTING, failed_inputs=("up",)), JobSeen(TWO, CREATED, inputs_ready=True)],
            [End(ONE, JobState.UNRUNNABLE, FAILED), Work(TWO)],
        ),
    ],
)
def test_jobs_are_worked_off_in_order(jobs: list[JobSeen], effects: list[Effect]) -> None:
    assert plan(replace(CALM, jobs=jobs)) == effects


def test_the_next_job_waits_until_the_last_ones_commits_are_closed() -> None:
    jobs = [JobSeen(ONE, STARTING, inputs_ready=True)]
    assert plan(replace(CALM, jobs=jobs, base_closed=False)) == []


def test_a_stopped_pipeline_is_paused_and_begins_nothing() -> None:
    jobs = [JobSeen(ONE, STARTING, inputs_ready=True)]
    assert plan(replace(CALM, jobs=jobs, stopped=True)) == [SetState(PipelineState.PAUSED)]


def test_a_thread_whose_job_ended_is_abandoned() -> None:
    assert plan(replace(CALM, working=[ONE])) == [Abandon(ONE)]
    jobs = [JobSeen(ONE, FINISHING), JobSeen(TWO, RUNNING, working=True)]
    assert plan(replace(CALM, jobs=jobs, working=[ONE, TWO])) == [Abandon(ONE)]


def test_passing_trouble_holds_new_work_back() -> None:
    seen = replace(CALM, jobs=[JobSeen(ONE, STARTING, inputs_ready=True)], trouble="disk full")
    assert plan(seen) == [SetState(PipelineState.CRASHING, "disk full")]
    assert plan(replace(seen, trouble="")) == [Work(ONE)]


def test_a_job_that_runs_too_long_is_killed() -> None:
    job = JobSeen(ONE, RUNNING, inputs_ready=True, running_s=61, working=True)
    seen = replace(CALM, jobs=[job], working=[ONE], job_timeout_s=60)
    assert plan(seen) == [End(ONE, JobState.KILLED, "job timed out: it ran longer than 60 s")]
    assert plan(replace(seen, job_timeout_s=62)) == []


def test_a_service_runs_its_newest_job_only() -> None:
    jobs = [
        JobSeen(ONE, RUNNING, inputs_ready=True, working=True),
        JobSeen(TWO, STARTING, inputs_ready=True),
        JobSeen(THREE, CREATED),
    ]
    seen = replace(CALM, jobs=jobs, service=True, working=[ONE])
    assert plan(seen) == [Retire(ONE), Work(TWO), Await(THREE)]
    again = replace(seen, jobs=[replace(jobs[1], state=RUNNING, working=True)], working=[TWO])
    assert plan(again) == []
