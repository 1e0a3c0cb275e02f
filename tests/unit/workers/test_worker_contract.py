"""What user code finds, and what becomes of what it leaves, under every isolation."""

import os
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from howdah.core.refs import CommitId
from howdah.pachd.pipelines.datums import Datum
from howdah.pachd.pipelines.logs import LogQuery
from howdah.pachd.pipelines.meta import DatumState
from howdah.pachd.pipelines.refs import PipelineRef
from howdah.pachd.pipelines.spec import Resources, Transform
from howdah.pachd.pipelines.workers.isolation import Detected, Isolation
from howdah.pachd.pipelines.workers.task import DatumResult, Ending, WorkerSetup
from howdah.pachd.pipelines.workers.worker import Worker
from howdah.pachd.storage.content import Content, hash_of
from howdah.processes.environments import Environment

pytestmark = pytest.mark.slow

Read = Callable[[DatumResult], dict[str, bytes | Content]]
BIG = os.urandom(100_000)
MOUNTING = [Isolation.BUBBLEWRAP, Isolation.NAMESPACES]
PIPELINE, SPEC = PipelineRef("edges"), CommitId("2" * 32)
PROCESSORS = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
NAMES = {
    "in", "in_COMMIT", "PACH_DATUM_ID", "PACH_JOB_ID", "PACH_NAMESPACE", "PACH_OUTPUT_COMMIT_ID",
    "PPS_NAMESPACE", "PPS_PIPELINE_NAME", "PPS_POD_NAME", "PPS_PROJECT_NAME", "PPS_SPEC_COMMIT",
    "PATH", "HOME", "TMPDIR",
}  # fmt: skip
"""Of a worker with one input; the daemon adds where pachd listens."""


def test_copies_inputs_to_outputs(shop: Any, read: Read) -> None:
    worker = shop.sh("cp -r /pfs/in/. /pfs/out/")
    files = {"/a": b"one", "/d/b c": b"two", "/d/ünï/☃": BIG, "/empty": b""}
    result = worker.run(shop.task(files))
    assert (result.ending, result.state, result.reason) == (Ending.RAN, DatumState.PROCESSED, "")
    assert read(result) == files
    assert result.stats.download_bytes == 6 + len(BIG)


def test_each_datum_sees_only_its_own_files_and_an_empty_out(shop: Any, read: Read) -> None:
    worker = shop.sh("ls -A /pfs/in /pfs/out $TMPDIR > /pfs/out/seen; touch $TMPDIR/left /pfs/out/more")
    files = {"/a": b"1", "/b": BIG}
    first = read(worker.run(shop.task(files, path="/a")))
    second = read(worker.run(shop.task(path="/b")))
    in_the_first = first["/seen"].decode().split()
    assert "a" in in_the_first
    assert "b" not in in_the_first
    assert second["/seen"].decode().split() == ["b" if name == "a" else name for name in in_the_first]


def test_the_environment_of_the_worker_contract(shop: Any, read: Read) -> None:
    worker = shop.sh(
        "env -0 > /pfs/out/env; cat /pfs/.env > /pfs/out/dotenv",
        setup={"env": {"A_SECRET": "s", "OURS": "daemon"}},
        env={"OURS": "spec"},
    )
    files = read(worker.run(shop.task({"/d/a b": b""}, path="/d/a b")))
    env = dict(line.split("=", 1) for line in files["/env"].decode().split("\0") if line)
    assert env["in"].endswith("/pfs/in/d/a b")
    assert env["in_COMMIT"] == "2" * 32
    assert env["PACH_JOB_ID"] == "1" * 32
    assert env["PACH_OUTPUT_COMMIT_ID"] == "3" * 32
    assert len(env["PACH_DATUM_ID"]) == 64
    assert (env["PPS_PIPELINE_NAME"], env["PPS_PROJECT_NAME"]) == ("edges", "default")
    assert env["PPS_SPEC_COMMIT"] == "2" * 32
    assert env["PACH_NAMESPACE"] == "default"
    assert env["PPS_POD_NAME"]
    assert (env["A_SECRET"], env["OURS"]) == ("s", "spec")
    assert os.access(env["HOME"], os.F_OK)
    assert b"PACH_DATUM_ID=" in files["/dotenv"]
    assert "FILESET_ID" not in env  # no fileset is made of the inputs, so no id would mean anything
    assert set(env) >= NAMES


