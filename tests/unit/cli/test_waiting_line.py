"""What a wait says of the jobs that it waits for."""

from types import SimpleNamespace

from howdah.cli.pachctl.waiting import Stand, line, stand

CREATED, RUNNING, FAILURE, SUCCESS = 1, 3, 4, 5


def job(pipeline: str, state: int, done: int = 0, total: int = 0):
    counts = {"data_processed": done, "data_skipped": 0, "data_failed": 0, "data_recovered": 0}
    named = SimpleNamespace(pipeline=SimpleNamespace(name=pipeline))
    return SimpleNamespace(job=named, state=state, data_total=total, **counts)


def test_jobs_that_have_ended_are_counted_and_the_one_at_work_is_named():
    jobs = [job("a", SUCCESS, 2, 2), job("b", FAILURE, 0, 1), job("c", RUNNING, 3, 9), job("d", CREATED)]
    assert stand(jobs) == Stand(4, 2, "c", 3, 9)
    assert stand(jobs[:2]) == Stand(2, 2)
    assert stand([]) == Stand()


def test_the_line_says_what_is_known_and_no_more():
    assert line(Stand(), 2.4, 0, 0) == "waiting 2 s"
    assert line(Stand(4, 2), 2, 0, 0) == "waiting 2 s, 2 of 4 jobs"
    assert line(Stand(4, 2, "c", 3, 9), 5, 0, 1) == "waiting 5 s, 2 of 4 jobs, c 3 of 9 datums"
    assert line(Stand(4, 2, "c", 5, 9), 9, 2, 4).endswith("c 5 of 9 datums, 0.5/s, 8 s left")
