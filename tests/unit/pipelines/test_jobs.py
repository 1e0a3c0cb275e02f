"""Jobs from commit to commit: what runs, what is skipped, what is left when it is over."""

import errno
import json
import time

import pytest

from howdah.core.refs import RepoRef
from howdah.errors import Invalid
from howdah.pachd.pipelines import changing_jobs, operations, secrets, tables
from howdah.pachd.pipelines.meta import DatumState
from howdah.pachd.pipelines.records import Counts, JobState, PipelineState
from howdah.pachd.pipelines.refs import PipelineRef

pytestmark = pytest.mark.slow

RAW = {"pfs": {"repo": "raw", "glob": "/*"}}
COPY = "cp -r /pfs/raw/* /pfs/out/"


def test_a_commit_runs_through(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1", "/b": b"2"})
    plant.pipeline("copy", RAW, COPY)
    job = plant.wait("copy")
    assert (job.state, job.counts) == (JobState.SUCCESS, Counts(processed=2, total=2))
    assert plant.output("copy") == {"/a": b"1", "/b": b"2"}


def test_new_bytes_of_any_size_stand_in_the_output_and_in_the_meta_commit(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    # Bytes that the store has never seen, too many to lie inline: they exist only in the upload at first.
    plant.pipeline("grow", RAW, "seq 1 400 > /pfs/out/medium; seq 1 400000 > /pfs/out/large")
    job = plant.wait("grow")
    assert job.state is JobState.SUCCESS, job.reason
    output = plant.output("grow")
    (meta,) = plant.metas(job.ref)
    listed = plant.meta_files(job.ref)
    for name in ("/medium", "/large"):
        assert output[name].splitlines()[-1] in (b"400", b"400000")
        assert listed[f"/pfs/{meta.datum.id}/out{name}"] == output[name]


def test_only_what_changed_runs_again(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {f"/{n}": b"x" for n in range(4)})
    plant.pipeline("copy", RAW, COPY)
    plant.wait("copy")
    id = plant.put("raw", {"/1": b"changed", "/2": None, "/new": b"y"})
    job = plant.wait("copy", id)
    assert job.counts == Counts(processed=2, skipped=2, total=4)
    assert plant.output("copy") == {"/0": b"x", "/1": b"changed", "/3": b"x", "/new": b"y"}
    metas = plant.metas(job.ref)
    assert len(metas) == 4
    assert sum(meta.job == job.ref for meta in metas) == 2


def test_a_directory_datum_changes_with_any_file_below(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a/1": b"1", "/a/2": b"2", "/b/1": b"1"})
    plant.pipeline("count", RAW, "for d in /pfs/raw/*; do ls $d | wc -l > /pfs/out/$(basename $d); done")
    plant.wait("count")
    job = plant.wait("count", plant.put("raw", {"/a/3": b"3"}))
    assert (job.counts.processed, job.counts.skipped) == (1, 1)
    assert plant.output("count") == {"/a": b"3\n", "/b": b"1\n"}
    job = plant.wait("count", plant.put("raw", {"/a/": None, "/a": b"now a file"}))
    assert (job.state, job.counts.processed) == (JobState.SUCCESS, 1)
    assert plant.output("count") == {"/a": b"1\n", "/b": b"1\n"}


def test_a_commit_that_changes_nothing_skips_all(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("copy", RAW, COPY)
    plant.wait("copy")
    job = plant.wait("copy", plant.put("raw", {"/a": b"1"}))
    assert job.counts == Counts(skipped=1, total=1)
    assert plant.output("copy") == {"/a": b"1"}


def test_a_failed_datum_fails_the_job_and_what_is_downstream(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/bad": b"1", "/good": b"2"})
    plant.pipeline(
        "first", RAW, "echo trying; test ! -e /pfs/raw/bad; cp /pfs/raw/* /pfs/out/", datum_tries=2
    )
    plant.pipeline("second", {"pfs": {"repo": "first", "glob": "/*"}}, "cp /pfs/first/* /pfs/out/")
    job = plant.wait("first")
    assert job.state is JobState.FAILURE
    bad = next(meta for meta in plant.metas(job.ref) if meta.state is DatumState.FAILED)
    assert job.reason.startswith(f"datum {bad.datum.id} failed: the command exited with code 1")
    assert bad.reason
    assert job.counts == Counts(processed=1, failed=1, total=2)
    assert plant.said("first").count("trying") == 3  # two tries and the good one
    downstream = plant.wait("second")
    assert downstream.state is JobState.UNRUNNABLE
    assert downstream.reason == "unrunnable because the following upstream pipelines failed: first"
    # The work of a failed job is not reused.
    fixed = plant.wait("first", plant.put("raw", {"/bad": None}))
    assert (fixed.state, fixed.counts) == (JobState.SUCCESS, Counts(processed=1, total=1))
    assert plant.wait("second").state is JobState.SUCCESS


def test_err_cmd_recovers_and_the_datum_is_tried_by_the_next_job(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/bad": b"1", "/good": b"2"})
    recovers = {"err_cmd": ["true"]}
    plant.pipeline("p", RAW, "test ! -e /pfs/raw/bad; cp /pfs/raw/* /pfs/out/", transform=recovers)
    job = plant.wait("p")
    assert (job.state, job.counts) == (JobState.SUCCESS, Counts(processed=1, recovered=1, total=2))
    assert plant.output("p") == {"/good": b"2"}
    again = plant.wait("p", plant.put("raw", {"/more": b"3"}))
    assert again.counts == Counts(processed=1, recovered=1, skipped=1, total=3)


def test_two_datums_that_write_one_path_make_the_output_invalid(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1", "/b": b"2"})
    plant.pipeline("clash", RAW, "cat /pfs/raw/* > /pfs/out/same")
    job = plant.wait("clash")
    assert job.state is JobState.FAILURE
    assert "duplicate path output by different datums" in job.reason
    fixed = plant.wait("clash", plant.put("raw", {"/b": None}))
    assert (fixed.state, fixed.counts.processed) == (JobState.SUCCESS, 1)
    assert plant.output("clash") == {"/same": b"1"}


def test_update_skips_unless_asked_to_reprocess(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, COPY)
    plant.wait("p")
    plant.pipeline("p", RAW, "echo other > /pfs/out/b", update=True)
    job = plant.wait("p")
    assert (job.version, job.counts) == (2, Counts(skipped=1, total=1))
    assert plant.output("p") == {"/a": b"1"}
    plant.pipeline("p", RAW, "echo other > /pfs/out/b", update=True, reprocess=True)
    assert plant.wait("p").counts == Counts(processed=1, total=1)
    assert plant.output("p") == {"/b": b"other\n"}


def test_every_job_runs_everything_every_time(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, COPY, reprocess_spec="every_job")
    plant.wait("p")
    assert plant.wait("p", plant.put("raw", {"/b": b"2"})).counts == Counts(processed=2, total=2)


def test_a_changed_input_drops_what_the_old_one_gave(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1", "/b": b"2"})
    plant.pipeline("p", RAW, COPY)
    plant.wait("p")
    plant.pipeline("p", {"pfs": {"repo": "raw", "glob": "/a"}}, COPY, update=True)
    assert plant.wait("p").counts == Counts(skipped=1, total=1)
    assert plant.output("p") == {"/a": b"1"}


def test_a_stopped_job_leaves_no_process_and_closes_its_commits(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, "echo begun; sleep 600")
    plant.until("p", lambda job: job.state is JobState.RUNNING)
    ref = plant.latest("p").ref
    plant.versions.transact(lambda tx: changing_jobs.stop(tx, ref, "enough"))
    job = plant.wait("p")
    assert (job.state, job.reason) == (JobState.KILLED, "enough")
    plant.versions.wait_commit(ref.output, timeout_s=30)
    plant.pipeline("p", RAW, COPY, update=True)
    assert plant.wait("p").state is JobState.SUCCESS


def test_a_datum_that_takes_too_long_fails(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, "sleep 600", datum_timeout="0.2s", datum_tries=1)
    job = plant.wait("p")
    assert job.state is JobState.FAILURE
    assert plant.metas(job.ref)[0].reason


def test_a_job_that_takes_too_long_is_killed(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, "sleep 600", job_timeout="0.3s")
    job = plant.wait("p")
    assert job.state is JobState.KILLED
    assert "timed out" in job.reason


def test_restarting_a_datum_runs_it_again(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, "echo begun\nsleep 600")
    ref = plant.latest("p").ref
    with plant.logs_of("p", ref.id) as lines:
        assert next(lines) == "begun"
        assert not plant.engine.controller.restart_datum(ref, ["/other"])
        assert plant.engine.controller.restart_datum(ref, ["/a"])
        assert next(lines) == "begun"
    assert plant.latest("p").state is JobState.RUNNING
    assert [doing.inputs[0].path for doing in plant.engine.controller.doing(ref)] == ["/a"]


def test_cross_join_and_group_end_to_end(plant) -> None:
    plant.repo("raw", "params")
    plant.put("raw", {"/x-1": b"a", "/x-2": b"b", "/y-1": b"c"})
    plant.put("params", {"/p": b"P", "/q": b"Q"})
    cross = {"cross": [RAW, {"pfs": {"repo": "params", "glob": "/*"}}]}
    both = 'cat /pfs/raw/* /pfs/params/* > "/pfs/out/$(basename $raw)_$(basename $params)"'
    plant.pipeline("cross", cross, both)
    assert plant.wait("cross").counts.processed == 6
    assert plant.output("cross")["/x-1_q"] == b"aQ"
    group = {"group": [{"pfs": {"repo": "raw", "glob": "/(*)-*", "group_by": "$1"}}]}
    plant.pipeline("group", group, "cat /pfs/raw/* > /pfs/out/$PACH_DATUM_raw_GROUP_BY")
    plant.wait("group")
    assert plant.output("group") == {"/x": b"ab", "/y": b"c"}
    job = plant.wait("group", plant.put("raw", {"/y-2": b"d"}))
    assert job.counts == Counts(processed=1, skipped=1, total=2)
    assert plant.output("group") == {"/x": b"ab", "/y": b"cd"}
    assert plant.wait("cross").counts == Counts(processed=2, skipped=6, total=8)


def test_parallel_workers_share_the_datums(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {f"/{n}": b"x" for n in range(6)})
    plant.pipeline("p", RAW, "echo $PPS_POD_NAME", parallelism_spec={"constant": 2})
    assert plant.wait("p").counts.processed == 6
    assert len(set(plant.said("p"))) == 2


def test_secrets_reach_the_environment_and_files(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    document = b'{"metadata": {"name": "db"}, "stringData": {"password": "open"}}'
    plant.versions.transact(lambda tx: secrets.create(tx, document))
    mounts = [
        {"name": "db", "key": "password", "env_var": "PASSWORD"},
        {"name": "db", "mount_path": "/secrets"},
    ]
    plant.pipeline("p", RAW, "echo $PASSWORD; cat /secrets/password", transform={"secrets": mounts})
    assert plant.wait("p").state is JobState.SUCCESS
    assert plant.said("p") == ["open", "open"]


def test_a_hundred_commits_one_after_the_other(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/0": b"0"})
    plant.pipeline("p", RAW, COPY)
    ids = [plant.put("raw", {f"/{n}": str(n).encode()}) for n in range(1, 20)]
    for n, id in enumerate(ids, 1):
        assert plant.wait("p", id).counts == Counts(processed=1, skipped=n, total=n + 1)
    assert len(plant.output("p")) == 20


def test_a_command_that_does_not_exist_is_named(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, "", transform={"cmd": ["no-such-program"], "stdin": []}, datum_tries=1)
    job = plant.wait("p")
    assert job.state is JobState.FAILURE
    assert "no-such-program" in plant.metas(job.ref)[0].reason


def test_an_empty_input_gives_an_empty_success(plant) -> None:
    plant.repo("raw")
    plant.pipeline("p", RAW, COPY)
    assert plant.wait("p").counts == Counts()


def test_a_service_runs_until_its_successor_comes(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    service = {"internal_port": 8080}
    whole = {"pfs": {"repo": "raw", "glob": "/"}}
    plant.pipeline("s", whole, "ls /pfs/raw; sleep 600", service=service)
    first = plant.until("s", lambda job: job.state is JobState.RUNNING)
    with plant.logs_of("s", first.ref.id) as lines:
        assert next(lines) == "a"
    id = plant.put("raw", {"/b": b"2"})
    with plant.logs_of("s", id) as lines:
        assert [next(lines), next(lines)] == ["a", "b"]
    assert plant.wait("s", first.ref.id).state is JobState.SUCCESS


def test_a_service_wants_one_datum(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1", "/b": b"2"})
    plant.pipeline("s", RAW, "true", service={"internal_port": 8080})
    job = plant.wait("s")
    assert (job.state, "exactly one datum" in job.reason) == (JobState.FAILURE, True)


def test_cron_ticks_by_hand_and_in_time(plant) -> None:
    cron = {"cron": {"name": "tick", "spec": "@every 1s"}}
    info = plant.pipeline("p", cron, "ls /pfs/tick > /pfs/out/$(ls /pfs/tick)")
    plant.engine.controller.run_cron(info)
    ended = plant.until("p", lambda job: job.state.terminal)
    assert ended.state is JobState.SUCCESS
    ticks = plant.versions.wait_until(
        lambda view: (len(list(view.commits(RepoRef("p_tick")))) >= 3) or None,
        ("default/p_tick",),
        "ticks",
        30,
    )
    assert ticks
    plant.versions.transact(lambda tx: operations.stop(tx, info.ref))


def test_deleting_a_pipeline_ends_its_work(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    info = plant.pipeline("p", RAW, "echo begun; sleep 600")
    with plant.logs_of("p", plant.latest("p").ref.id) as lines:
        assert next(lines) == "begun"
    plant.versions.transact(lambda tx: operations.delete(tx, info.ref))
    plant.pipeline("p", RAW, COPY)
    assert plant.wait("p").state is JobState.SUCCESS


def test_a_job_goes_on_after_the_daemon_was_down(open_plant) -> None:
    first = open_plant()
    first.repo("raw")
    first.put("raw", {f"/{n}": b"x" for n in range(5)})
    script = "echo ran $(ls /pfs/raw); test ! -e /pfs/raw/3 || sleep 600; cp /pfs/raw/* /pfs/out"
    first.pipeline("p", RAW, script, datum_set_spec={"number": 1})
    first.until("p", lambda job: job.counts.processed == 3)
    first.close()
    again = open_plant()
    job = again.until("p", lambda job: job.restarts == 1)
    assert job.state is JobState.RUNNING
    with again.logs_of("p", job.ref.id) as lines:
        ran = [next(lines) for _ in range(5)]  # the fourth began before and after
    assert ran == ["ran 0", "ran 1", "ran 2", "ran 3", "ran 3"]


def test_a_pipeline_made_anew_under_an_old_name_runs_its_own_code(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, "echo old > /pfs/out/x")
    plant.wait("p")
    new = {
        "pipeline": {"name": "p"},
        "input": RAW,
        "transform": {"cmd": ["sh", "-c", "echo new > /pfs/out/x"]},
    }

    def replace(tx) -> None:
        operations.delete(tx, PipelineRef("p"))
        operations.create(tx, operations.effective(tx, json.dumps(new)))

    plant.versions.transact(replace)  # in one step, so that nobody sees it gone
    assert plant.wait("p").state is JobState.SUCCESS
    assert plant.output("p") == {"/x": b"new\n"}


def test_workers_of_a_stopped_pipeline_are_sent_home(plant) -> None:
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, COPY)
    plant.wait("p")
    assert list(plant.workers.iterdir())
    plant.versions.transact(lambda tx: operations.stop(tx, PipelineRef("p")))
    while list(plant.workers.iterdir()):
        time.sleep(0.001)  # another thread is at it
    plant.versions.transact(lambda tx: operations.start(tx, PipelineRef("p")))
    assert plant.wait("p").state is JobState.SUCCESS


def test_workers_with_nothing_to_do_are_sent_home(plant) -> None:
    plant.engine.controller.idle_s = 0.05
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, "sleep 0.2; cp -r /pfs/raw/* /pfs/out/")  # longer than that, and not disturbed
    assert plant.wait("p").state is JobState.SUCCESS
    while list(plant.workers.iterdir()):
        time.sleep(0.001)
    job = plant.wait("p", plant.put("raw", {"/b": b"2"}))
    assert (job.state, job.counts.processed) == (JobState.SUCCESS, 1)


def test_a_cron_input_whose_repo_is_gone_stops_no_other_pipeline(plant) -> None:
    plant.repo("raw")
    plant.pipeline("clock", {"cron": {"name": "tick", "spec": "@every 1s"}}, "true")
    plant.versions.transact(lambda tx: tx.delete_repo(RepoRef("clock_tick"), force=True))
    plant.pipeline("p", RAW, COPY)
    until_s = time.monotonic() + 2.5  # at least two ticks are due
    number = 0
    while time.monotonic() < until_s:
        number += 1
        assert plant.wait("p", plant.put("raw", {"/a": str(number).encode()})).state is JobState.SUCCESS
    with plant.versions.view() as view:
        clock = tables.pipeline(view.connection, PipelineRef("clock"))
    assert clock is not None
    assert (clock.state, clock.reason) == (PipelineState.CRASHING, "repo default/clock_tick not found")


def test_a_machine_that_is_full_is_waited_for_and_said(plant) -> None:
    plant.hindrances = [OSError(errno.ENOSPC, "No space left on device")]
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    seen: list[tuple[PipelineState, str]] = []

    def look(view) -> bool | None:
        info = tables.pipeline(view.connection, PipelineRef("p"))
        if info is not None:
            seen.append((info.state, info.reason))
        return True if seen and seen[-1][0] is PipelineState.CRASHING else None

    plant.pipeline("p", RAW, COPY)
    plant.versions.wait_until(look, ("pipelines",), "waiting for trouble", 30)
    assert seen[-1][1] == "this machine cannot do it now: No space left on device"
    assert plant.wait("p").state is JobState.SUCCESS


def test_an_environment_that_cannot_be_made_ends_one_job_and_a_start_tries_again(plant) -> None:
    plant.hindrances = [Invalid("no wheel") for _ in range(2)]
    plant.repo("raw")
    plant.put("raw", {"/a": b"1"})
    plant.pipeline("p", RAW, COPY)
    first = plant.latest("p").ref.id
    for id in (first, plant.put("raw", {"/b": b"2"})):
        job = plant.wait("p", id)
        assert job.state is JobState.FAILURE and "no wheel" in job.reason
    ref = PipelineRef("p")
    plant.versions.transact(lambda tx: operations.stop(tx, ref))
    plant.versions.transact(lambda tx: operations.start(tx, ref))
    assert plant.wait("p").state is JobState.SUCCESS
    assert plant.output("p") == {"/a": b"1", "/b": b"2"}
    plant.hindrances = [Invalid("no wheel again")]
    plant.pipeline("p", RAW, COPY, update=True, reprocess=True)
    assert plant.wait("p").state is JobState.FAILURE
    plant.versions.transact(lambda tx: operations.rerun(tx, ref, reprocess=True))
    assert plant.wait("p").state is JobState.SUCCESS