def test_the_keys_of_joins_and_groups_are_told(shop: Any, read: Read) -> None:
    task = shop.task({"/a": b""}, path="/a")
    (file,) = task.datum.inputs
    joined = replace(task, datum=Datum((replace(file, join_on="east", group_by="2020"),)))
    env = read(shop.sh("env > /pfs/out/env").run(joined))["/env"].decode().splitlines()
    assert {"PACH_DATUM_in_JOIN_ON=east", "PACH_DATUM_in_GROUP_BY=2020"} <= set(env)
    alone = read(shop.sh("env > /pfs/out/env").run(task))["/env"]
    assert b"_JOIN_ON" not in alone and b"_GROUP_BY" not in alone


@pytest.mark.skipif(len(PROCESSORS) < 2, reason="on one processor a limit to one of them changes nothing")
@pytest.mark.parametrize(("cpu", "count"), [(None, len(PROCESSORS)), (1.0, 1), (0.5, 1)])
def test_user_code_runs_on_as_many_processors_as_its_limit(
    shop: Any, read: Read, cpu: float | None, count: int
) -> None:
    code = "import os; print(len(os.sched_getaffinity(0)))"
    worker = shop.worker("python3", "-c", code, limits=Resources(cpu=cpu))
    worker.run(shop.task({}))
    assert shop.log() == [str(count)]


def test_a_warning_that_nothing_shuts_code_in_is_in_the_jobs_log_once(shop: Any) -> None:
    workplace = replace(shop.workplace, detected=Detected(shop.isolation, "code is not shut in"))
    worker = Worker(workplace, WorkerSetup(PIPELINE, SPEC, Transform(cmd=("true",))), shop.outer)
    try:
        results = [worker.run(shop.task({})) for _ in range(2)]
    finally:
        worker.close()
    assert [result.warnings for result in results] == [("code is not shut in",), ()]
    lines = [line.message for line in shop.logs.read(LogQuery(PIPELINE, job=shop.task().job.id))]
    assert lines.count("warning: code is not shut in") == 1


def test_user_code_is_told_the_hash_of_its_code_where_it_has_one(shop: Any, read: Read) -> None:
    script = "echo ${HOWDAH_CODE_HASH-none} > /pfs/out/hash"
    assert read(shop.sh(script).run(shop.task({}))) == {"/hash": b"none\n"}
    shop.images.environment = replace(shop.images.environment, id="1f2e")
    assert read(shop.sh(script).run(shop.task({}))) == {"/hash": b"1f2e\n"}


def test_stdin_lines_are_fed_and_without_them_it_is_empty(shop: Any, read: Read) -> None:
    worker = shop.worker("sh", stdin=("cd $TMPDIR", "echo 'a b' > made", "cat made > /pfs/out/x"))
    assert read(worker.run(shop.task({}))) == {"/x": b"a b\n"}
    assert read(shop.sh("cat > /pfs/out/x").run(shop.task({}))) == {"/x": b""}


def test_a_command_is_never_read_by_a_shell(shop: Any) -> None:
    result = shop.worker("echo hello").run(shop.task({}))
    assert result.state is DatumState.FAILED
    assert result.reason == (
        'cannot run "echo hello": no such command on PATH; '
        "transform.cmd is run directly, so put a shell before it"
    )


@pytest.mark.parametrize(
    ("script", "accept", "reason"),
    [
        ("echo ouch >&2; exit 3", (), "the command exited with code 3; its last words were: ouch"),
        ("exit 3", (3,), ""),
        ("kill -SEGV $$", (), "the command was killed by SIGSEGV"),
        ("exit 0", (), ""),
    ],
)
def test_judges_how_a_command_ended(shop: Any, script: str, accept: tuple[int, ...], reason: str) -> None:
    result = shop.sh(script, accept_return_code=accept).run(shop.task({}))
    assert result.reason == reason
    assert result.state is (DatumState.FAILED if reason else DatumState.PROCESSED)


def test_every_attempt_begins_afresh(shop: Any) -> None:
    result = shop.sh("ls /pfs/out; echo hi; touch /pfs/out/left; false").run(shop.task({}, tries=3))
    assert result.state is DatumState.FAILED
    assert shop.log() == ["hi"] * 3


def test_err_cmd_recovers(shop: Any) -> None:
    worker = shop.sh("touch /pfs/out/x; false", err_cmd=("sh",), err_stdin=("ls /pfs/in",))
    result = worker.run(shop.task({"/a": b""}, tries=3))
    assert (result.state, result.output) == (DatumState.RECOVERED, None)
    assert shop.log() == ["a"]
    failing = shop.sh("false", err_cmd=("false",)).run(shop.task(tries=2))
    assert failing.state is DatumState.FAILED


def test_a_datum_that_takes_too_long_is_killed_and_the_next_one_runs(shop: Any) -> None:
    worker = shop.sh("[ -e /pfs/in/quick ] || sleep 60")
    result = worker.run(shop.task({"/slow": b""}, timeout_s=0.2))
    assert result.reason == "the command was killed: it ran longer than its datum_timeout of 0.2 s"
    assert worker.run(shop.task({"/quick": b""})).state is DatumState.PROCESSED


def test_cancelling_ends_the_run_without_a_verdict(shop: Any) -> None:
    worker = shop.sh("echo started; sleep 60")
    threading.Thread(target=lambda: (_wait_for_log(shop, "started"), worker.cancel())).start()
    assert worker.run(shop.task({}, tries=3)).ending is Ending.CANCELLED


def test_lazy_files_are_pipes_that_fill_when_opened(shop: Any, read: Read) -> None:
    worker = shop.sh("test -p /pfs/in/a && cat /pfs/in/a > /pfs/out/a && head -c 10 /pfs/in/c > /pfs/out/c")
    big = os.urandom(3_000_000)
    result = worker.run(shop.task({"/a": big, "/never-opened": BIG, "/c": big * 2}, lazy=True))
    assert read(result) == {"/a": big, "/c": (big * 2)[:10]}


def test_empty_files_have_names_only(shop: Any, read: Read) -> None:
    result = shop.sh("cp -r /pfs/in/. /pfs/out").run(shop.task({"/a": BIG}, empty_files=True))
    assert read(result) == {"/a": b""}
    assert result.stats.download_bytes == 0


def test_links_to_inputs_are_copies_by_reference(shop: Any, read: Read) -> None:
    script = "ln -s /pfs/in/d/a /pfs/out/x; ln -s /pfs/in/d /pfs/out/all;"
    script += " cd /pfs/out; mkdir s; ln -s ../../in/d/a s/y"
    content = Content(len(BIG), hash_of(BIG), b"")
    expected = {"/x": content, "/all/a": content, "/s/y": content}
    if shop.isolation is Isolation.PLAIN:
        del expected["/s/y"]  # a relative way out of out leads elsewhere when /pfs is not at /pfs
        script = script.split(" cd")[0]
    for rest in ({}, {"lazy": True}, {"empty_files": True}):
        assert read(shop.sh(script).run(shop.task({"/d/a": BIG}, **rest))) == expected


def test_links_elsewhere_are_followed_as_user_code_would(shop: Any, read: Read) -> None:
    script = """
    mkdir $TMPDIR/d; echo tmp > $TMPDIR/d/f; ln -s $TMPDIR/d /pfs/out/tmp
    echo own > /pfs/out/own; ln -s own /pfs/out/again; mkdir /pfs/out/e; ln -s ../own /pfs/out/e/up
    """
    assert read(shop.sh(script).run(shop.task({}))) == {
        "/tmp/f": b"tmp\n",
        "/own": b"own\n",
        "/again": b"own\n",
        "/e/up": b"own\n",
    }


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("ln -s nowhere /pfs/out/x", "/pfs/out/x is a link to nowhere, which is not there"),
        ("ln -s x /pfs/out/x", "/pfs/out/x is a link that leads to itself"),
        ("mkfifo /pfs/out/x", "/pfs/out/x is a pipe, socket or device; only files can be committed"),
        ("touch '/pfs/out/a*'", "/a*: a path in a repo cannot hold any of *?[]"),
        ("touch /pfs/out/$(printf 'a\\377')", "a name in a repo must be UTF-8"),
    ],
)
def test_what_cannot_be_committed_fails_the_datum(shop: Any, script: str, reason: str) -> None:
    result = shop.sh(script).run(shop.task({}))
    assert result.state is DatumState.FAILED
    assert reason in result.reason


def test_unreadable_outputs_are_read_and_removed_all_the_same(shop: Any, read: Read) -> None:
    worker = shop.sh(
        "mkdir -p /pfs/out/d $TMPDIR/e/f; echo x > /pfs/out/d/a; chmod 000 /pfs/out/d/a /pfs/out/d $TMPDIR/e"
    )
    assert read(worker.run(shop.task({}))) == {"/d/a": b"x\n"}
    assert worker.run(shop.task({})).state is DatumState.PROCESSED


def test_results_outlive_the_next_datum(shop: Any, read: Read) -> None:
    worker = shop.sh("cat /pfs/in/* > /pfs/out/x")
    first = worker.run(shop.task({"/a": b"1", "/b": b"2"}, path="/a"))
    second = worker.run(shop.task(path="/b"))
    assert (read(first), read(second)) == ({"/x": b"1"}, {"/x": b"2"})


# A plain process sees no mounts.
@pytest.mark.parametrize("isolation", MOUNTING, indirect=True)
def test_secret_files_and_the_code_of_the_image(shop: Any, read: Read) -> None:
    code = shop.root / "code"
    code.mkdir()
    (code / "main.sh").write_text(
        "cat /creds/deep/key > /pfs/out/key; pwd > /pfs/out/pwd; touch /app/x || true"
    )
    shop.images.environment = Environment("id-of-code", app=code)
    worker = shop.worker("sh", "main.sh", setup={"secret_files": {"/creds/deep/key": b"k"}})
    result = worker.run(shop.task({}))
    assert result.image_id == "id-of-code"
    assert read(result) == {"/key": b"k", "/pwd": b"/app\n"}
    assert not (code / "x").exists()


# A plain process sees no mounts.
@pytest.mark.parametrize("isolation", MOUNTING, indirect=True)
def test_secrets_stand_where_the_spec_says_even_among_the_hosts_files(shop: Any, read: Read) -> None:
    secrets = {"/etc/our-secret/key": b"a", "/tmp/s/key": b"b", "/usr/share/x/y/key": b"c"}
    worker = shop.sh(
        "cat /etc/our-secret/key /tmp/s/key /usr/share/x/y/key > /pfs/out/all; grep -c root /etc/passwd;"
        "touch /etc/x && echo WRITTEN; true",
        setup={"secret_files": secrets},
    )
    for _ in range(2):
        assert read(worker.run(shop.task({}))) == {"/all": b"abc"}
    assert "WRITTEN" not in shop.log()
    assert not any(line == "0" for line in shop.log())


def test_too_much_memory_is_named(shop: Any) -> None:
    worker = shop.worker(
        "python3",
        "-c",
        "x = b'x' * 200_000_000; import time; time.sleep(60)",
        limits=Resources(memory_bytes=50 << 20),
    )
    reason = worker.run(shop.task({})).reason
    assert reason.startswith("the command was killed: it held ")
    assert reason.endswith("of memory, more than its limit of 50 MiB")


def test_logs_tell_job_datum_worker_and_stream(shop: Any) -> None:
    task = shop.task({"/a": b"1"}, path="/a")
    shop.sh("echo out; echo err >&2; printf unfinished").run(task)
    lines = [line for line in shop.logs.read(LogQuery(task.job.pipeline, job=task.job.id)) if line.user]
    assert {(line.stream, line.message) for line in lines} == {
        ("stdout", "out"),
        ("stderr", "err"),
        ("stdout", "unfinished"),
    }
    assert {line.datum for line in lines} == {task.datum.id}
    assert {line.data[0].path for line in lines} == {"/a"}


def _wait_for_log(shop: Any, message: str) -> None:
    query = LogQuery(shop.task().job.pipeline)
    next(line for line in shop.logs.read(query, follow=True) if line.message == message)
